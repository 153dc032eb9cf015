#pragma once

#include "shared/base/result.hpp"
#include "shared/json/json.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace athanor::coordinator {

enum class Gravity {
  ok,    // as it should be, or of no consequence
  warn,  // works, but not as well or as safely as it could
  fail,  // a run would fail
};
std::string_view to_string(Gravity gravity);  // "ok", "warn", "fail"

// What one look has found. Texts are for people and hold no secrets.
struct Finding {
  std::string area{};   // "store", "network", "origin", ...: what the lines are grouped by
  std::string check{};  // "put", "clock": a stable name within its area
  Gravity gravity = Gravity::ok;
  std::string says{};  // what is there
  std::string fix{};   // how to mend it; empty if there is nothing to mend
};

// All findings, in the order of looking. Not thread-safe.
class Findings {
 public:
  void ok(std::string area, std::string check, std::string says);
  void warn(std::string area, std::string check, std::string says, std::string fix);
  void fail(std::string area, std::string check, std::string says, std::string fix);
  // An error as a failure: its message and its hint (or `fix`, if it has none).
  void fail(std::string area, std::string check, const Error& error, std::string fix = {});

  const std::vector<Finding>& all() const { return all_; }
  std::size_t count(Gravity gravity) const;
  Gravity worst() const;

 private:
  void add(Finding finding);

  std::vector<Finding> all_;
};

Json finding_json(const Finding& finding);

}  // namespace athanor::coordinator

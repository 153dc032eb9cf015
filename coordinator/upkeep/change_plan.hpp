#pragma once

#include "shared/base/clock.hpp"
#include "shared/base/result.hpp"
#include "shared/json/json.hpp"
#include "shared/os/atomic_file.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace athanor::coordinator {

enum class ChangeKind {
  discard,  // the object goes to the trash
  move,     // its bytes are put where `to` says, then it goes to the trash
};

// One thing that a plan wants to do to one object.
struct Change {
  ChangeKind kind = ChangeKind::discard;
  std::string key;
  std::uint64_t size = 0;
  // As it was when the plan was made: an object that changed is left alone.
  std::string version_tag{};
  std::string to{};   // of a move
  std::string why{};  // for a person; printable
  // Of an object that a description names: it is taken away although it is, because readers get
  // wrong bytes or give up; publishing it again is the cure.
  bool although_named = false;
};

enum class PlanPurpose { gc, repair };

struct ChangePlanHeader {
  PlanPurpose purpose = PlanPurpose::gc;
  std::string store_url{};
  WallTime made{};                // by our clock; only for people
  std::chrono::seconds grace{0};  // younger objects are left alone when the plan is applied
};

struct ChangePlanTotals {
  std::uint64_t changes = 0;
  std::uint64_t bytes = 0;  // that go to the trash
};

// Writes a plan file: one JSON object a line, whole or not at all, open to its owner only because
// keys may hold secrets. Not thread-safe.
class ChangePlanWriter {
 public:
  static Result<ChangePlanWriter> create(const std::filesystem::path& path,
                                         const ChangePlanHeader& header);
  Result<void> add(const Change& change);
  // The file stands under its name when this returns.
  Result<ChangePlanTotals> commit();

 private:
  explicit ChangePlanWriter(AtomicFile file)
      : file_(std::move(file)) {}

  AtomicFile file_;
  ChangePlanTotals totals_;
};

// A plan's header and its totals; invalid: the file is no whole plan.
struct ChangePlanSummary {
  ChangePlanHeader header;
  ChangePlanTotals totals;
};
Result<ChangePlanSummary> read_plan_summary(const std::filesystem::path& path);
// Every change, in the order of the file.
Result<void> read_plan(const std::filesystem::path& path,
                       const std::function<Result<void>(const Change&)>& visit);

// The change as one line of a plan, and read from it.
Json change_to_json(const Change& change);
Result<Change> change_from_json(const Json& line, const std::string& what);

}  // namespace athanor::coordinator

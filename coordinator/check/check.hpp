#pragma once

#include "coordinator/intake/request.hpp"
#include "shared/base/result.hpp"
#include "shared/json/json.hpp"
#include "shared/layout/layout.hpp"
#include "shared/store/store.hpp"

#include <cstddef>
#include <stop_token>
#include <string>
#include <vector>

namespace athanor::coordinator {

// Whether one environment starts from the store alone.
struct EnvironmentCheck {
  std::string name;      // as its input calls it; for environments of the store: its ids
  std::string platform;  // "linux-64"
  std::string key;       // the description's; empty if its ids can't be known
  std::size_t packages = 0;
  // Why it doesn't start without the web, for a person. Empty: it does.
  std::vector<std::string> reasons;
  std::size_t more_reasons = 0;  // beyond those that are kept

  bool ready() const { return reasons.empty(); }
};

struct CheckReport {
  std::vector<EnvironmentCheck> environments;
  // Of the inputs, for a person: packages of URL lists that aren't there, what couldn't be checked.
  std::vector<std::string> problems;

  std::size_t ready() const;
  bool all_ready() const { return problems.empty() && ready() == environments.size(); }
};

// Does for each environment of the inputs what a reader does before it starts a task: find the
// description by its ids, and each alias asked for; per package, list the source's folder and its
// slots, take the hash, look at the object. Changes nothing. Blocks; errors are the store's only.
Result<CheckReport> check_requests(Store& store, const Layout& layout, IntakeResult intake,
                                   std::stop_token stop = {});

// The same for every environment that is described in the store, and for all aliases.
Result<CheckReport> check_all(Store& store, const Layout& layout, std::stop_token stop = {});

// One line per environment that doesn't start, with its reasons, and a verdict. Ends with a
// newline.
std::string show_check(const CheckReport& report);
// One object, "schema": 1.
Json check_to_json(const CheckReport& report);

}  // namespace athanor::coordinator

#pragma once

#include "coordinator/cli/settings_options.hpp"
#include "coordinator/cli/verb.hpp"
#include "coordinator/specs/resolution.hpp"
#include "shared/layout/layout.hpp"
#include "shared/store/store.hpp"

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace athanor::coordinator {

// What run, plan, check and resolve have in common where inputs say what is wanted: the options for
// solving, and the way from inputs to exact packages.
class Asking {
 public:
  // --channel, --channel-priority, --use-latest, --force, --using, --index, --system, --pins,
  // --exclude-newer, --environment-name.
  void declare(cli::OptionTable& table, SettingsOptions& options);

  // Where and how something is resolved.
  struct Place {
    const config::Settings& settings;
    std::vector<std::string> environments = {};  // only these
    Store* store = nullptr;                      // where environments are looked up; null: nowhere
    std::string name = {};  // tells apart what works at the same time: the store's URL
    int stop_fd = -1;
    std::stop_token stop = {};
    // Whether what isn't in the store is solved, or not found.
    enum class Solving { yes, no };
    Solving solving = Solving::yes;
  };
  // Warnings go to the talk. Errors: an option's value, what can't be read, a channel that is
  // denied; what can't be solved stands in the resolution.
  Result<Resolution> resolve(VerbContext& context, const SortedInputs& inputs,
                             const Place& place) const;

 private:
  Result<AskOptions> ask_options(VerbContext& context, const Place& place,
                                 std::vector<std::string> default_channels) const;
  Result<ResolveOptions> resolve_options(VerbContext& context, const Place& place) const;

  std::vector<std::string> channels_;
  std::string name_;
  std::string base_;
  std::optional<std::string> exclude_newer_;
  bool force_ = false;
};

// "train for osx-arm64: ..." for each platform that has no solution, with the words of the
// contradiction and what follows from it.
std::vector<std::string> unresolved_lines(const Resolution& resolution);
// The same as "not solved: ..." on the talk.
void print_unresolved(VerbContext& context, const Resolution& resolution);

// The platform that this program runs on, as conda calls it; CONDA_SUBDIR, if set.
std::string host_platform(const EnvironmentLookup& environment);

// "2026-01-31" or "2026-01-31T01:02:03" (UTC) as milliseconds since 1970. Absent: it is neither.
std::optional<std::uint64_t> parse_day(std::string_view text);

}  // namespace athanor::coordinator

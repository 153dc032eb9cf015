#pragma once

#include "coordinator/cli/settings_options.hpp"
#include "coordinator/cli/stop_on_signal.hpp"
#include "coordinator/cli/verb.hpp"
#include "coordinator/upkeep/upkeep.hpp"
#include "shared/base/clock.hpp"
#include "shared/cli/painter.hpp"
#include "shared/json/json.hpp"
#include "shared/layout/layout.hpp"
#include "shared/store/observed_store.hpp"
#include "shared/store/open_store.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace athanor::coordinator {

// What all `store` verbs have in common: which store, how fast it may be used, stopping, progress,
// and what was asked of the store. Used for one command line.
class StoreAccess {
 public:
  // --store, --max-requests, --max-rate and where settings come from.
  void declare(cli::OptionTable& table);
  // Without --store: for verbs that take their stores as arguments.
  void declare_limits(cli::OptionTable& table);
  void declare_files(cli::OptionTable& table) { options_.declare_files(table); }

  // Reads the settings, catches signals, opens the settings' store.
  Result<void> open(VerbContext& context);
  // The same without opening a store.
  Result<void> prepare(VerbContext& context);
  // A store at a URL or path, behind the limits and the counters.
  Result<std::unique_ptr<ObservedStore>> open_at(const VerbContext& context, const std::string& url,
                                                 CreateStore create) const;

  ObservedStore& store() { return *store_; }
  const Layout& layout() const { return *layout_; }
  const config::Settings& settings() const { return options_.settings(); }
  // On the store that open() opened, with progress on the talk.
  Upkeep upkeep(VerbContext& context);
  Upkeep upkeep_on(VerbContext& context, Store& store);
  std::stop_token stop() const { return stop_->token(); }

  // Takes the progress away and says, where somebody wants to hear it (-v), what was asked of the
  // store.
  void finish(VerbContext& context);
  // The result as one line of JSON, with what was asked of the store under "requests".
  void print_json(VerbContext& context, Json object);

 private:
  void show(VerbContext& context, const UpkeepProgress& progress);

  SettingsOptions options_;
  std::optional<std::uint64_t> max_requests_;
  std::optional<std::string> max_rate_;
  StoreLimits limits_;
  std::unique_ptr<StopOnSignal> stop_;
  std::unique_ptr<ObservedStore> store_;
  std::optional<Layout> layout_;
  std::optional<cli::Painter> painter_;
  std::optional<TimePoint> shown_;
};

// A path that was typed, made absolute.
std::filesystem::path typed_path(const VerbContext& context, const std::string& text);
// "90s", "45m", "36h", "14d" or "2w"; invalid: none of these.
Result<std::chrono::seconds> parse_age(const std::string& text, const std::string& option);

}  // namespace athanor::coordinator

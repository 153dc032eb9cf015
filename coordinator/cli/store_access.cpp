#include "coordinator/cli/store_access.hpp"

#include "shared/base/strings.hpp"
#include "shared/base/units.hpp"
#include "shared/os/signals.hpp"

#include <unistd.h>

#include <charconv>
#include <ostream>
#include <utility>

namespace athanor::coordinator {
namespace {

constexpr std::chrono::milliseconds k_repaint{200};

std::string progress_line(const UpkeepProgress& progress) {
  std::string line(progress.doing);
  line += ": " + std::to_string(progress.objects) + " objects";
  return progress.bytes == 0 ? line : line + ", " + human_size(progress.bytes);
}

}  // namespace

std::filesystem::path typed_path(const VerbContext& context, const std::string& text) {
  return (context.working_directory / text).lexically_normal();
}

Result<std::chrono::seconds> parse_age(const std::string& text, const std::string& option) {
  std::uint64_t number = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, number);
  constexpr std::uint64_t k_most = 100'000;
  const std::string_view unit(end, static_cast<std::size_t>(last - end));
  const std::uint64_t factor = unit == "s"   ? 1
                               : unit == "m" ? 60
                               : unit == "h" ? 3'600
                               : unit == "d" ? 86'400
                               : unit == "w" ? 604'800
                                             : 0;
  if (error != std::errc() || factor == 0 || number > k_most) {
    return make_error(ErrorKind::invalid,
                      option + ": '" + printable(text, 64) + "' is no length of time",
                      "write it as 90s, 45m, 36h, 14d or 2w");
  }
  return std::chrono::seconds(number * factor);
}

void StoreAccess::declare(cli::OptionTable& table) {
  options_.declare_store(table);
  declare_limits(table);
}

void StoreAccess::declare_limits(cli::OptionTable& table) {
  table.heading("Store");
  table.add(
      {.name = "max-requests", .value_name = "N", .help = "At most so many requests a second."},
      max_requests_);
  table.add({.name = "max-rate",
             .value_name = "SIZE",
             .help = "At most so many bytes a second: 500k, 20M, 1G."},
            max_rate_);
}

Result<void> StoreAccess::prepare(VerbContext& context) {
  ATHANOR_TRY(options_.load(context));
  limits_.requests_per_second = max_requests_.value_or(0);
  if (max_rate_) {
    ATHANOR_ASSIGN(limits_.bytes_per_second, parse_byte_rate(*max_rate_, "--max-rate"));
  }
  layout_ = Layout(*settings().store_packages, *settings().store_environments);
  ignore_broken_pipes();
  ATHANOR_ASSIGN(stop_, StopOnSignal::open());
  return {};
}

Result<void> StoreAccess::open(VerbContext& context) {
  ATHANOR_TRY(prepare(context));
  if (settings().store_url->empty()) {
    return make_error(ErrorKind::invalid, "no store is given",
                      "give --store URL, or set ATHANOR_STORE or store.url in athanor.toml");
  }
  ATHANOR_ASSIGN(store_, open_at(context, *settings().store_url, CreateStore::no));
  return {};
}

Result<std::unique_ptr<ObservedStore>> StoreAccess::open_at(const VerbContext& context,
                                                            const std::string& url,
                                                            CreateStore create) const {
  const std::string whole =
      url.find("://") == std::string::npos ? typed_path(context, url).string() : url;
  ATHANOR_ASSIGN(std::unique_ptr<Store> store, open_store(whole, create));
  return std::make_unique<ObservedStore>(
      limit_store(std::move(store), limits_, context.clock, real_sleeper()), context.clock);
}

Upkeep StoreAccess::upkeep(VerbContext& context) {
  return upkeep_on(context, *store_);
}

Upkeep StoreAccess::upkeep_on(VerbContext& context, Store& store) {
  return {.store = store,
          .layout = *layout_,
          .stop = stop_->token(),
          .on_progress = [this, &context](const UpkeepProgress& p) { show(context, p); }};
}

// On a terminal a line that is painted over, elsewhere one now and then.
void StoreAccess::show(VerbContext& context, const UpkeepProgress& progress) {
  if (context.common.quiet > 0 || *settings().progress == "none") {
    return;
  }
  const TimePoint now = context.clock.now();
  if (!shown_) {
    shown_ = now;
  }
  const bool bar = context.err_terminal.cursor && *settings().progress != "line";
  if (now - *shown_ < (bar ? k_repaint : *settings().heartbeat)) {
    return;
  }
  shown_ = now;
  if (!bar) {
    context.err << progress_line(progress) << std::endl;
    return;
  }
  if (!painter_) {
    painter_.emplace(
        [&context](std::string_view text) {
          context.err << text;
          context.err.flush();
        },
        [] {
          const cli::StreamFacts facts = cli::stream_facts(STDERR_FILENO);
          return cli::ScreenSize{.columns = facts.columns, .rows = facts.rows};
        },
        context.err_terminal.unicode);
  }
  painter_->paint({progress_line(progress)});
}

void StoreAccess::finish(VerbContext& context) {
  painter_.reset();
  if (context.common.verbose > 0 && store_ != nullptr) {
    context.err << show_store_metrics(store_->metrics());
  }
}

void StoreAccess::print_json(VerbContext& context, Json object) {
  if (store_ != nullptr) {
    object.set("requests", store_metrics_to_json(store_->metrics()));
  }
  context.out << dump_json(object) << '\n';
}

}  // namespace athanor::coordinator

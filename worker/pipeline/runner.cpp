#include "shared/base/limits.hpp"
#include "worker/pipeline/stages.hpp"

#include <algorithm>
#include <array>
#include <exception>
#include <mutex>
#include <new>
#include <utility>

namespace athanor::worker {
namespace {

using std::chrono::milliseconds;

using StageFunction = Result<void> (*)(JobContext&);
constexpr std::array<std::pair<Stage, StageFunction>, 5> k_stages{
    std::pair(Stage::locate, &locate), std::pair(Stage::fetch, &fetch),
    std::pair(Stage::verify, &verify), std::pair(Stage::transmute, &transmute_artifact),
    std::pair(Stage::publish, &publish)};

Result<void> check_wanted(const JobSpec& spec, const SourceUrl& source) {
  for (const Format format : spec.wanted) {
    const bool can_be_made = format == source.format() || source.type() == PackageType::conda;
    if (!can_be_made ||
        !format_of_filename(source.stem() + std::string(extension(format)), source.type())) {
      return make_error(ErrorKind::invalid,
                        source.text() + " can't be had as " + std::string(extension(format)));
    }
  }
  return {};
}

JobFailure failure_of(Stage stage, Error error, const JobContext* context) {
  JobFailure failure;
  failure.stage = stage;
  failure.kind = error.kind;
  failure.message = std::move(error.message);
  failure.hint = std::move(error.hint);
  if (context != nullptr) {
    failure.fetched_bytes = context->fetched_bytes;
    failure.retry_after = context->retry_after;
    failure.requests = context->requests;
    failure.throttled = context->throttled;
    failure.lagging = context->lagging;
    failure.attempts = context->attempts;
  }
  return failure;
}

class PackagePipeline final : public Pipeline {
 public:
  explicit PackagePipeline(PipelineParts parts)
      : shop_(std::move(parts)) {}

  JobOutcome run(const JobSpec& spec, ProgressCell& progress, std::stop_token stop) override {
    try {
      return run_job(spec, progress, std::move(stop));
    } catch (const std::bad_alloc&) {
      return failure_of(progress.stage, make_error(ErrorKind::retry, "out of memory"), nullptr);
    } catch (const std::exception& error) {
      return failure_of(progress.stage, make_error(ErrorKind::bug, error.what()), nullptr);
    }
  }

 private:
  JobOutcome run_job(const JobSpec& spec, ProgressCell& progress, std::stop_token stop) {
    Result<SourceUrl> source = SourceUrl::parse(spec.source_url, spec.type);
    if (!source) {
      return failure_of(Stage::locate, std::move(source).error(), nullptr);
    }
    if (Result<void> checked = check_wanted(spec, *source); !checked) {
      return failure_of(Stage::locate, std::move(checked).error(), nullptr);
    }
    Result<Scratch> scratch = shop_.parts.workspace.make_scratch();
    if (!scratch) {
      return failure_of(Stage::locate, std::move(scratch).error(), nullptr);
    }
    JobContext context{.shop = shop_,
                       .spec = spec,
                       .source = std::move(source).value(),
                       .progress = progress,
                       .stop = std::move(stop),
                       .random = next_random(),
                       .scratch = std::move(scratch).value()};
    for (const auto& [stage, function] : k_stages) {
      if (Result<void> done = run_stage(context, stage, function); !done) {
        return failure_of(stage, std::move(done).error(), &context);
      }
    }
    context.result.fetched_bytes = context.fetched_bytes;
    context.result.requests = context.requests;
    context.result.throttled = context.throttled;
    context.result.attempts = std::move(context.attempts);
    return std::move(context.result);
  }

  Result<void> run_stage(JobContext& context, Stage stage, StageFunction function) {
    if (context.stop.stop_requested()) {
      return make_error(ErrorKind::canceled, "asked to stop");
    }
    const TimePoint begin = shop_.parts.clock.now();
    context.progress.stage = stage;
    ++context.progress.steps;
    Result<void> done = function(context);
    context.result.stage_times.emplace_back(
        stage, std::chrono::duration_cast<milliseconds>(shop_.parts.clock.now() - begin));
    return done;
  }

  // Each job has a generator of its own, since generators aren't shared between threads.
  Random next_random() {
    const std::lock_guard lock(random_mutex_);
    return Random(shop_.parts.random.next());
  }

  Shop shop_;
  std::mutex random_mutex_;
};

}  // namespace

bool JobContext::is_missing(Format format) const {
  return std::ranges::find(missing, format) != missing.end();
}

std::optional<Format> JobContext::to_make() const {
  for (const Format format : missing) {
    if (format != source.format()) {
      return format;
    }
  }
  return std::nullopt;
}

JobContext::Silence::Silence(JobContext& context, std::uint64_t bytes)
    : progress_(context.progress) {
  // Slower than this, and the store's own watch over stalls has ended the call long ago.
  constexpr std::uint64_t k_slowest = 64;  // bytes per millisecond
  const auto most = 5 * milliseconds(limits::k_stall_timeout) + milliseconds(bytes / k_slowest);
  const TimePoint until = context.shop.parts.clock.now() + most;
  progress_.silent_until =
      std::chrono::duration_cast<std::chrono::nanoseconds>(until.time_since_epoch()).count();
}

JobContext::Silence::~Silence() {
  progress_.silent_until = 0;
}

std::unique_ptr<Pipeline> make_pipeline(PipelineParts parts) {
  return std::make_unique<PackagePipeline>(std::move(parts));
}

}  // namespace athanor::worker

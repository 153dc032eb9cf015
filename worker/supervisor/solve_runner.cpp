#include "worker/supervisor/solve_runner.hpp"

#include "shared/base/strings.hpp"

#include <utility>

#ifdef ATHANOR_WITH_SOLVER
#include "worker/pipeline/cpu_tokens.hpp"
#include "worker/solve/answer.hpp"
#include "worker/solve/index_cache.hpp"
#endif

namespace athanor::worker {
namespace {

JobFailure failed(Stage stage, const Error& error, std::uint64_t fetched_bytes) {
  JobFailure failure;
  failure.stage = stage;
  failure.kind = error.kind;
  failure.hint = error.hint;
  failure.fetched_bytes = fetched_bytes;
  // An explanation is a sentence and lines that begin with "  - ".
  const std::vector<std::string_view> lines = split(error.message, '\n');
  failure.message = lines.front();
  if (lines.size() > 1 && failure.message.ends_with(':')) {
    failure.message.pop_back();
  }
  for (std::size_t i = 1; i < lines.size() && i < 64; ++i) {
    std::string_view line = trim(lines[i]);
    if (line.starts_with("- ")) {
      line.remove_prefix(2);
    }
    failure.details.emplace_back(line);
  }
  return failure;
}

#ifdef ATHANOR_WITH_SOLVER

// Fetching and reading an index can't tell its progress; transfers are watched by the HTTP client.
constexpr std::chrono::minutes k_load_patience{20};
constexpr std::chrono::seconds k_solve_margin{30};

RepodataCacheOptions cache_options(const SolveParts& parts, bool shards) {
  RepodataCacheOptions options;
  options.directory = parts.cache_directory;
  options.origin_map = parts.settings.origin_map;
  options.shards = shards;
  return options;
}

class RealSolveRunner final : public SolveRunner {
 public:
  explicit RealSolveRunner(SolveParts parts)
      : parts_(std::move(parts)),
        sharded_(cache_options(parts_, true), parts_.http, parts_.clock, Random::from_entropy(),
                 real_sleeper()),
        whole_(cache_options(parts_, false), parts_.http, parts_.clock, Random::from_entropy(),
               real_sleeper()),
        indices_(sharded_, whole_, parts_.clock),
        cpu_(parts_.cpu) {}

  JobOutcome run(const SolveRequest& request, ProgressCell& progress,
                 std::stop_token stop) override {
    progress.stage = Stage::fetch;
    ++progress.steps;
    if (Result<void> allowed = check_channels(request); !allowed) {
      return failed(Stage::fetch, allowed.error(), 0);
    }
    watch_itself(progress, k_load_patience);
    Result<solve::IndexLoad> load = indices_.load(request, stop);
    if (!load) {
      return failed(Stage::fetch, load.error(), 0);
    }
    const std::optional<CpuTokens::Token> token = cpu_.acquire(progress, stop);
    if (!token) {
      return failed(Stage::solve, make_error(ErrorKind::canceled, "asked to stop"),
                    load->fetched_bytes);
    }
    progress.stage = Stage::solve;
    ++progress.steps;
    watch_itself(progress, request.time_limit + k_solve_margin);
    const TimePoint begin = parts_.clock.now();
    std::unique_ptr<solve::EnvironmentSolver> solver = load->index->take_solver();
    Result<SolveSuccess> answered = solve::answer(*solver, request, parts_.clock, stop);
    load->index->give_back(std::move(solver));
    if (!answered) {
      return failed(Stage::solve, answered.error(), load->fetched_bytes);
    }
    answered->repodata = load->index->repodata();
    answered->load_time = load->time;
    JobSuccess success;
    success.provenance = load->fetched_bytes == 0 ? Provenance::none : Provenance::origin;
    success.fetched_bytes = load->fetched_bytes;
    success.stage_times = {{Stage::fetch, load->time},
                           {Stage::solve, std::chrono::duration_cast<std::chrono::milliseconds>(
                                              parts_.clock.now() - begin)}};
    success.solve = *std::move(answered);
    return success;
  }

 private:
  Result<void> check_channels(const SolveRequest& request) const {
    for (const SolveChannel& channel : request.channels) {
      const bool local = to_lower(channel.url.substr(0, 5)) == "file:";
      if (local && !parts_.settings.allow_file_origins &&
          !map_origin(parts_.settings.origin_map, channel.url)) {
        return make_error(ErrorKind::rejected,
                          "the channel " + channel.url + " is a folder of this machine",
                          "allow file origins if all workers have that folder");
      }
    }
    return {};
  }

  void watch_itself(ProgressCell& progress, std::chrono::milliseconds time) const {
    progress.silent_until = std::chrono::duration_cast<std::chrono::nanoseconds>(
                                (parts_.clock.now() + time).time_since_epoch())
                                .count();
  }

  const SolveParts parts_;
  RepodataCache sharded_;
  RepodataCache whole_;
  solve::IndexCache indices_;
  CpuTokens cpu_;
};

#else

class NoSolveRunner final : public SolveRunner {
 public:
  JobOutcome run(const SolveRequest& /*request*/, ProgressCell& /*progress*/,
                 std::stop_token /*stop*/) override {
    return failed(Stage::solve,
                  make_error(ErrorKind::unsupported,
                             "this worker was built without libsolv, so it can't solve",
                             "run scripts/build-libsolv, then build the program again"),
                  0);
  }
};

#endif

}  // namespace

std::unique_ptr<SolveRunner> make_solve_runner(SolveParts parts) {
#ifdef ATHANOR_WITH_SOLVER
  return std::make_unique<RealSolveRunner>(std::move(parts));
#else
  static_cast<void>(parts);
  return std::make_unique<NoSolveRunner>();
#endif
}

}  // namespace athanor::worker

#include "coordinator/cli/run_progress.hpp"

#include <algorithm>
#include <chrono>

namespace athanor::coordinator {

namespace {

constexpr std::chrono::seconds k_rate_window{10};
constexpr std::chrono::milliseconds k_sample_distance{200};
// Fewer finished jobs say nothing about the rest.
constexpr std::uint64_t k_jobs_for_estimate = 5;

template <typename... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};
template <typename... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

}  // namespace

void RunProgress::apply(const RunEvent& event, TimePoint now) {
  std::visit(Overloaded{
                 [](const BatchReceived&) {},
                 [&](const BatchAccepted& accepted) { take(accepted, now); },
                 [&](const BatchExtended& extended) {
                   jobs_ += extended.new_jobs + extended.joined_jobs;
                   had_ += extended.present;
                   packages_ += extended.new_jobs + extended.joined_jobs + extended.present +
                                extended.conflicts;
                 },
                 [&](const BatchReleased& released) {
                   jobs_failed_ -= std::min<std::uint64_t>(jobs_failed_, released.jobs);
                   environments_failed_ -=
                       std::min<std::uint64_t>(environments_failed_, released.environments);
                 },
                 [](const BatchFinished&) {},
                 [&](const WorkerJoined&) { ++workers_; },
                 [&](const WorkerGone&) { workers_ -= std::min<std::uint64_t>(workers_, 1); },
                 [&](const JobStarted& started) { take(started, now); },
                 [&](const JobProgressed& progressed) { take(progressed); },
                 [&](const JobReturned& returned) { running_.erase(returned.job); },
                 [&](const JobRetrying& retrying) {
                   running_.erase(retrying.job);
                   finished_bytes_ += retrying.failure.fetched_bytes;
                 },
                 [&](const JobFinished& finished) {
                   running_.erase(finished.job);
                   finished_bytes_ += finished.success.fetched_bytes;
                   ++jobs_done_;
                 },
                 [&](const JobFailed& failed) { take(failed); },
                 [&](const EnvironmentReady&) { ++environments_ready_; },
                 [&](const EnvironmentFailed&) { ++environments_failed_; },
                 [](const OriginsChanged&) {},
                 [&](const Totals& totals) { totals_ = totals; },
                 [&](const Draining&) { draining_ = true; },
             },
             event);
  count_bytes(now);
}

void RunProgress::take(const BatchAccepted& accepted, TimePoint now) {
  accepted_ = now;
  jobs_ = accepted.new_jobs + accepted.joined_jobs;
  had_ = accepted.present;
  packages_ = jobs_ + accepted.present + accepted.conflicts;
}

void RunProgress::take(const JobStarted& started, TimePoint now) {
  running_[started.job] = RunningJob{.source_url = started.source_url,
                                     .worker = started.worker,
                                     .stage = Stage::locate,
                                     .bytes = 0,
                                     .fetched = 0,
                                     .since = now};
}

void RunProgress::take(const JobProgressed& progressed) {
  const auto job = running_.find(progressed.job);
  if (job == running_.end()) {
    return;
  }
  job->second.stage = progressed.stage;
  job->second.bytes = progressed.bytes;
  if (progressed.stage == Stage::fetch) {
    job->second.fetched = progressed.bytes;
  }
}

void RunProgress::take(const JobFailed& failed) {
  running_.erase(failed.job);
  finished_bytes_ += failed.failure.fetched_bytes;
  ++jobs_failed_;
  ++failures_[std::string(to_string(failed.failure.kind))];
}

void RunProgress::count_bytes(TimePoint now) {
  std::uint64_t bytes = finished_bytes_;
  for (const auto& [job, running] : running_) {
    bytes += running.fetched;
  }
  bytes_ = std::max(bytes_, bytes);
  if (samples_.empty() || now - samples_.back().when >= k_sample_distance) {
    samples_.push_back({now, bytes_});
  }
  // One sample before the window stays, so that the window is always covered.
  while (samples_.size() > 2 && now - samples_[1].when > k_rate_window) {
    samples_.pop_front();
  }
}

std::vector<RunningJob> RunProgress::running() const {
  std::vector<RunningJob> jobs;
  for (const auto& [id, job] : running_) {
    jobs.push_back(job);
  }
  std::sort(jobs.begin(), jobs.end(), [](const RunningJob& a, const RunningJob& b) {
    return a.since != b.since ? a.since < b.since : a.source_url < b.source_url;
  });
  return jobs;
}

std::uint64_t RunProgress::rate(TimePoint now) const {
  const auto first = std::find_if(samples_.begin(), samples_.end(), [&](const Sample& sample) {
    return now - sample.when <= k_rate_window;
  });
  if (first == samples_.end()) {
    return 0;
  }
  const auto span = std::chrono::duration_cast<std::chrono::milliseconds>(now - first->when);
  return span.count() <= 0
             ? 0
             : (bytes_ - first->bytes) * 1'000 / static_cast<std::uint64_t>(span.count());
}

std::optional<std::chrono::milliseconds> RunProgress::time_left(TimePoint now) const {
  if (jobs_over() < k_jobs_for_estimate || jobs_over() >= jobs_) {
    return std::nullopt;
  }
  const auto spent = std::chrono::duration_cast<std::chrono::milliseconds>(now - accepted_).count();
  const auto left = static_cast<std::int64_t>(jobs_ - jobs_over());
  return std::chrono::milliseconds(spent * left / static_cast<std::int64_t>(jobs_over()));
}

std::string RunProgress::environment_name(std::size_t environment) const {
  if (environment >= environments_.size()) {
    return "environment " + std::to_string(environment);
  }
  return environments_[environment].platform + " " + environments_[environment].name;
}

std::vector<EnvironmentLabel> RunProgress::labels_of(const Plan& plan) {
  std::vector<EnvironmentLabel> labels;
  const auto& all = plan.environments;
  const bool several_inputs = std::any_of(all.begin(), all.end(), [&](const auto& environment) {
    return environment.request.position.file != all.front().request.position.file;
  });
  for (const PlannedEnvironment& environment : all) {
    const EnvironmentRequest& request = environment.request;
    labels.push_back(
        {.name = several_inputs ? request.name + " of " + request.position.file : request.name,
         .platform = request.platform});
  }
  return labels;
}

void RunProgress::restore(const BatchSnapshot& snapshot, TimePoint now) {
  environments_ = snapshot.environments;
  accepted_ = jobs_ == 0 ? now : accepted_;
  jobs_ = snapshot.jobs;
  had_ = snapshot.present;
  packages_ = snapshot.jobs + snapshot.present + snapshot.conflicts;
  jobs_done_ = snapshot.done;
  jobs_failed_ = snapshot.failed;
  workers_ = snapshot.workers;
  environments_ready_ = snapshot.environments_ready;
  environments_failed_ = snapshot.environments_failed;
  finished_bytes_ = snapshot.fetched_bytes;
  failures_ = snapshot.failures;
  running_.clear();
  for (const BatchSnapshot::Running& job : snapshot.running) {
    running_[job.job] = RunningJob{.source_url = job.source_url,
                                   .worker = job.worker,
                                   .stage = job.stage,
                                   .bytes = job.bytes,
                                   .fetched = job.stage == Stage::fetch ? job.bytes : 0,
                                   .since = now - job.since};
  }
  count_bytes(now);
}

}  // namespace athanor::coordinator

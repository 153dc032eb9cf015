#include "worker/supervisor/job_runner.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace athanor::worker {
namespace {

void ring(const Fd& fd) {
  const std::uint64_t one = 1;
  // Fails only when the counter is full, and then it is readable anyway.
  [[maybe_unused]] const ssize_t written = ::write(fd.get(), &one, sizeof one);
}

void silence(const Fd& fd) {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t taken = ::read(fd.get(), &count, sizeof count);
}

}  // namespace

Result<std::unique_ptr<JobRunner>> JobRunner::create(unsigned slots, const Clock& clock) {
  Fd wake(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!wake.valid()) {
    return system_error(errno, "cannot make an event descriptor");
  }
  return std::unique_ptr<JobRunner>(new JobRunner(slots, clock, std::move(wake)));
}

JobRunner::JobRunner(unsigned slots, const Clock& clock, Fd wake)
    : clock_(clock),
      wake_(std::move(wake)),
      queue_(slots),
      living_threads_(slots) {
  threads_.reserve(slots);
  for (unsigned i = 0; i < slots; ++i) {
    threads_.emplace_back([this] { work(); });
  }
}

JobRunner::~JobRunner() {
  shut_down(std::chrono::milliseconds(0));
  for (std::thread& thread : threads_) {
    thread.join();
  }
}

void JobRunner::start(const LeaseKey& lease, JobSpec spec, std::shared_ptr<Pipeline> pipeline) {
  auto job = std::make_shared<Job>();
  job->lease = lease;
  job->spec = std::move(spec);
  job->pipeline = std::move(pipeline);
  running_[lease] = job;
  ATHANOR_CHECK(queue_.try_push(std::move(job)));
}

void JobRunner::stop(const LeaseKey& lease) {
  const auto found = running_.find(lease);
  if (found != running_.end()) {
    found->second->stop.request_stop();
  }
}

std::vector<FinishedJob> JobRunner::take_finished() {
  silence(wake_);
  std::vector<FinishedJob> finished;
  {
    const std::lock_guard lock(mutex_);
    finished = std::exchange(finished_, {});
  }
  for (const FinishedJob& job : finished) {
    running_.erase(job.lease);
  }
  return finished;
}

std::vector<protocol::JobProgress> JobRunner::progress() {
  const std::int64_t now =
      std::chrono::duration_cast<std::chrono::nanoseconds>(clock_.now().time_since_epoch()).count();
  std::vector<protocol::JobProgress> all;
  for (const auto& [lease, job] : running_) {
    if (now < job->cell.silent_until) {
      ++job->silent_steps;
    }
    all.push_back({.lease = lease,
                   .stage = job->cell.stage,
                   .bytes = job->cell.bytes,
                   .steps = job->cell.steps + job->silent_steps});
  }
  return all;
}

bool JobRunner::shut_down(std::chrono::milliseconds patience) {
  for (const auto& [lease, job] : running_) {
    job->stop.request_stop();
  }
  queue_.close();
  std::unique_lock lock(mutex_);
  return ended_.wait_for(lock, patience, [&] { return living_threads_ == 0; });
}

void JobRunner::work() {
  while (const std::optional<std::shared_ptr<Job>> job = queue_.pop()) {
    Job& mine = **job;
    finish(mine, mine.pipeline->run(mine.spec, mine.cell, mine.stop.get_token()));
  }
  const std::lock_guard lock(mutex_);
  --living_threads_;
  ended_.notify_all();
}

void JobRunner::finish(const Job& job, JobOutcome outcome) {
  {
    const std::lock_guard lock(mutex_);
    finished_.push_back({.lease = job.lease, .outcome = std::move(outcome)});
  }
  ring(wake_);
}

}  // namespace athanor::worker

#include "coordinator/core/invariants.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

namespace athanor::coordinator {
namespace {

class Checker {
 public:
  explicit Checker(const Core& core)
      : core_(core) {}

  std::vector<std::string> run() && {
    check_leases();
    check_workers();
    check_jobs();
    check_environments();
    check_batches();
    return std::move(problems_);
  }

 private:
  void expect(bool condition, std::string_view rule, std::uint64_t number) {
    if (!condition) {
      problems_.push_back(std::string(rule) + " (" + std::to_string(number) + ")");
    }
  }

  void check_leases() {
    core_.leases.for_each([this](const Lease& lease) {
      const std::uint64_t number = lease.key.job.value;
      const Job* job = core_.jobs.find(lease.key.job);
      expect(job != nullptr, "a lease is on a job that exists", number);
      if (job == nullptr) {
        return;
      }
      expect(job->state == JobState::leased, "a job with a lease is leased", number);
      expect(lease.key.attempt <= job->attempt, "no lease is newer than its job", number);
      expect(lease.key.epoch <= core_.epoch, "no lease is of a later epoch", number);
      if (lease.worker.value != 0) {
        const Worker* worker = core_.workers.find(lease.worker);
        expect(worker != nullptr && worker->held.count(lease.key) != 0,
               "a lease is known to its worker's entry", number);
      }
      ++executing_[lease.batch];
      ++leased_[lease.key.job];
    });
    for (const auto& [job, leases] : leased_) {
      expect((leases > 1) == (core_.speculated.count(job) != 0),
             "a job with several leases is known as speculative", job.value);
    }
  }

  void check_workers() {
    std::size_t held = 0;
    for (const auto& [id, worker] : core_.workers.all()) {
      expect(!is_over(worker.state), "sessions that are over are taken out", id.value);
      held += worker.held.size();
      for (const LeaseKey& key : worker.held) {
        const Lease* lease = core_.leases.find(key);
        expect(lease != nullptr && lease->worker == id, "a worker holds only live leases",
               key.job.value);
      }
      std::size_t cpu_bound = 0;
      for (const LeaseKey& key : worker.held) {
        const Lease* lease = core_.leases.find(key);
        cpu_bound += lease != nullptr && lease->origin == 0 ? 1 : 0;
      }
      expect(cpu_bound == worker.cpu_bound, "a worker counts what only computes", id.value);
      expect(!worker.alone || worker.state != WorkerState::active || !worker.held.empty(),
             "only a worker that holds something is kept alone", id.value);
    }
    std::size_t assigned = 0;
    core_.leases.for_each([&](const Lease& lease) { assigned += lease.worker.value != 0 ? 1 : 0; });
    expect(held == assigned, "workers hold exactly the assigned leases", held);
  }

  void check_jobs() {
    std::array<std::uint64_t, k_job_states> counts{};
    for (std::uint64_t number = 1; number < core_.jobs.end().value; ++number) {
      const Job* job = core_.jobs.find(JobId{number});
      if (job == nullptr) {
        continue;
      }
      ++counts[static_cast<std::size_t>(job->state)];
      expect((job->state == JobState::leased) == (leased_.count(JobId{number}) != 0),
             "a leased job has a lease", number);
      expect(is_final(job->state) == (job->waiters == 0),
             "somebody waits for a job exactly until it ends", number);
      expect(job->state != JobState::done || !job->result.empty(), "a done job has a result",
             number);
      for (const EnvironmentId id : core_.jobs.waiters(JobId{number})) {
        ++waiting_[id];
      }
    }
    for (std::size_t state = 0; state < k_job_states; ++state) {
      expect(counts[state] == core_.jobs.count(static_cast<JobState>(state)),
             "jobs are counted by state", state);
    }
  }

  void check_environments() {
    for (const auto& [id, environment] : core_.environments) {
      const auto waits = waiting_.find(id);
      const std::uint64_t jobs = waits == waiting_.end() ? 0 : waits->second;
      expect(jobs == environment.remaining, "an environment waits for its remaining jobs",
             id.value);
      expect(environment.remaining == 0 || environment.state == EnvironmentState::collecting,
             "only a collecting environment waits", id.value);
      expect(environment.remaining != 0 || environment.state != EnvironmentState::collecting,
             "an environment that waits for nothing goes on", id.value);
      expect(environment.state != EnvironmentState::ready || environment.failed == 0,
             "no environment is ready with a failed package", id.value);
      open_[environment.batch] += is_open(environment.state) ? 1U : 0U;
    }
  }

  void check_batches() {
    std::uint64_t open_batches = 0;
    for (const auto& [id, batch] : core_.batches) {
      expect(open_[id] == batch.open_environments, "a batch counts its open environments",
             id.value);
      open_batches += batch.finished() ? 0U : 1U;
      if (!batch.finished()) {
        expect(core_.ready.executing(id) == executing_[id], "a batch's share counts its leases",
               id.value);
      }
    }
    expect(open_batches == core_.open_batches, "open batches are counted", open_batches);
  }

  const Core& core_;
  std::vector<std::string> problems_;
  std::map<BatchId, std::size_t> executing_;
  std::map<JobId, std::size_t> leased_;
  std::map<EnvironmentId, std::uint64_t> waiting_;
  std::map<BatchId, std::uint32_t> open_;
};

}  // namespace

std::vector<std::string> check_invariants(const Core& core) {
  return Checker(core).run();
}

}  // namespace athanor::coordinator

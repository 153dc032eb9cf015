#include "tests/simulation/world.hpp"

#include <set>
#include <string>
#include <utility>

// What people want: batches, and then something else.
namespace athanor::simulation {

using namespace std::chrono_literals;
using coordinator::PeerId;

namespace {

// Jobs of every fourth number come from a host that is asked so often only.
JobSpec spec_of(std::uint64_t number, bool poison) {
  const std::string host = number % 4 == 3 ? "rated.test" : "conda.test";
  JobSpec spec;
  spec.source_url = "https://" + host + "/c/linux-64/" + std::string(poison ? "poison" : "p") +
                    std::to_string(number) + "-1-0.tar.bz2";
  spec.fetch_url = spec.source_url;
  spec.wanted = {Format::conda, Format::tar_bz2};
  return spec;
}

}  // namespace

coordinator::Submission World::draw_submission() {
  coordinator::Submission submission;
  submission.name = "batch";
  submission.priority = static_cast<int>(random_.below(3)) * 100;
  std::set<std::uint64_t> numbers;
  const std::uint64_t jobs = random_.below(12);
  for (std::uint64_t i = 0; i < jobs; ++i) {
    numbers.insert(random_.below(20));
  }
  for (const std::uint64_t number : numbers) {
    submission.jobs.push_back(spec_of(number, faults_.poison && number == 0));
  }
  const std::uint64_t environments = 1 + random_.below(k_first_extension);
  for (std::uint64_t i = 0; i < environments; ++i) {
    coordinator::SubmittedEnvironment environment;
    for (std::size_t job = 0; job < submission.jobs.size(); ++job) {
      if (job % environments == i || random_.below(3) == 0) {
        environment.jobs.push_back(job);
      }
    }
    environment.publish = random_.below(4) != 0;
    submission.environments.push_back(std::move(environment));
  }
  return submission;
}

void World::note_submitted(const coordinator::Submitted& submitted) {
  tell("batch " + std::to_string(submitted.batch.value) + " with " +
       std::to_string(submitted.jobs.size()) + " jobs is submitted");
  running_.committed = [this, submitted] {
    for (const JobId job : submitted.jobs) {
      ++asked_[job];
    }
  };
}

void World::submit_some() {
  if (submissions_left_ == 0) {
    return;  // asked again although an answer had come
  }
  const std::uint64_t left = submissions_left_;
  turn([this](coordinator::Reactor& reactor) {
    const coordinator::Submitted submitted =
        reactor.on_submit(coordinator_now(), draw_submission());
    note_submitted(submitted);
    running_.actions.emplace_back([this, submitted] {
      submitted_.insert(submitted.batch);
      submissions_left_ -= submissions_left_ == 0 ? 0 : 1;
      if (submissions_left_ != 0) {
        after(some(0ms, 20s), [this] { submit_some(); });
      }
    });
  });
  // Without an answer a client asks again; the jobs are joined.
  after(20s, [this, left] {
    if (submissions_left_ == left) {
      submit_some();
    }
  });
}

// --- Second thoughts -----------------------------------------------------------------------------

void World::meddle() {
  if (faults_on_) {
    if (reactor_ != nullptr) {
      meddle_with_workers();
    }
    if (reactor_ != nullptr) {
      meddle_with_batches();
    }
    after(some(1s, 10s), [this] { meddle(); });
  }
}

void World::meddle_with_workers() {
  for (const auto& [id, worker] : reactor_->core().workers.all()) {
    if (random_.below(8) != 0) {
      continue;
    }
    const std::uint64_t connection = worker.peer.value;
    if (worker.state == coordinator::WorkerState::active) {
      tell(worker.name + " is drained");
      turn([this, id = id, connection](coordinator::Reactor& reactor) {
        reactor.on_drain_worker(coordinator_now(), id);
        drained_[connection] = id;
        if (options_.canary == Canary::ignore_drain) {
          reactor.on_resume_worker(coordinator_now(), id);
        }
      });
    } else {
      tell(worker.name + " is resumed");
      turn([this, id = id, connection](coordinator::Reactor& reactor) {
        if (reactor.on_resume_worker(coordinator_now(), id)) {
          drained_.erase(connection);
        }
      });
    }
    return;  // the table may have changed
  }
}

void World::meddle_with_batches() {
  const auto& batches = reactor_->core().batches;
  if (batches.empty()) {
    return;
  }
  auto chosen = batches.begin();
  std::advance(chosen, static_cast<std::ptrdiff_t>(random_.below(batches.size())));
  const BatchId batch = chosen->first;
  const bool finished = chosen->second.finished();
  const std::string name = "batch " + std::to_string(batch.value);
  switch (random_.below(8)) {
    case 0:
      tell(name + " is canceled");
      turn([&](coordinator::Reactor& reactor) {
        reactor.on_cancel_batch(coordinator_now(), batch);
      });
      break;
    case 1:
    case 2:
      tell(name + " is tried again");
      turn(
          [&](coordinator::Reactor& reactor) { reactor.on_retry_batch(coordinator_now(), batch); });
      break;
    case 3: {
      const JobId job{1 + random_.below(reactor_->core().jobs.end().value)};
      tell("job " + std::to_string(job.value) + " is tried again");
      turn([&](coordinator::Reactor& reactor) { reactor.on_retry_job(coordinator_now(), job); });
      break;
    }
    case 4:
      if (finished) {
        tell(name + " is forgotten");
        turn([&](coordinator::Reactor& reactor) {
          reactor.on_forget_batch(coordinator_now(), batch);
          // As soon as it is durable, it may be gone.
          running_.committed = [this, batch] { forgotten_.insert(batch); };
        });
      }
      break;
    default:
      break;
  }
}

}  // namespace athanor::simulation

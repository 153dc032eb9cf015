#include "coordinator/core/reactor.hpp"
#include "shared/protocol/messages.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <queue>
#include <string>
#include <utility>
#include <variant>
#include <vector>

// What a fleet costs its coordinator, as it grows: the real reactor under a simulated clock, with
// workers that only take time. Messages aren't encoded and nothing is journaled: coordinator_bench
// measures these.
//
//   fleet_bench [--jobs N] [--workers N]...
namespace athanor::coordinator {
namespace {

constexpr std::uint32_t k_slots = 16;
constexpr std::chrono::milliseconds k_latency{1};
constexpr std::chrono::milliseconds k_tick{50};

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Packages as they are: most are small, some are large, and time goes with size.
std::uint64_t size_of(std::uint64_t number) {
  Random random(number);
  const double tail = 1.0 - random.unit();
  return static_cast<std::uint64_t>(std::min(2e5 / tail, 5e8));
}
std::chrono::milliseconds time_of(std::uint64_t size) {
  return std::chrono::milliseconds(500 + size / 50'000);
}

struct Fleet final : Outbox {
  struct Event {
    TimePoint at;
    std::uint64_t worker = 0;
    LeaseKey lease;  // job 0: a heartbeat
    friend bool operator<(const Event& a, const Event& b) { return a.at > b.at; }
  };
  struct Machine {
    std::uint64_t session = 0;
    std::uint32_t busy = 0;
    std::vector<std::pair<LeaseKey, std::chrono::milliseconds>> waiting;
    std::vector<LeaseKey> held;
  };

  Fleet(std::uint64_t jobs, std::uint64_t workers)
      : machines(workers + 1),
        reactor(
            options(), Random(1), [this] { return ++sessions; }, *this) {
    Submission submission;
    SubmittedEnvironment all;
    all.publish = false;
    for (std::uint64_t i = 0; i < jobs; ++i) {
      JobSpec spec;
      // No host's limit: what is measured is how well work is spread.
      spec.source_url =
          "file:///channel/linux-64/package-" + std::to_string(i) + "-1.2.3-py312h0123456_0.conda";
      spec.fetch_url = spec.source_url;
      spec.wanted = {Format::conda};
      const std::uint64_t size = size_of(i);
      spec.expected.push_back({.md5 = std::nullopt, .sha256 = std::nullopt, .size = size});
      work += time_of(size);
      submission.jobs.push_back(std::move(spec));
      all.jobs.push_back(i);
    }
    submission.environments.push_back(std::move(all));
    reactor.on_submit(now, std::move(submission));
    for (std::uint64_t worker = 1; worker <= workers; ++worker) {
      reactor.on_hello(now, PeerId{worker},
                       {.protocol_min = 1,
                        .protocol_max = 1,
                        .name = "host" + std::to_string(worker) + "/1",
                        .version = "0",
                        .features = {},
                        .capacity = {.jobs = 2 * k_slots, .cpu = 4, .slots = k_slots},
                        .running = {}});
      events.push(
          {.at = now + std::chrono::milliseconds(worker % 2'000), .worker = worker, .lease = {}});
    }
  }

  static ReactorOptions options() {
    ReactorOptions options;
    options.settings.store_url = "file:///nowhere";
    return options;
  }

  // Returns the time that it took; what the reactor used is in `used`.
  std::chrono::duration<double> run() {
    const TimePoint begin = now;
    TimePoint next_tick = now;
    while (!reactor.is_idle()) {
      now = std::min(next_tick, events.empty() ? next_tick : events.top().at);
      const double before = cpu_seconds();
      while (!events.empty() && events.top().at <= now) {
        const Event event = events.top();
        events.pop();
        event.lease.job.value == 0 ? beat(event.worker) : finish(event);
      }
      if (now >= next_tick) {
        next_tick = now + k_tick;
        reactor.on_tick(now);
      }
      for (const auto& [peer, release] : std::exchange(releases, {})) {
        ++messages;
        reactor.on_release(now, peer, release);
      }
      reactor.dispatch(now);
      used += cpu_seconds() - before;
    }
    return now - begin;
  }

  void beat(std::uint64_t worker) {
    Machine& machine = machines[worker];
    protocol::Renew renew{.session = machine.session, .running = {}};
    for (const LeaseKey& lease : machine.held) {
      renew.running.push_back(
          {.lease = lease, .stage = Stage::fetch, .bytes = 0, .steps = ++steps});
    }
    ++messages;
    reactor.on_renew(now, PeerId{worker}, renew);
    events.push({.at = now + limits::k_heartbeat_interval, .worker = worker, .lease = {}});
  }

  void finish(const Event& event) {
    Machine& machine = machines[event.worker];
    const auto held = std::find(machine.held.begin(), machine.held.end(), event.lease);
    if (held == machine.held.end()) {
      return;  // revoked
    }
    machine.held.erase(held);
    --machine.busy;
    begin_waiting(event.worker);
    protocol::Report report{.session = machine.session, .lease = event.lease, .outcome = success};
    ++messages;
    reactor.on_report(now, PeerId{event.worker}, report);
  }

  void begin_waiting(std::uint64_t worker) {
    Machine& machine = machines[worker];
    while (machine.busy < k_slots && !machine.waiting.empty()) {
      const auto [lease, time] = machine.waiting.front();
      machine.waiting.erase(machine.waiting.begin());
      ++machine.busy;
      events.push({.at = now + k_latency + time, .worker = worker, .lease = lease});
    }
  }

  void send(PeerId peer, protocol::Message message) override {
    ++messages;
    Machine& machine = machines[peer.value];
    if (const auto* welcome = std::get_if<protocol::Welcome>(&message)) {
      machine.session = welcome->session;
    } else if (const auto* grant = std::get_if<protocol::Grant>(&message)) {
      for (const protocol::GrantedJob& job : grant->jobs) {
        machine.held.push_back(job.lease);
        machine.waiting.emplace_back(job.lease, time_of(*job.spec.expected.front().size));
      }
      begin_waiting(peer.value);
    } else if (const auto* retract = std::get_if<protocol::Retract>(&message)) {
      protocol::Release release{.session = machine.session, .leases = {}};
      for (const LeaseKey& lease : retract->leases) {
        const auto waiting = std::find_if(machine.waiting.begin(), machine.waiting.end(),
                                          [&](const auto& job) { return job.first == lease; });
        if (waiting != machine.waiting.end()) {
          machine.waiting.erase(waiting);
          std::erase(machine.held, lease);
          release.leases.push_back(lease);
        }
      }
      releases.emplace_back(peer, std::move(release));
    } else if (const auto* revoke = std::get_if<protocol::Revoke>(&message)) {
      for (const LeaseKey& lease : revoke->leases) {
        if (std::erase(machine.held, lease) != 0) {
          --machine.busy;
        }
      }
    }
  }
  void close(PeerId /*peer*/) override {}
  void record(Record /*record*/) override { ++records; }
  void notify(RunEvent /*event*/) override {}
  void publish_environment(EnvironmentId /*environment*/) override {}

  TimePoint now{std::chrono::hours(1)};
  std::vector<Machine> machines;
  std::priority_queue<Event> events;
  std::vector<std::pair<PeerId, protocol::Release>> releases;
  std::uint64_t sessions = 0;
  std::uint64_t steps = 0;
  std::uint64_t messages = 0;
  std::uint64_t records = 0;
  double used = 0;
  std::chrono::duration<double> work{};
  JobSuccess success = [] {
    JobSuccess outcome;
    outcome.formats = {{.format = Format::conda,
                        .hash = "0123456789abcdef0123456789abcdef",
                        .size = 1,
                        .key = "packages/x"}};
    outcome.provenance = Provenance::origin;
    outcome.requests = 1;
    return outcome;
  }();
  Reactor reactor;
};

void measure(std::uint64_t jobs, std::uint64_t workers) {
  auto fleet = std::make_unique<Fleet>(jobs, workers);
  const auto makespan = fleet->run();
  const auto count = static_cast<double>(jobs);
  const double ideal = std::max(fleet->work.count() / static_cast<double>(workers * k_slots),
                                std::chrono::duration<double>(time_of(500'000'000)).count());
  std::printf(
      "%8llu workers %9llu jobs: makespan %8.1f s, ideal %8.1f s (%.3f), %5.2f messages "
      "and %6.2f us of CPU per job\n",
      static_cast<unsigned long long>(workers), static_cast<unsigned long long>(jobs),
      makespan.count(), ideal, makespan.count() / ideal,
      static_cast<double>(fleet->messages) / count, fleet->used / count * 1e6);
}

}  // namespace
}  // namespace athanor::coordinator

int main(int argc, char** argv) {
  std::uint64_t jobs = 1'000'000;
  std::vector<std::uint64_t> fleets;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    const std::uint64_t value = std::strtoull(argv[i + 1], nullptr, 10);
    if (name == "--jobs") {
      jobs = value;
    } else if (name == "--workers") {
      fleets.push_back(value);
    }
  }
  if (fleets.empty()) {
    fleets = {100, 1'000, 10'000};
  }
  for (const std::uint64_t workers : fleets) {
    athanor::coordinator::measure(jobs, workers);
  }
  return 0;
}

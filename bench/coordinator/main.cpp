#include "coordinator/core/reactor.hpp"
#include "coordinator/core/restore.hpp"
#include "coordinator/journal/journal.hpp"
#include "coordinator/server/coordinator.hpp"
#include "shared/os/files.hpp"
#include "shared/os/temp_dir.hpp"
#include "shared/store/open_store.hpp"

#include <malloc.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

// What a coordinator costs: a real one with its journal, sockets and worker processes, whose jobs
// do nothing; and its tables and journal alone with very many jobs.
//
//   coordinator_bench [--jobs N] [--workers N] [--slots N] [--queued N] [--curve PORT]
//
// With --curve the workers come over tcp on that port, encrypted.
namespace athanor::coordinator {
namespace {

using Seconds = std::chrono::duration<double>;

double wall() {
  return Seconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Of this process: loop, journal and I/O threads; workers are processes of their own.
double cpu() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void row(const char* what, double value, const char* unit, const char* goal) {
  std::printf("%-52s %12.1f %-8s goal %s\n", what, value, unit, goal);
}

JobSpec spec_of(std::uint64_t number) {
  JobSpec spec;
  spec.source_url = "https://conda.anaconda.test/conda-forge/linux-64/package-number-" +
                    std::to_string(number) + "-1.2.3-py312h0123456_0.conda";
  spec.fetch_url = spec.source_url;
  spec.wanted = {Format::conda, Format::tar_bz2};
  spec.expected.push_back({.md5 = md5_of(spec.source_url), .sha256 = std::nullopt, .size = 1000});
  return spec;
}

protocol::WorkSettings settings() {
  protocol::WorkSettings settings;
  settings.store_url = "file:///nowhere";
  settings.packages_root = "packages";
  settings.environments_root = "envs";
  settings.zstd_level = 19;
  return settings;
}

class Nobody final : public RunListener, public Outbox {
 public:
  void on_event(const RunEvent& event) override {
    if (std::holds_alternative<JobStarted>(event) && first_start == 0) {
      first_start = wall();
      first_cpu = cpu();
    } else if (std::holds_alternative<JobFinished>(event)) {
      last_finish = wall();
      last_cpu = cpu();
    }
  }
  void send(PeerId /*peer*/, protocol::Message /*message*/) override {}
  void close(PeerId /*peer*/) override {}
  void record(Record record) override { records.push_back(std::move(record)); }
  void notify(RunEvent /*event*/) override {}
  void publish_environment(EnvironmentId /*environment*/) override {}

  double first_start = 0;
  double first_cpu = 0;
  double last_finish = 0;
  double last_cpu = 0;
  std::vector<Record> records;
};

// Keys for both ends in the directory; the workers are told the encrypted endpoint last, and so
// take that one.
bool encrypt(CoordinatorOptions& options, const std::filesystem::path& directory,
             std::uint64_t port) {
  auto own = transport::make_key_pair();
  const auto worker = transport::make_key_pair();
  if (!own.ok() || !worker.ok()) {
    return false;
  }
  const auto files = transport::write_key_pair(directory / "keys", "worker", *worker);
  const auto allowed = directory / "allowed";
  const std::string line = transport::allow_list_line("worker", worker->public_key, "bench");
  if (!files.ok() || !write_file(allowed, line, 0600).ok()) {
    return false;
  }
  const std::string endpoint = "tcp://127.0.0.1:" + std::to_string(port);
  options.endpoints = {endpoint};
  for (const std::string& word :
       {std::string("--connect"), endpoint, std::string("--key"), files->secret_file.string(),
        std::string("--server-key"), own->public_key}) {
    options.workers.arguments.push_back(word);
  }
  options.keys.emplace();
  options.keys->own = *std::move(own);
  options.keys->allowed = allowed;
  return true;
}

bool measure_throughput(std::uint64_t jobs, unsigned workers, unsigned slots, std::uint64_t port) {
  const auto directory = TempDir::create("bench");
  const auto store = open_store((directory->path() / "store").string(), CreateStore::yes);
  if (!store.ok()) {
    std::fprintf(stderr, "%s\n", store.error().to_string().c_str());
    return false;
  }
  auto plan = std::make_shared<Plan>();
  for (std::uint64_t i = 0; i < jobs; ++i) {
    PlannedPackage package;
    package.spec = spec_of(i);
    package.needed = true;
    plan->packages.push_back(std::move(package));
  }
  CoordinatorOptions options;
  options.settings = settings();
  options.state_directory = directory->path() / "state";
  options.journal = directory->path() / "journal.sqlite";
  options.workers.count = workers;
  options.workers.program = ATHANOR_NOOP_WORKER;
  options.workers.arguments = {"--jobs", std::to_string(slots)};
  if (port != 0 && !encrypt(options, directory->path(), port)) {
    return false;
  }
  Nobody listener;
  auto coordinator = Coordinator::start(std::move(options), **store, listener);
  if (!coordinator.ok() || !(*coordinator)->submit(plan, {}).ok()) {
    return false;
  }
  const auto summary = (*coordinator)->run_until_done(-1);
  if (!summary.ok() || summary->packages_new != jobs) {
    std::fprintf(stderr, "not everything was done\n");
    return false;
  }
  const auto count = static_cast<double>(jobs);
  std::printf("%u workers x %u slots, %llu jobs, journal on disk%s\n", workers, slots,
              static_cast<unsigned long long>(jobs), port != 0 ? ", CURVE" : "");
  row("  durable no-op jobs per second", count / (listener.last_finish - listener.first_start),
      "jobs/s", ">= 30000");
  row("  coordinator CPU per job", (listener.last_cpu - listener.first_cpu) / count * 1e6, "us",
      "<= 15");
  return true;
}

Submission submission_of(std::uint64_t jobs) {
  Submission submission;
  SubmittedEnvironment all;
  for (std::uint64_t i = 0; i < jobs; ++i) {
    submission.jobs.push_back(spec_of(i));
    all.jobs.push_back(i);
  }
  submission.environments.push_back(std::move(all));
  return submission;
}

std::size_t allocated() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

void weigh_tables(std::uint64_t jobs) {
  const std::size_t before = allocated();
  Nobody outbox;
  Reactor reactor(
      {.epoch = 1, .settings = settings(), .origins = {}}, Random(1),
      [] { return std::uint64_t{1}; }, outbox);
  reactor.on_submit(TimePoint(), submission_of(jobs));
  outbox.records = {};
  const std::size_t after = allocated();
  std::uint64_t keys = 0;
  for (std::uint64_t i = 0; i < jobs; ++i) {
    keys += spec_of(i).source_url.size();
  }
  row("  memory per queued job beside its key",
      static_cast<double>(after - before - keys) / static_cast<double>(jobs), "bytes", "<= 250");
}

bool measure_queue(std::uint64_t jobs) {
  const auto directory = TempDir::create("bench");
  const auto path = directory->path() / "journal.sqlite";
  const SystemClock clock;
  const auto source = [] { return std::uint64_t{1}; };
  std::printf("%llu queued jobs\n", static_cast<unsigned long long>(jobs));
  weigh_tables(jobs);
  {
    auto journal = Journal::open(path, clock);
    Submission submission = submission_of(jobs);
    Nobody outbox;
    Reactor reactor({.epoch = (*journal)->epoch(), .settings = settings(), .origins = {}},
                    Random(1), source, outbox);
    const double begin = wall();
    reactor.on_submit(clock.now(), std::move(submission));
    if (!(*journal)->commit(outbox.records).ok()) {
      return false;
    }
    row("  enqueue, durable", wall() - begin, "s", "<= 15 (1,000,000)");
  }
  const double begin = wall();
  Nobody outbox;
  auto journal = Journal::open(path, clock);
  Reactor reactor({.epoch = (*journal)->epoch(), .settings = settings(), .origins = {}}, Random(1),
                  source, outbox);
  Restorer restorer(reactor);
  if (!(*journal)->restore(restorer).ok()) {
    return false;
  }
  restorer.finish(clock.now());
  reactor.on_hello(clock.now(), PeerId{1},
                   {.protocol_min = 1,
                    .protocol_max = 1,
                    .name = "host/1",
                    .version = "0",
                    .features = {},
                    .capacity = {.jobs = 64, .cpu = 64},
                    .running = {}});
  reactor.dispatch(clock.now());
  if (reactor.totals().jobs_running != 64) {
    return false;
  }
  row("  restart until jobs are granted", wall() - begin, "s", "<= 3 (1,000,000)");
  return true;
}

}  // namespace
}  // namespace athanor::coordinator

int main(int argc, char** argv) {
  std::uint64_t jobs = 100'000;
  std::uint64_t queued = 1'000'000;
  unsigned workers = 4;
  unsigned slots = 16;
  std::uint64_t port = 0;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    const std::uint64_t value = std::strtoull(argv[i + 1], nullptr, 10);
    if (name == "--jobs") {
      jobs = value;
    } else if (name == "--queued") {
      queued = value;
    } else if (name == "--workers") {
      workers = static_cast<unsigned>(value);
    } else if (name == "--slots") {
      slots = static_cast<unsigned>(value);
    } else if (name == "--curve") {
      port = value;
    }
  }
  const bool done =
      (jobs == 0 || athanor::coordinator::measure_throughput(jobs, workers, slots, port)) &&
      (queued == 0 || athanor::coordinator::measure_queue(queued));
  return done ? 0 : 1;
}

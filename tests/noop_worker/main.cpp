#include "shared/base/clock.hpp"
#include "shared/base/random.hpp"
#include "shared/os/machine.hpp"
#include "shared/os/signals.hpp"
#include "shared/protocol/codec.hpp"
#include "shared/transport/endpoint.hpp"
#include "worker/session/session.hpp"

#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <string>
#include <utility>

// athanor-worker's conversation without its work: each job succeeds at once, unless its URL asks
// for something else: "/crash-" kills this process, "/hang-" never ends, "/fail-" fails for good.
//
//   noop_worker --connect ENDPOINT [--jobs N] [--key FILE --server-key KEY]
//
// Of an option that is given twice the last one counts.
namespace athanor {
namespace {

class NoopWorker final : private worker::Outbox {
 public:
  NoopWorker(transport::DealerEndpoint& endpoint, std::uint32_t jobs)
      : endpoint_(endpoint),
        session_({.name = host_name() + "/" + std::to_string(::getpid()),
                  .version = "0.0.0",
                  .capacity = {.jobs = jobs, .cpu = jobs},
                  .slots = jobs},
                 Random::from_entropy(), *this) {}

  int run(SignalQueue& signals) {
    while (session_.state() != worker::SessionState::over) {
      std::array<transport::Endpoint*, 1> endpoints{&endpoint_};
      const std::array<int, 1> fds{signals.fd()};
      const auto readable = transport::wait(endpoints, fds, std::chrono::milliseconds(100));
      if (!readable.ok()) {
        return 1;
      }
      for ([[maybe_unused]] const int signal : signals.take()) {
        session_.drain(now());
      }
      for (const transport::LinkEvent event : endpoint_.take_events()) {
        event == transport::LinkEvent::connected ? session_.on_connected(now())
                                                 : session_.on_disconnected(now());
      }
      while (const auto frames = endpoint_.receive()) {
        if (const auto message = protocol::decode(frames->header, frames->body); message.ok()) {
          session_.on_message(*message, now());
          finish_started();
        }
      }
      session_.on_tick({}, now());
      finish_started();
    }
    return 0;
  }

 private:
  TimePoint now() const { return clock_.now(); }

  void finish_started() {
    while (!started_.empty()) {
      auto [lease, spec] = std::move(started_.front());
      started_.pop_front();
      if (spec.source_url.find("/crash-") != std::string::npos) {
        std::raise(SIGKILL);
      } else if (spec.source_url.find("/hang-") != std::string::npos) {
        continue;
      } else if (spec.solve && spec.solve->specs.front() == "fail") {
        JobFailure failure;
        failure.stage = Stage::solve;
        failure.kind = ErrorKind::invalid;
        failure.message = "these requirements contradict each other";
        failure.details = {"nothing fulfils 'fail'"};
        session_.on_finished(lease, failure, now());
      } else if (spec.source_url.find("/fail-") != std::string::npos) {
        JobFailure failure;
        failure.kind = ErrorKind::not_found;
        failure.message = "the origin doesn't have it";
        session_.on_finished(lease, failure, now());
      } else {
        session_.on_finished(lease, success_of(spec), now());
      }
    }
  }

  static JobSuccess success_of(const JobSpec& spec) {
    JobSuccess success;
    success.provenance = Provenance::origin;
    success.fetched_bytes = 1;
    for (const Format format : spec.wanted) {
      success.formats.push_back({.format = format,
                                 .hash = "0123456789abcdef0123456789abcdef",
                                 .size = 1,
                                 .key = "packages/noop"});
    }
    if (spec.solve) {
      SolveSuccess& solved = success.solve.emplace();
      solved.packages.resize(spec.solve->specs.size());
      for (std::size_t i = 0; i < spec.solve->specs.size(); ++i) {
        SolvedPackage& package = solved.packages[i];
        package.name = spec.solve->specs[i];
        package.version = "1";
        package.channel = spec.solve->channels.front().url;
        package.subdir = spec.solve->platform;
        package.url = package.channel + "/" + package.subdir + "/" + package.name + "-1-0.conda";
      }
      solved.solve_key = "0123456789abcdef0123456789abcdef";
      solved.solver = "none";
    }
    return success;
  }

  void send(protocol::Message message) override {
    if (const auto frames = protocol::encode(message); frames.ok()) {
      static_cast<void>(endpoint_.send(*frames));
    }
  }
  void reconnect() override { static_cast<void>(endpoint_.reconnect()); }
  void configure(const protocol::WorkSettings& /*settings*/) override {}
  void start(const LeaseKey& lease, const JobSpec& spec) override {
    started_.emplace_back(lease, spec);
  }
  void stop(const LeaseKey& lease) override { stopped_.push_back(lease); }

  SystemClock clock_;
  transport::DealerEndpoint& endpoint_;
  worker::Session session_;
  std::deque<std::pair<LeaseKey, JobSpec>> started_;
  std::deque<LeaseKey> stopped_;
};

int run(int argc, char** argv) {
  std::string key;
  std::string server_key;
  transport::SocketOptions options;
  std::uint32_t jobs = 1;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    if (name == "--connect") {
      options.endpoint = argv[i + 1];
    } else if (name == "--key") {
      key = argv[i + 1];
    } else if (name == "--server-key") {
      server_key = argv[i + 1];
    } else if (name == "--jobs") {
      jobs = static_cast<std::uint32_t>(std::strtoul(argv[i + 1], nullptr, 10));
    }
  }
  auto signals = SignalQueue::open({SIGTERM, SIGINT});
  if (!signals.ok()) {
    return 1;
  }
  if (!key.empty()) {
    auto keys = transport::read_secret_key(key);
    if (!keys.ok()) {
      return 1;
    }
    options.security =
        transport::EndpointSecurity{.keys = *std::move(keys), .server_key = server_key};
  }
  transport::Context context;
  auto dealer = transport::DealerEndpoint::connect(context, options);
  if (!dealer.ok()) {
    std::fprintf(stderr, "noop_worker: %s\n", dealer.error().to_string().c_str());
    return 1;
  }
  return NoopWorker(**dealer, jobs).run(*signals);
}

}  // namespace
}  // namespace athanor

int main(int argc, char** argv) {
  return athanor::run(argc, argv);
}

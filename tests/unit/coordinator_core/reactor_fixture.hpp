#pragma once

#include "coordinator/core/invariants.hpp"
#include "coordinator/core/reactor.hpp"
#include "shared/protocol/codec.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace athanor::coordinator {

// Keeps what the reactor asked for. Every message goes through the codec, because what can't be
// said on the wire was never said; what a test doesn't take fails it at the end.
class RecordingOutbox final : public Outbox {
 public:
  void send(PeerId peer, protocol::Message message) override {
    const auto frames = protocol::encode(message);
    ASSERT_TRUE(frames.ok()) << frames.error().message;
    auto decoded = protocol::decode(frames->header, frames->body);
    ASSERT_TRUE(decoded.ok()) << decoded.error().message;
    sent[peer].push_back(std::move(*decoded));
  }
  void close(PeerId peer) override { closed.push_back(peer); }
  void record(Record record) override { records.push_back(std::move(record)); }
  void notify(RunEvent event) override { events.push_back(std::move(event)); }
  void publish_environment(EnvironmentId environment) override {
    publishing.push_back(environment);
  }

  std::map<PeerId, std::deque<protocol::Message>> sent;
  std::vector<PeerId> closed;
  std::vector<Record> records;
  std::vector<RunEvent> events;
  std::vector<EnvironmentId> publishing;
};

class ReactorTest : public testing::Test {
 protected:
  ReactorTest() { begin_epoch(1); }

  void TearDown() override {
    check();
    for (const auto& [peer, messages] : outbox.sent) {
      EXPECT_TRUE(messages.empty()) << "peer " << peer.value << " was sent " << messages.size()
                                    << " more, first " << protocol::type_name(messages.front());
    }
  }

  void begin_epoch(std::uint64_t epoch) {
    ReactorOptions options;
    options.epoch = epoch;
    options.settings.store_url = "file:///store";
    options.settings.packages_root = "packages";
    options.settings.environments_root = "envs";
    options.settings.zstd_level = 19;
    reactor = std::make_unique<Reactor>(
        std::move(options), Random(7), [this] { return next_session++; }, outbox);
  }

  void check() {
    for (const std::string& problem : check_invariants(reactor->core())) {
      ADD_FAILURE() << problem;
    }
  }
  void pass(std::chrono::milliseconds time) {
    now += time;
    reactor->on_tick(now);
    reactor->dispatch(now);
    check();
  }
  void settle() {
    reactor->dispatch(now);
    check();
  }

  // The next message to a peer, which must be of this type.
  template <typename Message>
  Message take(PeerId peer) {
    auto& queue = outbox.sent[peer];
    if (queue.empty() || !std::holds_alternative<Message>(queue.front())) {
      ADD_FAILURE() << "expected another message to peer " << peer.value << ", got "
                    << (queue.empty() ? std::string_view("none")
                                      : protocol::type_name(queue.front()));
      return {};
    }
    Message message = std::get<Message>(std::move(queue.front()));
    queue.pop_front();
    return message;
  }
  bool nothing_sent(PeerId peer) { return outbox.sent[peer].empty(); }
  void drop_messages() { outbox.sent.clear(); }
  template <typename Event>
  std::vector<Event> events() const {
    std::vector<Event> result;
    for (const RunEvent& event : outbox.events) {
      if (const auto* wanted = std::get_if<Event>(&event)) {
        result.push_back(*wanted);
      }
    }
    return result;
  }

  protocol::Welcome hello(PeerId peer, const std::string& name, std::uint32_t jobs,
                          std::vector<LeaseKey> running = {}) {
    reactor->on_message(now, peer,
                        protocol::Hello{.protocol_min = 1,
                                        .protocol_max = 1,
                                        .name = name,
                                        .version = "0.1.0",
                                        .features = {},
                                        .capacity = {.jobs = jobs, .cpu = jobs},
                                        .running = std::move(running)});
    auto welcome = take<protocol::Welcome>(peer);
    sessions[peer] = welcome.session;
    check();
    return welcome;
  }
  void renew(PeerId peer, const std::vector<LeaseKey>& leases, std::uint64_t steps = 0) {
    protocol::Renew message{.session = sessions[peer], .running = {}};
    for (const LeaseKey& lease : leases) {
      message.running.push_back(
          {.lease = lease, .stage = Stage::fetch, .bytes = steps, .steps = steps});
    }
    reactor->on_message(now, peer, message);
    check();
  }
  void report_success(PeerId peer, const LeaseKey& lease, JobSuccess success = whole_success()) {
    reactor->on_message(
        now, peer, protocol::Report{.session = sessions[peer], .lease = lease, .outcome = success});
    EXPECT_EQ(take<protocol::ReportAck>(peer).lease, lease);
    check();
  }
  void report_failure(PeerId peer, const LeaseKey& lease, ErrorKind kind) {
    JobFailure failure;
    failure.stage = Stage::fetch;
    failure.kind = kind;
    failure.message = "it broke";
    reactor->on_message(
        now, peer, protocol::Report{.session = sessions[peer], .lease = lease, .outcome = failure});
    EXPECT_EQ(take<protocol::ReportAck>(peer).lease, lease);
    check();
  }

  static JobSpec spec(const std::string& name, std::uint64_t size = 0) {
    JobSpec spec;
    spec.source_url = "https://conda.test/channel/linux-64/" + name + "-1-0.tar.bz2";
    spec.fetch_url = spec.source_url;
    spec.wanted = {Format::conda, Format::tar_bz2};
    if (size != 0) {
      spec.expected.push_back({.md5 = std::nullopt, .sha256 = std::nullopt, .size = size});
    }
    return spec;
  }
  static JobSuccess whole_success() {
    const auto stored = [](Format format) {
      return StoredFormat{.format = format,
                          .hash = "0123456789abcdef0123456789abcdef",
                          .size = 10,
                          .key = "packages/conda/x"};
    };
    JobSuccess success;
    success.formats = {stored(Format::conda), stored(Format::tar_bz2)};
    success.provenance = Provenance::origin;
    success.fetched_bytes = 100;
    return success;
  }
  // One environment over all these jobs.
  Submitted submit(std::vector<JobSpec> jobs, int priority = 0) {
    Submission submission;
    submission.name = "test";
    submission.priority = priority;
    SubmittedEnvironment environment;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      environment.jobs.push_back(i);
    }
    submission.jobs = std::move(jobs);
    submission.environments.push_back(std::move(environment));
    auto submitted = reactor->on_submit(now, std::move(submission));
    check();
    return submitted;
  }
  JobState state(JobId job) const { return reactor->core().jobs.at(job).state; }

  static constexpr PeerId a{101};
  static constexpr PeerId b{102};
  static constexpr PeerId c{103};

  RecordingOutbox outbox;
  std::uint64_t next_session = 1000;
  std::unique_ptr<Reactor> reactor;
  std::map<PeerId, std::uint64_t> sessions;
  TimePoint now = TimePoint(std::chrono::hours(1));
};

}  // namespace athanor::coordinator

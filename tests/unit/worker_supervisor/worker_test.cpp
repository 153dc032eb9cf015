#include "shared/layout/layout.hpp"
#include "shared/protocol/codec.hpp"
#include "shared/store/open_store.hpp"
#include "shared/transport/endpoint.hpp"
#include "tests/support/imposter_origin.hpp"
#include "tests/support/package_builder.hpp"
#include "tests/support/results.hpp"
#include "tests/support/scratch_dir.hpp"
#include "worker/supervisor/supervisor.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <array>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <sstream>
#include <thread>

namespace athanor::worker {
namespace {

using namespace athanor::test;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

// A coordinator as a worker sees one: the test says what it answers.
class ImposterCoordinator {
 public:
  explicit ImposterCoordinator(const ScratchDir& directory)
      : endpoint_("ipc://" + (directory / "s").string()) {
    bind();
  }

  void bind() {
    router_ = must(transport::RouterEndpoint::bind(context_, {.endpoint = endpoint_}));
  }
  void vanish() { router_.reset(); }
  const std::string& endpoint() const { return endpoint_; }

  void send(const protocol::Message& message) {
    router_->send(peer_, must(protocol::encode(message)));
  }
  void send_to(const transport::Peer& peer, const protocol::Frames& frames) {
    router_->send(peer, frames);
  }
  const transport::Peer& peer() const { return peer_; }

  // The next message of a type within ten seconds; heartbeats are answered, others passed over.
  template <typename T>
  std::optional<T> expect() {
    const auto deadline = std::chrono::steady_clock::now() + seconds(10);
    while (std::chrono::steady_clock::now() < deadline) {
      while (const auto incoming = router_->receive()) {
        const protocol::Message message =
            must(protocol::decode(incoming->frames.header, incoming->frames.body));
        if (std::holds_alternative<protocol::Hello>(message)) {
          peer_ = incoming->peer;
        }
        if (std::holds_alternative<protocol::Renew>(message)) {
          send(protocol::Pulse{});
        }
        if (const T* found = std::get_if<T>(&message)) {
          return *found;
        }
      }
      const std::array<transport::Endpoint*, 1> endpoints{router_.get()};
      must(transport::wait(endpoints, {}, milliseconds(20)));
    }
    ADD_FAILURE() << "the message never came";
    return std::nullopt;
  }

 private:
  std::string endpoint_;
  transport::Context context_;
  std::unique_ptr<transport::RouterEndpoint> router_;
  transport::Peer peer_;
};

class WorkerProcess : public testing::Test {
 protected:
  WorkerProcess()
      : coordinator_(sockets_) {
    options_.endpoint = coordinator_.endpoint();
    options_.name = "test/1";
    options_.slots = 2;
    options_.scratch_parent = scratch_.path();
    options_.lost_patience = seconds(20);
    settings_.store_url = store_dir_.path().string();
    settings_.packages_root = "packages";
    settings_.environments_root = "envs";
    settings_.zstd_level = 3;
    must(open_store(settings_.store_url, CreateStore::yes));
  }
  ~WorkerProcess() override {
    if (thread_.joinable()) {
      thread_.join();
    }
  }

  void start() {
    thread_ = std::thread([this] { result_.emplace(run_worker(options_, clock_, log_)); });
  }
  WorkerResult end() {
    thread_.join();
    return must(std::move(*result_));
  }
  protocol::Welcome welcome(std::vector<LeaseKey> adopted = {}) {
    return {.session = ++session_,
            .epoch = 1,
            .protocol = 1,
            .heartbeat_interval = milliseconds(200),
            .lease_duration = milliseconds(1000),
            .settings = settings_,
            .adopted = std::move(adopted)};
  }
  protocol::GrantedJob job(std::uint64_t number, const std::string& bytes) const {
    const std::string path = "/c/linux-64/p" + std::to_string(number) + "-1.0-h0_0.tar.bz2";
    return {.lease = {.epoch = 1, .job = {number}, .attempt = 1},
            .spec = {.source_url = origin_.url(path),
                     .fetch_url = origin_.url(path),
                     .type = PackageType::conda,
                     .expected = {{.md5 = md5_of(bytes), .sha256 = {}, .size = {}}},
                     .wanted = {Format::tar_bz2, Format::conda},
                     .present = {}}};
  }
  protocol::GrantedJob served_job(std::uint64_t number) {
    const std::string bytes =
        build_package({.name = "p" + std::to_string(number)}, Format::tar_bz2);
    protocol::GrantedJob granted = job(number, bytes);
    origin_.serve("/c/linux-64/p" + std::to_string(number) + "-1.0-h0_0.tar.bz2", bytes);
    return granted;
  }
  std::size_t objects() {
    std::size_t count = 0;
    must(must(open_store(settings_.store_url, CreateStore::no))
             ->list("packages/", [&](const ObjectInfo&) {
               ++count;
               return Result<void>();
             }));
    return count;
  }

  ScratchDir sockets_;
  ScratchDir scratch_;
  ScratchDir store_dir_;
  ImposterOrigin origin_;
  ImposterCoordinator coordinator_;
  WorkerOptions options_;
  protocol::WorkSettings settings_;
  SystemClock clock_;
  std::ostringstream log_text_;
  Logger log_{{.level = LogLevel::debug}, log_text_};
  std::thread thread_;
  std::optional<Result<WorkerResult>> result_;
  std::uint64_t session_ = 100;
};

TEST_F(WorkerProcess, ItDoesItsJobsAndLeavesWhenDrained) {
  start();
  const auto hello = coordinator_.expect<protocol::Hello>();
  ASSERT_TRUE(hello.has_value());
  EXPECT_EQ(hello->capacity.jobs, 4U);
  coordinator_.send(welcome());
  protocol::Grant grant;
  for (std::uint64_t i = 1; i <= 4; ++i) {
    grant.jobs.push_back(served_job(i));
  }
  coordinator_.send(grant);
  std::set<std::uint64_t> done;
  while (done.size() < 4) {
    const auto report = coordinator_.expect<protocol::Report>();
    ASSERT_TRUE(report.has_value());
    const auto* success = std::get_if<JobSuccess>(&report->outcome);
    ASSERT_NE(success, nullptr) << std::get<JobFailure>(report->outcome).message;
    EXPECT_EQ(success->formats.size(), 2U);
    done.insert(report->lease.job.value);
    coordinator_.send(protocol::ReportAck{.lease = report->lease});
  }
  EXPECT_EQ(objects(), 8U);
  coordinator_.send(protocol::Drain{});
  EXPECT_TRUE(coordinator_.expect<protocol::Goodbye>().has_value());
  EXPECT_EQ(end().end, WorkerEnd::left);
  EXPECT_TRUE(std::filesystem::exists(scratch_.path()));
}

TEST_F(WorkerProcess, AFailureIsReportedWithItsReason) {
  start();
  coordinator_.expect<protocol::Hello>();
  coordinator_.send(welcome());
  coordinator_.send(protocol::Grant{.jobs = {job(9, "x")}});
  const auto report = coordinator_.expect<protocol::Report>();
  ASSERT_TRUE(report.has_value());
  const auto* failure = std::get_if<JobFailure>(&report->outcome);
  ASSERT_NE(failure, nullptr);
  EXPECT_EQ(failure->kind, ErrorKind::not_found);
  EXPECT_THAT(failure->message, HasSubstr("404"));
  coordinator_.send(protocol::ReportAck{.lease = report->lease});
  coordinator_.send(protocol::Drain{});
  end();
}

TEST_F(WorkerProcess, ACoordinatorThatComesBackFindsTheJobStillHeld) {
  std::mutex mutex;
  std::condition_variable changed;
  bool may_answer = false;
  const std::string bytes = build_package({.name = "p1"}, Format::tar_bz2);
  origin_.on("/c/linux-64/p1-1.0-h0_0.tar.bz2", [&](const OriginRequest& request) {
    std::unique_lock lock(mutex);
    changed.wait_for(lock, seconds(20), [&] { return may_answer; });
    return good_file(request, bytes);
  });
  start();
  coordinator_.expect<protocol::Hello>();
  coordinator_.send(welcome());
  const protocol::GrantedJob granted = job(1, bytes);
  coordinator_.send(protocol::Grant{.jobs = {granted}});
  std::optional<protocol::Renew> renew;
  do {
    renew = coordinator_.expect<protocol::Renew>();
  } while (renew && renew->running.empty());
  coordinator_.vanish();
  coordinator_.bind();
  const auto hello = coordinator_.expect<protocol::Hello>();
  ASSERT_TRUE(hello.has_value());
  EXPECT_THAT(hello->running, testing::ElementsAre(granted.lease));
  coordinator_.send(welcome({granted.lease}));
  {
    const std::lock_guard lock(mutex);
    may_answer = true;
  }
  changed.notify_all();
  const auto report = coordinator_.expect<protocol::Report>();
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->session, session_);
  EXPECT_TRUE(std::holds_alternative<JobSuccess>(report->outcome));
  coordinator_.send(protocol::ReportAck{.lease = report->lease});
  coordinator_.send(protocol::Drain{});
  end();
  EXPECT_EQ(origin_.total_requests(), 1U) << "nothing was done twice";
}

TEST_F(WorkerProcess, ItLeavesWhenTheCoordinatorIsGone) {
  options_.lost_patience = milliseconds(700);
  start();
  coordinator_.expect<protocol::Hello>();
  coordinator_.send(welcome());
  coordinator_.vanish();
  const WorkerResult result = end();
  EXPECT_EQ(result.end, WorkerEnd::coordinator_lost);
  EXPECT_THAT(result.reason, HasSubstr("no coordinator"));
}

TEST_F(WorkerProcess, ASecondSignalGivesRunningJobsBack) {
  origin_.on_any([](const OriginRequest&) {
    return OriginResponse{.then = OriginResponse::Then::never_answer};
  });
  start();
  coordinator_.expect<protocol::Hello>();
  coordinator_.send(welcome());
  const protocol::GrantedJob granted = job(1, "x");
  coordinator_.send(protocol::Grant{.jobs = {granted}});
  std::optional<protocol::Renew> renew;
  do {
    renew = coordinator_.expect<protocol::Renew>();
  } while (renew && renew->running.empty());
  ::pthread_kill(thread_.native_handle(), SIGTERM);
  coordinator_.expect<protocol::Renew>();
  coordinator_.expect<protocol::Renew>();
  ::pthread_kill(thread_.native_handle(), SIGTERM);
  const auto release = coordinator_.expect<protocol::Release>();
  ASSERT_TRUE(release.has_value());
  EXPECT_THAT(release->leases, testing::ElementsAre(granted.lease));
  EXPECT_TRUE(coordinator_.expect<protocol::Goodbye>().has_value());
  const WorkerResult result = end();
  EXPECT_EQ(result.end, WorkerEnd::interrupted);
  EXPECT_TRUE(result.threads_ended);
  EXPECT_EQ(objects(), 0U);
}

TEST_F(WorkerProcess, AStoreThatIsNotThereEndsItWithWords) {
  settings_.store_url = (store_dir_ / "nowhere").string();
  start();
  coordinator_.expect<protocol::Hello>();
  coordinator_.send(welcome());
  thread_.join();
  ASSERT_TRUE(result_.has_value());
  ASSERT_FALSE(result_->ok());
  EXPECT_EQ(result_->error().kind, ErrorKind::not_found);
  EXPECT_THAT(result_->error().message, HasSubstr("nowhere"));
}

TEST_F(WorkerProcess, BrokenMessagesAreLoggedAndNothingElse) {
  start();
  coordinator_.expect<protocol::Hello>();
  coordinator_.send(welcome());
  coordinator_.send_to(coordinator_.peer(), {.header = "junk", .body = "junk"});
  coordinator_.send_to(coordinator_.peer(), {.header = std::string("ATHN\x01\x63", 6), .body = ""});
  coordinator_.send(protocol::Grant{.jobs = {served_job(1)}});
  const auto report = coordinator_.expect<protocol::Report>();
  ASSERT_TRUE(report.has_value());
  coordinator_.send(protocol::ReportAck{.lease = report->lease});
  coordinator_.send(protocol::Drain{});
  end();
  EXPECT_THAT(log_text_.str(), HasSubstr("a message is broken"));
}

TEST_F(WorkerProcess, ARejectionIsTheReasonToEnd) {
  start();
  coordinator_.expect<protocol::Hello>();
  coordinator_.send(protocol::Reject{.reason = "too old"});
  const WorkerResult result = end();
  EXPECT_EQ(result.end, WorkerEnd::rejected);
  EXPECT_EQ(result.reason, "too old");
}

TEST_F(WorkerProcess, AnIdleWorkerLeavesIfToldTo) {
  options_.idle_timeout = milliseconds(300);
  start();
  coordinator_.expect<protocol::Hello>();
  coordinator_.send(welcome());
  EXPECT_TRUE(coordinator_.expect<protocol::Goodbye>().has_value());
  EXPECT_EQ(end().end, WorkerEnd::left);
}

}  // namespace
}  // namespace athanor::worker

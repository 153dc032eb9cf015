#include "shared/transport/endpoint.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <functional>
#include <string>

namespace athanor::transport {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

// A directory of the test's own, mode 0700, gone afterwards.
class Directory {
 public:
  Directory() {
    std::string name = (std::filesystem::temp_directory_path() / "transport-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  std::string endpoint() const { return "ipc://" + (path_ / "s").string(); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

class Transport : public testing::Test {
 protected:
  void SetUp() override {
    options_.endpoint = directory_.endpoint();
    options_.linger = milliseconds(100);
    auto router = RouterEndpoint::bind(context_, options_);
    ASSERT_TRUE(router.ok()) << router.error().to_string();
    router_ = std::move(router).value();
  }

  std::unique_ptr<DealerEndpoint> connect() {
    auto dealer = DealerEndpoint::connect(context_, options_);
    EXPECT_TRUE(dealer.ok());
    auto connected = std::move(dealer).value();
    until(*connected, [&] {
      const auto events = connected->take_events();
      return !events.empty() && events.front() == LinkEvent::connected;
    });
    return connected;
  }

  // Waits until it is true, or fails after ten seconds.
  void until(Endpoint& endpoint, const std::function<bool()>& is_true) {
    const std::array<Endpoint*, 2> endpoints{&endpoint, router_.get()};
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (std::chrono::steady_clock::now() < deadline) {
      if (is_true()) {
        return;
      }
      ASSERT_TRUE(wait(endpoints, {}, milliseconds(10)).ok());
    }
    FAIL() << "it never happened";
  }

  Incoming receive() {
    std::optional<Incoming> incoming;
    until(*router_, [&] { return (incoming = router_->receive()).has_value(); });
    return incoming.value_or(Incoming{});
  }

  Directory directory_;
  Context context_;
  SocketOptions options_;
  std::unique_ptr<RouterEndpoint> router_;
};

TEST_F(Transport, FramesGoBothWaysUnchanged) {
  auto dealer = connect();
  const std::string body(1'000'000, '\0');
  EXPECT_EQ(dealer->send({.header = "hello", .body = body}), SendOutcome::sent);
  const Incoming incoming = receive();
  EXPECT_EQ(incoming.frames.header, "hello");
  EXPECT_EQ(incoming.frames.body, body);
  EXPECT_EQ(router_->send(incoming.peer, {.header = "back", .body = ""}), SendOutcome::sent);
  std::optional<protocol::Frames> answer;
  until(*dealer, [&] { return (answer = dealer->receive()).has_value(); });
  EXPECT_EQ(answer->header, "back");
  EXPECT_EQ(answer->body, "");
}

TEST_F(Transport, APeerThatGoesIsToldOnceAfterEverythingItSent) {
  auto staying = connect();
  auto going = connect();
  staying->send({.header = "s", .body = "staying"});
  const Peer stays = receive().peer;
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(going->send({.header = "g", .body = std::to_string(i)}), SendOutcome::sent);
  }
  Peer gone = receive().peer;
  EXPECT_NE(gone, stays);
  going.reset();
  std::size_t received = 1;
  std::vector<Peer> lost;
  until(*router_, [&] {
    lost = router_->take_disconnected();
    if (lost.empty()) {
      received += router_->receive() ? 1U : 0U;
    }
    return !lost.empty();
  });
  EXPECT_EQ(received, 100U);
  EXPECT_THAT(lost, testing::ElementsAre(gone));
  EXPECT_EQ(router_->send(gone, {.header = "x", .body = "x"}), SendOutcome::gone);
  EXPECT_EQ(router_->send(stays, {.header = "x", .body = "x"}), SendOutcome::sent);
  EXPECT_THAT(router_->take_disconnected(), testing::IsEmpty());
}

TEST_F(Transport, ConnectionsThatTakeTurnsOnOneDescriptorAreToldApart) {
  Peer last;
  for (int i = 0; i < 20; ++i) {
    auto dealer = connect();
    dealer->send({.header = "h", .body = "b"});
    const Peer peer = receive().peer;
    EXPECT_NE(peer, last);
    last = peer;
    dealer.reset();
    std::vector<Peer> lost;
    until(*router_, [&] {
      router_->receive();
      lost = router_->take_disconnected();
      return !lost.empty();
    });
    EXPECT_THAT(lost, testing::ElementsAre(peer));
  }
}

TEST_F(Transport, ADealerWithoutPeerTakesNothingAndReconnects) {
  auto dealer = connect();
  dealer->send({.header = "h", .body = "1"});
  const Peer before = receive().peer;
  router_.reset();
  auto router = RouterEndpoint::bind(context_, options_);
  ASSERT_TRUE(router.ok()) << router.error().to_string();
  router_ = std::move(router).value();
  std::vector<LinkEvent> events;
  until(*dealer, [&] {
    for (const LinkEvent event : dealer->take_events()) {
      events.push_back(event);
    }
    return events.size() >= 2;
  });
  EXPECT_THAT(events, testing::ElementsAre(LinkEvent::disconnected, LinkEvent::connected));
  EXPECT_EQ(dealer->send({.header = "h", .body = "2"}), SendOutcome::sent);
  EXPECT_EQ(receive().frames.body, "2");
}

TEST_F(Transport, AFreshSocketLeavesOldMessagesBehind) {
  auto dealer = connect();
  dealer->send({.header = "h", .body = "1"});
  const Peer before = receive().peer;
  ASSERT_TRUE(dealer->reconnect().ok());
  until(*dealer, [&] { return !dealer->take_events().empty(); });
  EXPECT_EQ(dealer->send({.header = "h", .body = "2"}), SendOutcome::sent);
  const Incoming incoming = receive();
  EXPECT_EQ(incoming.frames.body, "2");
  EXPECT_NE(incoming.peer, before);
}

TEST_F(Transport, NothingIsQueuedForACoordinatorThatIsNotThere) {
  options_.endpoint = "ipc://" + (directory_.path() / "nobody").string();
  auto dealer = DealerEndpoint::connect(context_, options_);
  ASSERT_TRUE(dealer.ok());
  EXPECT_EQ((*dealer)->send({.header = "h", .body = "b"}), SendOutcome::full);
}

TEST_F(Transport, APlainDescriptorWakesTheWait) {
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  const std::array<Endpoint*, 1> endpoints{router_.get()};
  auto readable = wait(endpoints, std::array{pipe[0]}, milliseconds(0));
  ASSERT_TRUE(readable.ok());
  EXPECT_THAT(*readable, testing::IsEmpty());
  ASSERT_EQ(::write(pipe[1], "x", 1), 1);
  readable = wait(endpoints, std::array{pipe[0]}, milliseconds(-1));
  ASSERT_TRUE(readable.ok());
  EXPECT_THAT(*readable, testing::ElementsAre(pipe[0]));
  ::close(pipe[0]);
  ::close(pipe[1]);
}

TEST_F(Transport, EndpointsThatOthersCanReachAreRefused) {
  std::filesystem::create_directory(directory_.path() / "open");
  ASSERT_EQ(::chmod((directory_.path() / "open").c_str(), 0755), 0);
  const struct {
    const char* name;
    std::string endpoint;
    ErrorKind kind;
    const char* says;
  } rows[] = {
      {"a shared directory", "ipc://" + (directory_.path() / "open/s").string(),
       ErrorKind::rejected, "open to others"},
      {"a missing directory", "ipc://" + (directory_.path() / "none/s").string(),
       ErrorKind::not_found, "cannot use"},
      {"an abstract name", "ipc://@name", ErrorKind::invalid, "names no file"},
      {"a long path", "ipc:///" + std::string(200, 'x'), ErrorKind::invalid, "longer than 107"},
      {"every interface", "tcp://*:0", ErrorKind::rejected, "without encryption"},
      {"every user of this machine", "tcp://127.0.0.1:0", ErrorKind::rejected,
       "without encryption"},
      {"another host", "tcp://192.0.2.7:5670", ErrorKind::rejected, "without encryption"},
      {"no port", "tcp://localhost", ErrorKind::invalid, "no host and port"},
      {"no scheme", "localhost:5670", ErrorKind::invalid, "no endpoint"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    options_.endpoint = row.endpoint;
    const auto router = RouterEndpoint::bind(context_, options_);
    ASSERT_FALSE(router.ok());
    EXPECT_EQ(router.error().kind, row.kind);
    EXPECT_THAT(router.error().message, HasSubstr(row.says));
  }
}

TEST_F(Transport, AnAddressInUseIsRefusedWithWords) {
  options_.endpoint = "tcp://127.0.0.1:0";
  options_.exposure = Exposure::insecure;
  auto first = RouterEndpoint::bind(context_, options_);
  ASSERT_TRUE(first.ok()) << first.error().to_string();
  EXPECT_THAT((*first)->address(), testing::StartsWith("tcp://127.0.0.1:"));
  options_.endpoint = (*first)->address();
  const auto second = RouterEndpoint::bind(context_, options_);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().kind, ErrorKind::rejected);
  EXPECT_THAT(second.error().message, HasSubstr("in use"));
}

TEST_F(Transport, AFullQueueIsSaidNotWaitedFor) {
  options_.send_queue = 4;
  options_.receive_queue = 4;
  options_.endpoint = "ipc://" + (directory_.path() / "small").string();
  auto small = RouterEndpoint::bind(context_, options_);
  ASSERT_TRUE(small.ok());
  router_ = std::move(small).value();
  auto dealer = connect();
  dealer->send({.header = "h", .body = "b"});
  const Peer peer = receive().peer;
  SendOutcome outcome = SendOutcome::sent;
  for (int i = 0; i < 10'000 && outcome == SendOutcome::sent; ++i) {
    outcome = router_->send(peer, {.header = "h", .body = std::string(10'000, 'x')});
  }
  EXPECT_EQ(outcome, SendOutcome::full);
}

}  // namespace
}  // namespace athanor::transport

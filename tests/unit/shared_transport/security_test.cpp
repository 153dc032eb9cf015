#include "shared/os/atomic_file.hpp"
#include "shared/os/temp_dir.hpp"
#include "shared/transport/endpoint.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <string>

namespace athanor::transport {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

// A plain TCP connection, for peers that don't know the protocol.
class Raw {
 public:
  explicit Raw(const std::string& address)
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(
        static_cast<std::uint16_t>(std::atoi(address.substr(address.rfind(':') + 1).c_str())));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  }
  // Whether the other end has closed.
  bool is_closed() {
    std::array<char, 256> bytes{};
    ssize_t count = 0;
    while ((count = ::recv(fd_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT)) > 0) {
    }
    return count == 0 || (errno != EAGAIN && errno != EINTR);
  }

 private:
  Fd fd_;
};

class Security : public testing::Test {
 protected:
  void SetUp() override {
    write_list({worker_.public_key});
    auto admitted = context_.admit(list_, [this](const std::string& text) {
      const std::lock_guard lock(mutex_);
      news_ += text + "\n";
    });
    ASSERT_TRUE(admitted.ok()) << admitted.error().to_string();
    server_.endpoint = "tcp://127.0.0.1:0";
    server_.linger = milliseconds(0);
    server_.security = EndpointSecurity{.keys = coordinator_, .server_key = {}};
  }

  void bind() {
    auto router = RouterEndpoint::bind(context_, server_);
    ASSERT_TRUE(router.ok()) << router.error().to_string();
    router_ = std::move(router).value();
  }

  void write_list(const std::vector<std::string>& keys, const char* role = "worker") {
    std::string text;
    for (const std::string& key : keys) {
      text += allow_list_line(role, key, "somebody") + "\n";
    }
    ASSERT_TRUE(write_file_atomically(list_, text, 0600).ok());
  }

  std::unique_ptr<DealerEndpoint> connect(const KeyPair& keys, const std::string& server_key) {
    SocketOptions options;
    options.endpoint = router_->address();
    options.linger = milliseconds(0);
    options.security = EndpointSecurity{.keys = keys, .server_key = server_key};
    auto dealer = DealerEndpoint::connect(context_, options);
    EXPECT_TRUE(dealer.ok()) << dealer.error().to_string();
    return std::move(dealer).value();
  }

  // Waits until it is true, or fails after ten seconds. Endings that the router sees are kept.
  void until(Endpoint& endpoint, const std::function<bool()>& is_true) {
    const std::array<Endpoint*, 2> endpoints{&endpoint, router_.get()};
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (std::chrono::steady_clock::now() < deadline) {
      for (Peer& peer : router_->take_disconnected()) {
        gone_.push_back(std::move(peer));
      }
      if (is_true()) {
        return;
      }
      ASSERT_TRUE(wait(endpoints, {}, milliseconds(10)).ok());
    }
    FAIL() << "it never happened";
  }

  // Other events before it don't matter.
  void until_event(DealerEndpoint& dealer, LinkEvent wanted) {
    until(dealer, [&] {
      for (const LinkEvent event : dealer.take_events()) {
        if (event == wanted) {
          return true;
        }
      }
      return false;
    });
  }

  Peer say_hello(DealerEndpoint& dealer) {
    until(dealer, [&] {
      dealer.take_events();  // it asks again from in there, where it was refused
      return dealer.send({.header = "h", .body = "b"}) == SendOutcome::sent;
    });
    std::optional<Incoming> incoming;
    until(dealer, [&] { return (incoming = router_->receive()).has_value(); });
    return incoming ? incoming->peer : Peer();
  }

  std::string news() {
    const std::lock_guard lock(mutex_);
    return news_;
  }

  TempDir directory_ = TempDir::create("security-").value();
  std::filesystem::path list_ = directory_.path() / "allowed";
  KeyPair coordinator_ = make_key_pair().value();
  KeyPair worker_ = make_key_pair().value();
  KeyPair stranger_ = make_key_pair().value();
  std::mutex mutex_;
  std::string news_;
  std::vector<Peer> gone_;
  Context context_;
  SocketOptions server_;
  std::unique_ptr<RouterEndpoint> router_;
};

TEST_F(Security, AKnownKeyComesInAndIsNamed) {
  bind();
  auto dealer = connect(worker_, coordinator_.public_key);
  const Peer peer = say_hello(*dealer);
  EXPECT_EQ(router_->key_of(peer), worker_.public_key);
  EXPECT_EQ(router_->user_of(peer), "somebody");
  EXPECT_EQ(router_->send(peer, {.header = "back", .body = ""}), SendOutcome::sent);
  std::optional<protocol::Frames> answer;
  until(*dealer, [&] { return (answer = dealer->receive()).has_value(); });
  EXPECT_EQ(answer->header, "back");
}

TEST_F(Security, AnUnknownKeyIsRefusedAndBothSidesAreTold) {
  bind();
  auto dealer = connect(stranger_, coordinator_.public_key);
  until_event(*dealer, LinkEvent::refused);
  EXPECT_THAT(news(), HasSubstr("worker " + stranger_.public_key + " NAME"));
  EXPECT_THAT(news(), HasSubstr(list_.string()));
  EXPECT_EQ(dealer->send({.header = "h", .body = "b"}), SendOutcome::full);
}

TEST_F(Security, AKeyOfTheWrongRoleIsRefused) {
  write_list({worker_.public_key}, "client");
  bind();
  auto dealer = connect(worker_, coordinator_.public_key);
  until_event(*dealer, LinkEvent::refused);
}

TEST_F(Security, SomebodyWhoPretendsToBeTheCoordinatorIsNotSpokenTo) {
  bind();
  auto dealer = connect(worker_, stranger_.public_key);
  until_event(*dealer, LinkEvent::failed_handshake);
  EXPECT_EQ(dealer->send({.header = "h", .body = "b"}), SendOutcome::full);
}

TEST_F(Security, APlainPeerGetsNothingFromAnEncryptedEndpoint) {
  bind();
  SocketOptions plain;
  plain.endpoint = router_->address();
  plain.exposure = Exposure::insecure;
  plain.linger = milliseconds(0);
  auto dealer = DealerEndpoint::connect(context_, plain).value();
  until_event(*dealer, LinkEvent::failed_handshake);
  until(*dealer, [&] { return router_->counts().failed_handshakes != 0; });
}

TEST_F(Security, AListThatGrowsLetsAWaitingWorkerIn) {
  bind();
  auto dealer = connect(stranger_, coordinator_.public_key);
  until_event(*dealer, LinkEvent::refused);
  write_list({worker_.public_key, stranger_.public_key});
  EXPECT_EQ(router_->key_of(say_hello(*dealer)), stranger_.public_key);
  EXPECT_THAT(news(), HasSubstr("read again: 2 keys"));
}

TEST_F(Security, AKeyThatIsTakenOffTheListLosesItsConnection) {
  bind();
  auto dealer = connect(worker_, coordinator_.public_key);
  const Peer peer = say_hello(*dealer);
  write_list({stranger_.public_key});
  until(*dealer, [&] { return router_->counts().expelled == 1; });
  dealer->send({.header = "h", .body = "too late"});
  until(*dealer, [&] {
    EXPECT_FALSE(router_->receive().has_value());
    return !gone_.empty();
  });
  EXPECT_THAT(gone_, testing::ElementsAre(peer));
  until_event(*dealer, LinkEvent::refused);
}

TEST_F(Security, ABrokenListChangesNothingAndIsTold) {
  bind();
  auto dealer = connect(worker_, coordinator_.public_key);
  const Peer peer = say_hello(*dealer);
  ASSERT_TRUE(write_file_atomically(list_, "nonsense\n", 0600).ok());
  until(*dealer, [&] { return news().find("stays in force") != std::string::npos; });
  EXPECT_EQ(router_->counts().expelled, 0U);
  EXPECT_EQ(router_->key_of(peer), worker_.public_key);
}

TEST_F(Security, KeysThatAreNotThereAreMissedBeforeAnythingIsOpened) {
  Context unguarded;
  const auto router = RouterEndpoint::bind(unguarded, server_);
  ASSERT_FALSE(router.ok());
  EXPECT_THAT(router.error().message, HasSubstr("list of the keys"));
  SocketOptions options = server_;
  options.endpoint = "tcp://127.0.0.1:5670";
  const auto dealer = DealerEndpoint::connect(context_, options);
  ASSERT_FALSE(dealer.ok());
  EXPECT_THAT(dealer.error().message, HasSubstr("coordinator's public key"));
}

TEST_F(Security, SurplusConnectionsAreCutAndOthersAreServed) {
  server_.max_connections = 3;
  bind();
  auto dealer = connect(worker_, coordinator_.public_key);
  say_hello(*dealer);
  std::vector<std::unique_ptr<Raw>> crowd;
  for (int i = 0; i < 20; ++i) {
    crowd.push_back(std::make_unique<Raw>(router_->address()));
  }
  until(*dealer, [&] { return router_->counts().accepted == 21; });
  EXPECT_EQ(router_->counts().turned_away, 18U);
  EXPECT_LE(router_->connections(), 3U);
  const auto closed = [&] {
    return std::count_if(crowd.begin(), crowd.end(), [](auto& raw) { return raw->is_closed(); });
  };
  until(*dealer, [&] { return closed() >= 18; });
  dealer->send({.header = "h", .body = "still here"});
  std::optional<Incoming> incoming;
  until(*dealer, [&] { return (incoming = router_->receive()).has_value(); });
  EXPECT_EQ(incoming->frames.body, "still here");
}

TEST_F(Security, WhoNeverSaysAWordIsCut) {
  server_.first_message_timeout = milliseconds(50);
  bind();
  auto silent = connect(worker_, coordinator_.public_key);
  until(*silent, [&] { return router_->counts().silent != 0; });
  bool cut = false;
  until(*silent, [&] {
    for (const LinkEvent event : silent->take_events()) {
      cut = cut || event == LinkEvent::disconnected;
    }
    return cut;
  });
}

TEST_F(Security, ADisconnectedPeerHearsTheLastWordsAndIsHeardNoMore) {
  bind();
  auto dealer = connect(worker_, coordinator_.public_key);
  const Peer peer = say_hello(*dealer);
  EXPECT_EQ(router_->send(peer, {.header = "go", .body = "away"}), SendOutcome::sent);
  router_->disconnect(peer);
  dealer->send({.header = "h", .body = "again"});
  std::optional<protocol::Frames> last;
  bool cut = false;
  until(*dealer, [&] {
    if (auto frames = dealer->receive()) {
      last = std::move(frames);
    }
    EXPECT_FALSE(router_->receive().has_value());
    for (const LinkEvent event : dealer->take_events()) {
      cut = cut || event == LinkEvent::disconnected;
    }
    return cut && !gone_.empty();
  });
  ASSERT_TRUE(last.has_value());
  EXPECT_EQ(last->body, "away");
  EXPECT_THAT(gone_, testing::ElementsAre(peer));
}

}  // namespace
}  // namespace athanor::transport

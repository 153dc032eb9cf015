#include "shared/transport/gate.hpp"

#include "shared/base/strings.hpp"
#include "shared/os/path_text.hpp"
#include "shared/transport/keys.hpp"
#include "shared/transport/socket.hpp"

#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>
#include <vector>

namespace athanor::transport {
namespace {

constexpr const char* k_zap_endpoint = "inproc://zeromq.zap.01";
constexpr std::chrono::milliseconds k_look_at_file{1'000};
constexpr std::chrono::seconds k_quiet{1};
constexpr std::size_t k_binary_bytes = 32;
constexpr std::size_t k_most_frames = 16;

// Fields of a request, in order (RFC 27): version, request, domain, address, identity, mechanism,
// credentials.
constexpr std::size_t k_request_frames = 7;

std::string z85(std::string_view binary) {
  std::array<char, k_key_characters + 1> text{};
  if (binary.size() != k_binary_bytes ||
      zmq_z85_encode(text.data(), reinterpret_cast<const std::uint8_t*>(binary.data()),
                     binary.size()) == nullptr) {
    return {};
  }
  return text.data();
}

}  // namespace

Gate::Gate(zmq::context_t& context, std::filesystem::path file, GateNews news, Fd stop)
    : file_(std::move(file)),
      news_(std::move(news)),
      socket_(context, zmq::socket_type::rep),
      stop_(std::move(stop)) {}

Result<std::unique_ptr<Gate>> Gate::open(zmq::context_t& context, std::filesystem::path file,
                                         GateNews news) {
  Fd stop(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop.valid()) {
    return system_error(errno, "cannot make an event descriptor");
  }
  try {
    std::unique_ptr<Gate> gate(
        new Gate(context, std::move(file), std::move(news), std::move(stop)));
    gate->read_at_ = gate->stamp();
    ATHANOR_ASSIGN(gate->list_, AllowList::read(gate->file_));
    gate->socket_.set(zmq::sockopt::linger, 0);
    gate->socket_.bind(k_zap_endpoint);
    gate->thread_ = std::thread([&self = *gate] { self.run(); });
    return gate;
  } catch (const zmq::error_t& error) {
    return socket_error(error, "cannot authenticate on", k_zap_endpoint);
  }
}

Gate::~Gate() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(stop_.get(), &one, sizeof one);
  if (thread_.joinable()) {
    thread_.join();
  }
}

bool Gate::admits(Role role, const std::string& key) const {
  const std::lock_guard lock(mutex_);
  return list_.admits(role, key);
}

std::string Gate::name_of(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  return std::string(list_.name_of(key));
}

void Gate::run() {
  while (true) {
    std::array<zmq_pollitem_t, 2> items{
        {{.socket = socket_.handle(), .fd = 0, .events = ZMQ_POLLIN, .revents = 0},
         {.socket = nullptr, .fd = stop_.get(), .events = ZMQ_POLLIN, .revents = 0}}};
    if (zmq_poll(items.data(), static_cast<int>(items.size()), k_look_at_file.count()) < 0 &&
        zmq_errno() != EINTR) {
      return;  // the context is being closed
    }
    if (items[1].revents != 0) {
      return;
    }
    read_again_if_changed();
    if (items[0].revents != 0) {
      answer_one();
    }
  }
}

void Gate::answer_one() {
  std::vector<std::string> request;
  bool more = true;
  while (more) {
    zmq::message_t frame;
    if (zmq_msg_recv(frame.handle(), socket_.handle(), ZMQ_DONTWAIT) < 0) {
      return;
    }
    more = frame.more();
    if (request.size() < k_most_frames) {
      request.emplace_back(view(frame));
    }
  }
  // Only the library itself asks, so a request of another shape is answered with a refusal.
  const bool whole = request.size() == k_request_frames && request[0] == "1.0";
  const std::string key = whole ? z85(request[6]) : std::string();
  const bool welcome = whole && decide(request[2], request[5], key, request[3]);
  ++(welcome ? admitted_ : refused_);
  const std::array<std::string, 6> answer{"1.0",
                                          request.size() > 1 ? request[1] : std::string(),
                                          welcome ? "200" : "400",
                                          welcome ? "welcome" : "this key is not allowed here",
                                          welcome ? key : std::string(),
                                          std::string()};
  for (std::size_t i = 0; i < answer.size(); ++i) {
    zmq::message_t frame(answer[i].data(), answer[i].size());
    zmq_msg_send(frame.handle(), socket_.handle(), i + 1 < answer.size() ? ZMQ_SNDMORE : 0);
  }
}

bool Gate::decide(std::string_view domain, std::string_view mechanism, std::string_view key,
                  std::string_view address) {
  if (mechanism != "CURVE" || key.empty()) {
    return false;
  }
  const Role role = domain == to_string(Role::worker) ? Role::worker : Role::client;
  if (domain != to_string(role)) {
    return false;
  }
  if (admits(role, std::string(key))) {
    return true;
  }
  tell_refusal("refused an unknown " + std::string(to_string(role)) + " from " +
               printable(address, 64) + "; to let it in, add this line to " + quoted(file_) + ": " +
               allow_list_line(to_string(role), key, "NAME"));
  return false;
}

void Gate::tell_refusal(std::string text) {
  const auto now = std::chrono::steady_clock::now();
  if (now < quiet_until_) {
    ++untold_;
    return;
  }
  quiet_until_ = now + k_quiet;
  if (untold_ != 0) {
    text += " (and " + std::to_string(std::exchange(untold_, 0)) + " refusals more)";
  }
  news_(text);
}

std::optional<Gate::Stamp> Gate::stamp() const {
  struct stat status {};
  if (::stat(file_.c_str(), &status) != 0) {
    return std::nullopt;
  }
  return Stamp{.seconds = status.st_mtim.tv_sec,
               .nanoseconds = status.st_mtim.tv_nsec,
               .size = static_cast<std::uint64_t>(status.st_size),
               .inode = status.st_ino};
}

void Gate::read_again_if_changed() {
  const std::optional<Stamp> now = stamp();
  if (now == read_at_) {
    return;
  }
  read_at_ = now;
  Result<AllowList> list = AllowList::read(file_);
  if (!list) {
    news_("the list of allowed keys can't be used, the earlier one stays in force: " +
          list.error().to_string());
    return;
  }
  const std::size_t size = list->size();
  {
    const std::lock_guard lock(mutex_);
    list_ = std::move(list).value();
  }
  ++generation_;
  news_("the list of allowed keys was read again: " + std::to_string(size) + " keys");
}

}  // namespace athanor::transport

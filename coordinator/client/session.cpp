#include "coordinator/client/session.hpp"

#include "shared/base/strings.hpp"
#include "shared/base/version.hpp"
#include "shared/protocol/client_codec.hpp"
#include "shared/protocol/version.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <utility>
#include <variant>

namespace athanor::coordinator {
namespace {

constexpr std::chrono::milliseconds k_greeting_patience{5'000};
constexpr std::chrono::milliseconds k_pause{500};  // between attempts to connect anew
constexpr std::size_t k_part_bytes = limits::k_message_bytes_field;

bool is_readable(std::span<const int> readable, int fd) {
  return std::find(readable.begin(), readable.end(), fd) != readable.end();
}

Error stopped() {
  return make_error(ErrorKind::canceled, "asked to stop");
}

}  // namespace

ClientSession::ClientSession(ClientOptions options, const Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      silence_hint_("start it with 'athanor serve', or name another with --coordinator") {
  // Nothing that is worth waiting for is unsent when a client goes.
  options_.socket.linger = std::chrono::milliseconds(0);
}

Error ClientSession::silence() const {
  return make_error(ErrorKind::retry,
                    "no coordinator answers at " + printable(options_.socket.endpoint),
                    silence_hint_);
}

Result<std::unique_ptr<ClientSession>> ClientSession::connect(ClientOptions options,
                                                              const Clock& clock) {
  std::unique_ptr<ClientSession> session(new ClientSession(std::move(options), clock));
  ATHANOR_TRY(session->open());
  return session;
}

Result<void> ClientSession::open() {
  endpoint_.reset();
  ATHANOR_ASSIGN(endpoint_, transport::DealerEndpoint::connect(context_, options_.socket));
  return greet();
}

Result<void> ClientSession::greet() {
  const TimePoint deadline = clock_.now() + std::min(k_greeting_patience, options_.patience);
  ATHANOR_TRY(send(protocol::ClientHello{.protocol_min = protocol::k_version_min,
                                         .protocol_max = protocol::k_version_max,
                                         .name = options_.name,
                                         .version = std::string(version()),
                                         .features = {}},
                   deadline));
  while (true) {
    ATHANOR_ASSIGN(const protocol::ClientMessage message, receive(deadline));
    if (std::holds_alternative<protocol::ClientWelcome>(message)) {
      return {};
    }
  }
}

Result<void> ClientSession::send(const protocol::ClientMessage& message, TimePoint deadline) {
  ATHANOR_ASSIGN(const protocol::Frames frames, protocol::encode(message));
  while (endpoint_->send(frames) != transport::SendOutcome::sent) {
    const TimePoint now = clock_.now();
    if (now >= deadline) {
      return silence();
    }
    std::array<transport::Endpoint*, 1> endpoints = {endpoint_.get()};
    const std::vector<int> fds = stop_fd_ < 0 ? std::vector<int>{} : std::vector<int>{stop_fd_};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now);
    ATHANOR_ASSIGN(const std::vector<int> readable,
                   transport::wait(endpoints, fds, std::min(left, std::chrono::milliseconds(50))));
    if (is_readable(readable, stop_fd_)) {
      return stopped();
    }
    static_cast<void>(endpoint_->take_events());
  }
  return {};
}

Result<protocol::ClientMessage> ClientSession::receive(TimePoint deadline) {
  while (true) {
    while (const auto frames = endpoint_->receive()) {
      auto message = protocol::decode_client(frames->header, frames->body);
      if (message.ok()) {
        if (const auto* refused = std::get_if<protocol::Refused>(&*message)) {
          return make_error(ErrorKind::rejected,
                            "the coordinator refuses: " + printable(refused->reason));
        }
        return message;
      }
      if (message.error().kind != ErrorKind::unsupported) {
        return std::move(message).error();
      }
    }
    const TimePoint now = clock_.now();
    if (now >= deadline) {
      return silence();
    }
    std::array<transport::Endpoint*, 1> endpoints = {endpoint_.get()};
    const std::vector<int> fds = stop_fd_ < 0 ? std::vector<int>{} : std::vector<int>{stop_fd_};
    ATHANOR_ASSIGN(const std::vector<int> readable,
                   transport::wait(endpoints, fds,
                                   std::chrono::ceil<std::chrono::milliseconds>(deadline - now)));
    if (is_readable(readable, stop_fd_)) {
      return stopped();
    }
    for (const transport::LinkEvent event : endpoint_->take_events()) {
      if (event == transport::LinkEvent::disconnected) {
        return silence();
      }
    }
  }
}

Result<std::optional<Json>> ClientSession::take_answer(const protocol::ClientMessage& message,
                                                       std::uint64_t request,
                                                       std::string& text) const {
  if (const auto* failure = std::get_if<protocol::Failure>(&message)) {
    if (failure->request == request) {
      return make_error(failure->kind, failure->message, failure->hint);
    }
  } else if (const auto* answer = std::get_if<protocol::Answer>(&message)) {
    if (answer->request != request) {
      return std::optional<Json>();
    }
    text += answer->bytes;
    if (text.size() > limits::k_client_answer_bytes) {
      return make_error(ErrorKind::corrupt, "the coordinator's answer doesn't end");
    }
    if (answer->last) {
      ATHANOR_ASSIGN(Json parsed, parse_json(text));
      return std::optional<Json>(std::move(parsed));
    }
  }
  return std::optional<Json>();
}

Result<Json> ClientSession::answer_to(std::uint64_t request) {
  std::string text;
  while (true) {
    ATHANOR_ASSIGN(const protocol::ClientMessage message,
                   receive(clock_.now() + options_.patience));
    ATHANOR_ASSIGN(std::optional<Json> answer, take_answer(message, request, text));
    if (answer) {
      return *std::move(answer);
    }
  }
}

Result<Json> ClientSession::ask(protocol::Question question, const std::string& subject) {
  const std::uint64_t request = next_request_++;
  ATHANOR_TRY(send(protocol::Ask{.request = request, .question = question, .subject = subject},
                   clock_.now() + options_.patience));
  return answer_to(request);
}

Result<Json> ClientSession::command(protocol::Order order, const std::string& subject) {
  const std::uint64_t request = next_request_++;
  ATHANOR_TRY(send(protocol::Command{.request = request, .order = order, .subject = subject},
                   clock_.now() + options_.patience));
  return answer_to(request);
}

Result<Json> ClientSession::submit(const EncodedSubmission& submission) {
  constexpr int k_attempts = 3;
  for (int attempt = 1;; ++attempt) {
    auto answer = submit_once(submission);
    if (answer || !is_connection_trouble(answer.error()) || attempt == k_attempts) {
      return answer;
    }
    ATHANOR_TRY(wait_a_moment());
    ATHANOR_TRY(open());
  }
}

Result<Json> ClientSession::submit_once(const EncodedSubmission& submission) {
  const std::uint64_t request = next_request_++;
  const std::uint64_t total = submission.document.size() + submission.secrets.size();
  ATHANOR_TRY(send(protocol::Submit{.request = request,
                                    .document_bytes = submission.document.size(),
                                    .secret_bytes = submission.secrets.size()},
                   clock_.now() + options_.patience));
  std::uint64_t sent = 0;
  std::string text;
  while (true) {
    ATHANOR_ASSIGN(const protocol::ClientMessage message,
                   receive(clock_.now() + options_.patience));
    ATHANOR_ASSIGN(std::optional<Json> answer, take_answer(message, request, text));
    if (answer) {
      return *std::move(answer);
    }
    const auto* credit = std::get_if<protocol::Credit>(&message);
    if (credit == nullptr || credit->request != request) {
      continue;
    }
    const std::uint64_t until = std::min(credit->offset, total);
    while (sent < until) {
      // A part is of the document or of the secrets, never of both.
      const bool first = sent < submission.document.size();
      const std::string& source = first ? submission.document : submission.secrets;
      const std::uint64_t at = first ? sent : sent - submission.document.size();
      const std::uint64_t size =
          std::min({until - sent, std::uint64_t{k_part_bytes}, std::uint64_t{source.size()} - at});
      ATHANOR_TRY(
          send(protocol::Part{.request = request, .offset = sent, .bytes = source.substr(at, size)},
               clock_.now() + options_.patience));
      sent += size;
    }
  }
}

Result<Json> ClientSession::watch(BatchId batch, const WatchCallbacks& callbacks) {
  bool away = false;
  while (true) {
    auto document = watch_once(batch, callbacks, away);
    if (document || !is_connection_trouble(document.error())) {
      return document;
    }
    if (!std::exchange(away, true)) {
      callbacks.on_away(true);
    }
    ATHANOR_TRY(wait_a_moment());
    if (const Result<void> opened = open(); !opened && !is_connection_trouble(opened.error())) {
      return opened.error();
    }
  }
}

Result<Json> ClientSession::watch_once(BatchId batch, const WatchCallbacks& callbacks, bool& away) {
  const std::uint64_t request = next_request_++;
  ATHANOR_TRY(send(protocol::Watch{.request = request, .batch = batch.value},
                   clock_.now() + options_.patience));
  std::string text;
  while (true) {
    ATHANOR_ASSIGN(const protocol::ClientMessage message,
                   receive(clock_.now() + options_.patience));
    ATHANOR_ASSIGN(std::optional<Json> answer, take_answer(message, request, text));
    if (answer) {
      return *std::move(answer);
    }
    const auto* events = std::get_if<protocol::Events>(&message);
    if (events == nullptr || events->request != request) {
      continue;
    }
    if (std::exchange(away, false)) {
      callbacks.on_away(false);
    }
    for (const std::string& event : events->events) {
      ATHANOR_ASSIGN(const Json object, parse_json(event));
      callbacks.on_event(object);
    }
  }
}

Result<void> ClientSession::wait_a_moment() {
  const std::vector<int> fds = stop_fd_ < 0 ? std::vector<int>{} : std::vector<int>{stop_fd_};
  const TimePoint until = clock_.now() + k_pause;
  while (clock_.now() < until) {
    ATHANOR_ASSIGN(
        const std::vector<int> readable,
        transport::wait({}, fds,
                        std::chrono::ceil<std::chrono::milliseconds>(until - clock_.now())));
    if (is_readable(readable, stop_fd_)) {
      return stopped();
    }
  }
  return {};
}

}  // namespace athanor::coordinator

#pragma once

#include "coordinator/document/submission_document.hpp"
#include "shared/base/clock.hpp"
#include "shared/base/ids.hpp"
#include "shared/base/limits.hpp"
#include "shared/base/result.hpp"
#include "shared/json/json.hpp"
#include "shared/protocol/client_messages.hpp"
#include "shared/transport/endpoint.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace athanor::coordinator {

struct ClientOptions {
  transport::SocketOptions socket;  // where the coordinator's client socket is
  std::string name;                 // for people: "user@host/pid"
  // How long silence is borne before the coordinator counts as gone.
  std::chrono::milliseconds patience = limits::k_client_patience;
};

// One client's conversation with a coordinator: each call waits for its answer. Not thread-safe.
//
// Errors of all calls: retry (nobody answers), rejected (the coordinator refuses this client, or
// the endpoint leaves the machine unprotected), corrupt (what answers is no coordinator), canceled
// (`stop_fd` became readable), and what the coordinator said to the request.
class ClientSession {
 public:
  // Connected and greeted when this returns.
  static Result<std::unique_ptr<ClientSession>> connect(ClientOptions options, const Clock& clock);

  // What a call waits for besides the answer: -1, or a descriptor that becomes readable when the
  // person has had enough.
  void set_stop_fd(int fd) { stop_fd_ = fd; }

  Result<Json> ask(protocol::Question question, const std::string& subject = {});
  Result<Json> command(protocol::Order order, const std::string& subject);
  // The answer names the batch, which is durable then. A connection that breaks meanwhile is made
  // anew, and the submission sent again: it stays one batch.
  Result<Json> submit(const EncodedSubmission& submission);

  struct WatchCallbacks {
    std::function<void(const Json& event)> on_event;
    // The coordinator is away (true) or there again (false).
    std::function<void(bool away)> on_away;
  };
  // Everything that happens to the batch, until it is finished; then its document. While the
  // coordinator is away, it is waited for.
  Result<Json> watch(BatchId batch, const WatchCallbacks& callbacks);

 private:
  ClientSession(ClientOptions options, const Clock& clock);
  Result<void> open();
  Result<void> greet();
  Result<void> send(const protocol::ClientMessage& message, TimePoint deadline);
  // The next message; retry if there is none until the deadline.
  Result<protocol::ClientMessage> receive(TimePoint deadline);
  Result<Json> answer_to(std::uint64_t request);
  Result<std::optional<Json>> take_answer(const protocol::ClientMessage& message,
                                          std::uint64_t request, std::string& text) const;
  Result<Json> submit_once(const EncodedSubmission& submission);
  Result<Json> watch_once(BatchId batch, const WatchCallbacks& callbacks, bool& away);
  Result<void> wait_a_moment();
  bool is_connection_trouble(const Error& error) const { return error.hint == silence_hint_; }
  Error silence() const;

  ClientOptions options_;
  const Clock& clock_;
  transport::Context context_;
  std::unique_ptr<transport::DealerEndpoint> endpoint_;
  int stop_fd_ = -1;
  std::uint64_t next_request_ = 1;
  std::string silence_hint_;
};

}  // namespace athanor::coordinator

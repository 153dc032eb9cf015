#include "coordinator/server/event_loop.hpp"

#include "shared/base/check.hpp"
#include "shared/base/limits.hpp"
#include "shared/protocol/codec.hpp"

#include <algorithm>
#include <utility>

namespace athanor::coordinator {
namespace {

constexpr std::chrono::milliseconds k_tick{50};

}  // namespace

EventLoop::EventLoop(Options options, Reactor::SessionSource sessions,
                     std::unique_ptr<JournalWriter> journal, LoopHandler& handler,
                     const Clock& clock)
    : clock_(clock),
      handler_(handler),
      journal_(std::move(journal)),
      names_(options.reactor.lease_duration),
      reactor_(std::move(options.reactor), Random(options.seed), std::move(sessions), *this) {}

void EventLoop::add_endpoint(std::unique_ptr<transport::RouterEndpoint> endpoint) {
  endpoints_.push_back(std::move(endpoint));
  peer_ids_.emplace_back();
}

bool EventLoop::is_backlogged() const {
  return pending_records_ > limits::k_journal_backlog;
}

Result<void> EventLoop::turn(std::span<const int> fds, std::optional<TimePoint> deadline,
                             const Inject& inject) {
  std::vector<int> watched(fds.begin(), fds.end());
  if (journal_) {
    watched.push_back(journal_->wake_fd());
  }
  std::vector<transport::Endpoint*> endpoints;
  // With too much on its way to the disk, workers wait: their queues fill, then they do.
  if (!is_backlogged()) {
    for (const auto& endpoint : endpoints_) {
      endpoints.push_back(endpoint.get());
    }
    endpoints.insert(endpoints.end(), others_.begin(), others_.end());
  }
  const TimePoint until = std::min(next_tick_, deadline.value_or(next_tick_));
  const auto timeout = std::clamp(std::chrono::ceil<std::chrono::milliseconds>(until - now()),
                                  std::chrono::milliseconds{0}, std::chrono::milliseconds(k_tick));
  ATHANOR_ASSIGN(const std::vector<int> readable, transport::wait(endpoints, watched, timeout));

  if (!is_backlogged()) {
    for (std::size_t i = 0; i < endpoints_.size(); ++i) {
      receive(i);
      take_disconnected(i);
    }
  }
  for (const PeerId peer : std::exchange(unreachable_, {})) {
    reactor_.on_disconnected(now(), peer);
  }
  inject(readable);
  if (now() >= next_tick_) {
    next_tick_ = now() + k_tick;
    reactor_.on_tick(now());
  }
  reactor_.dispatch(now());
  end_turn();
  return say_what_is_durable();
}

Result<void> EventLoop::flush() {
  end_turn();
  if (journal_) {
    ATHANOR_TRY(journal_->flush());
  }
  return say_what_is_durable();
}

void EventLoop::receive(std::size_t endpoint) {
  for (std::size_t i = 0; i < limits::k_messages_per_turn; ++i) {
    const auto incoming = endpoints_[endpoint]->receive();
    if (!incoming) {
      return;
    }
    take(now(), peer_id(endpoint, incoming->peer), incoming->frames);
  }
}

void EventLoop::take(TimePoint now, PeerId peer, const protocol::Frames& frames) {
  const auto message = protocol::decode(frames.header, frames.body);
  if (message.ok() && claims_another_ones_name(now, peer, *message)) {
    send(peer, protocol::Reject{.reason = "a worker with another key has this name; give this one "
                                          "another with --name"});
    close(peer);
    return;
  }
  if (message.ok()) {
    reactor_.on_message(now, peer, *message);
    return;
  }
  if (message.error().kind == ErrorKind::unsupported) {
    return;  // from a newer program, which knows that we may ignore it
  }
  ++violations_;
  send(peer, protocol::Reject{.reason = "this is no message of the protocol: " +
                                        message.error().message});
  reactor_.on_lost(now, peer, "broke the protocol");
  close(peer);
}

transport::RouterCounts EventLoop::connection_counts() const {
  transport::RouterCounts sum;
  for (const auto& endpoint : endpoints_) {
    sum += endpoint->counts();
  }
  return sum;
}

void EventLoop::take_disconnected(std::size_t endpoint) {
  for (const transport::Peer& peer : endpoints_[endpoint]->take_disconnected()) {
    const auto known = peer_ids_[endpoint].find(peer);
    if (known != peer_ids_[endpoint].end()) {
      const PeerId id = known->second;
      reactor_.on_disconnected(now(), id);
      forget(id);
    }
  }
}

PeerId EventLoop::peer_id(std::size_t endpoint, const transport::Peer& peer) {
  const auto [position, is_new] = peer_ids_[endpoint].try_emplace(peer, PeerId{next_peer_});
  if (is_new) {
    connections_.emplace(position->second,
                         Connection{.endpoint = endpoint, .peer = peer, .name = {}});
    ++next_peer_;
  }
  return position->second;
}

// A worker's leases follow its name, so the name must be its key's.
bool EventLoop::claims_another_ones_name(TimePoint now, PeerId peer,
                                         const protocol::Message& message) {
  const auto* hello = std::get_if<protocol::Hello>(&message);
  Connection& connection = connections_.at(peer);
  if (hello == nullptr || connection.name == hello->name) {
    return false;
  }
  const std::string key = endpoints_[connection.endpoint]->key_of(connection.peer);
  if (!names_.claim(hello->name, key, now)) {
    return true;
  }
  if (!connection.name.empty()) {
    names_.leave(connection.name, now);
  }
  connection.name = hello->name;
  return false;
}

void EventLoop::forget(PeerId peer) {
  const auto found = connections_.find(peer);
  if (found != connections_.end()) {
    if (!found->second.name.empty()) {
      names_.leave(found->second.name, now());
    }
    peer_ids_[found->second.endpoint].erase(found->second.peer);
    connections_.erase(found);
  }
}

void EventLoop::send(PeerId peer, protocol::Message message) {
  actions_.emplace_back(Send{.peer = peer, .message = std::move(message)});
}

void EventLoop::close(PeerId peer) {
  actions_.emplace_back(Close{.peer = peer});
}

void EventLoop::record(Record record) {
  if (journal_) {
    records_.push_back(std::move(record));
  }
}

void EventLoop::notify(RunEvent event) {
  actions_.emplace_back(std::move(event));
}

void EventLoop::publish_environment(EnvironmentId environment) {
  actions_.emplace_back(Publish{.environment = environment});
}

void EventLoop::when_durable(std::function<void()> call) {
  actions_.emplace_back(std::move(call));
}

void EventLoop::end_turn() {
  const std::size_t records = records_.size();
  if (records != 0) {
    pending_records_ += records;
    journal_->write(std::exchange(records_, {}));
  }
  if (records != 0 || !actions_.empty()) {
    pending_.push_back({.durable_at = journal_ ? journal_->handed_over() : 0,
                        .records = records,
                        .actions = std::exchange(actions_, {})});
  }
}

Result<void> EventLoop::say_what_is_durable() {
  std::uint64_t durable = 0;
  if (journal_) {
    journal_->take_wake();
    const JournalWriter::Progress progress = journal_->progress();
    if (progress.error) {
      return *progress.error;
    }
    durable = progress.durable;
  }
  while (!pending_.empty() && pending_.front().durable_at <= durable) {
    Pending ready = std::move(pending_.front());
    pending_.pop_front();
    pending_records_ -= ready.records;
    for (Action& action : ready.actions) {
      perform(action);
    }
  }
  return {};
}

void EventLoop::perform(Action& action) {
  if (const auto* send = std::get_if<Send>(&action)) {
    perform_send(*send);
  } else if (const auto* close = std::get_if<Close>(&action)) {
    disconnect(close->peer);
  } else if (const auto* event = std::get_if<RunEvent>(&action)) {
    handler_.on_event(*event);
  } else if (const auto* call = std::get_if<Call>(&action)) {
    (*call)();
  } else {
    handler_.publish_environment(std::get<Publish>(action).environment);
  }
}

// What was said to the peer before arrives; nothing that it says is heard any more.
void EventLoop::disconnect(PeerId peer) {
  const auto found = connections_.find(peer);
  if (found != connections_.end()) {
    endpoints_[found->second.endpoint]->disconnect(found->second.peer);
    forget(peer);
  }
}

void EventLoop::perform_send(const Send& send) {
  const auto connection = connections_.find(send.peer);
  if (connection == connections_.end()) {
    return;  // gone meanwhile; leases expire, reports are repeated
  }
  const auto frames = protocol::encode(send.message);
  // Submissions are checked when they come, so everything that the reactor says can be said.
  ATHANOR_CHECK(frames.ok());
  const auto outcome =
      endpoints_[connection->second.endpoint]->send(connection->second.peer, *frames);
  if (outcome == transport::SendOutcome::gone) {
    unreachable_.push_back(send.peer);
    forget(send.peer);
  }
}

}  // namespace athanor::coordinator

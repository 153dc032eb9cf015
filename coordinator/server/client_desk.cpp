#include "coordinator/server/client_desk.hpp"

#include "shared/base/limits.hpp"
#include "shared/base/strings.hpp"
#include "shared/base/units.hpp"
#include "shared/base/version.hpp"
#include "shared/protocol/version.hpp"

#include <algorithm>
#include <variant>

// Connections, submissions and watches; client_requests.cpp has the answers.
namespace athanor::coordinator {

ClientDesk::ClientDesk(EventLoop& loop, BatchDesk& batches, const Layout& layout,
                       const Clock& clock)
    : loop_(loop),
      batches_(batches),
      layout_(layout),
      clock_(clock),
      watches_(loop.reactor().core(), batches, clock),
      started_(clock.now()) {}

void ClientDesk::add_endpoint(std::unique_ptr<transport::RouterEndpoint> endpoint) {
  loop_.also_wait_for(*endpoint);
  endpoints_.push_back(std::move(endpoint));
}

void ClientDesk::receive() {
  constexpr std::size_t k_messages_per_turn = 256;
  for (std::size_t i = 0; i < endpoints_.size(); ++i) {
    for (std::size_t count = 0; count < k_messages_per_turn; ++count) {
      const auto incoming = endpoints_[i]->receive();
      if (!incoming) {
        break;
      }
      take({i, incoming->peer}, incoming->frames);
    }
    for (const transport::Peer& peer : endpoints_[i]->take_disconnected()) {
      if (const auto known = by_peer_.find({i, peer}); known != by_peer_.end()) {
        to_drop_.insert(known->second);
      }
    }
  }
  for (const std::uint64_t id : std::exchange(to_drop_, {})) {
    drop(id);
  }
}

ClientDesk::Client* ClientDesk::client_of(const PeerKey& peer) {
  if (const auto known = by_peer_.find(peer); known != by_peer_.end()) {
    return &clients_.at(known->second);
  }
  if (clients_.size() >= limits::k_clients) {
    return nullptr;  // it will hear nothing and come again
  }
  const std::uint64_t id = next_id_++;
  by_peer_.emplace(peer, id);
  Client& client = clients_[id];
  client.id = id;
  client.peer = peer;
  return &client;
}

void ClientDesk::take(const PeerKey& peer, const protocol::Frames& frames) {
  Client* client = client_of(peer);
  if (client == nullptr || to_drop_.count(client->id) != 0) {
    return;
  }
  const auto message = protocol::decode_client(frames.header, frames.body);
  if (message.ok()) {
    take(*client, *message);
  } else if (protocol::decode(frames.header, frames.body).ok()) {
    refuse(*client, "this is the socket for clients; workers have another one");
  } else if (message.error().kind != ErrorKind::unsupported) {
    refuse(*client, "this is no message of the protocol: " + message.error().message);
  }
}

void ClientDesk::take(Client& client, const protocol::ClientMessage& message) {
  if (!client.greeted && !std::holds_alternative<protocol::ClientHello>(message)) {
    refuse(client, "the first message is a hello");
    return;
  }
  std::visit(
      [&](const auto& what) {
        if constexpr (requires { this->on(client, what); }) {
          on(client, what);
        } else {
          refuse(client, "clients don't send this message");
        }
      },
      message);
}

void ClientDesk::on(Client& client, const protocol::ClientHello& hello) {
  const auto version = protocol::negotiate(hello.protocol_min, hello.protocol_max);
  if (!version) {
    refuse(client, "this coordinator speaks protocol " + std::to_string(protocol::k_version_min) +
                       " to " + std::to_string(protocol::k_version_max) + ", the client " +
                       std::to_string(hello.protocol_min) + " to " +
                       std::to_string(hello.protocol_max) + ": install the same version of both");
    return;
  }
  client.greeted = true;
  client.name = hello.name;
  send(client, protocol::ClientWelcome{.protocol = *version,
                                       .epoch = loop_.reactor().core().epoch,
                                       .version = std::string(athanor::version()),
                                       .features = {"exact_requests"}});
}

void ClientDesk::on(Client& client, const protocol::Submit& submit) {
  const std::uint64_t total = submit.document_bytes + submit.secret_bytes;
  if (client.uploads.count(submit.request) != 0 || client.uploads.size() >= limits::k_requests) {
    refuse(client, "a submission is begun once, and not too many at a time");
    return;
  }
  if (uploading_bytes_ + total > limits::k_uploads_bytes) {
    reply(client, submit.request,
          make_error(ErrorKind::retry, "the coordinator is receiving too much already",
                     "try again in a moment"));
    return;
  }
  uploading_bytes_ += total;
  Upload& upload = client.uploads[submit.request];
  upload.document_bytes = submit.document_bytes;
  upload.total = total;
  grant_credit(client, submit.request, upload);
}

void ClientDesk::grant_credit(Client& client, std::uint64_t request, Upload& upload) {
  const std::uint64_t credit =
      std::min<std::uint64_t>(upload.total, upload.bytes.size() + limits::k_upload_window);
  // Half a window at a time, so that not every part is answered.
  if (credit == upload.total ? credit > upload.credit
                             : credit >= upload.credit + limits::k_upload_window / 2) {
    upload.credit = credit;
    send(client, protocol::Credit{.request = request, .offset = credit});
  }
}

void ClientDesk::on(Client& client, const protocol::Part& part) {
  const auto found = client.uploads.find(part.request);
  if (found == client.uploads.end()) {
    return;  // refused before
  }
  Upload& upload = found->second;
  if (part.offset != upload.bytes.size() || part.bytes.empty() ||
      part.offset + part.bytes.size() > upload.credit) {
    refuse(client, "parts come in order and within the credit");
    return;
  }
  upload.bytes += part.bytes;
  if (upload.bytes.size() == upload.total) {
    finish_upload(client, part.request);
  } else {
    grant_credit(client, part.request, upload);
  }
}

void ClientDesk::finish_upload(Client& client, std::uint64_t request) {
  Upload upload = std::move(client.uploads.at(request));
  client.uploads.erase(request);
  uploading_bytes_ -= upload.total;
  if (loop_.reactor().core().draining) {
    reply(client, request,
          make_error(ErrorKind::retry, "the coordinator is stopping",
                     "submit again when it is back"));
    return;
  }
  std::string secrets = upload.bytes.substr(upload.document_bytes);
  upload.bytes.resize(upload.document_bytes);
  auto batch = batches_.receive(std::move(upload.bytes), std::move(secrets));
  if (!batch) {
    reply(client, request, std::move(batch).error());
    return;
  }
  const DeskBatch& known = batches_.batches().at(*batch);
  reply(client, request,
        Json::object({{"schema", 1},
                      {"batch", batch->value},
                      {"name", known.head.name},
                      {"environments", std::uint64_t{known.head.environments.size()}},
                      {"packages", known.head.sources}}));
}

void ClientDesk::on(Client& client, const protocol::Watch& watch) {
  const BatchId batch{watch.batch};
  if (batches_.batches().count(batch) == 0) {
    reply(client, watch.request,
          make_error(ErrorKind::not_found, "there is no batch " + std::to_string(watch.batch),
                     "'athanor batch list' shows them"));
    return;
  }
  if (client.watches.size() >= limits::k_requests || client.watches.count(watch.request) != 0) {
    refuse(client, "too many watches");
    return;
  }
  const Watches::Watcher watcher = next_id_++;
  client.watches[watch.request] = watcher;
  watchers_[watcher] = {.client = client.id, .request = watch.request};
  watches_.add(watcher, batch);
}

void ClientDesk::on(Client& client, const protocol::Unwatch& unwatch) {
  const auto found = client.watches.find(unwatch.request);
  if (found != client.watches.end()) {
    watches_.remove(found->second);
    watchers_.erase(found->second);
    client.watches.erase(found);
  }
}

void ClientDesk::on_event(const RunEvent& event) {
  if (const auto* origins = std::get_if<OriginsChanged>(&event)) {
    origins_ = origins->origins;
  }
  if (watches_.any()) {
    watches_.on_event(event, [this](Watches::Watcher watcher, const std::string& text) {
      return tell(watcher, text);
    });
  }
}

bool ClientDesk::tell(Watches::Watcher watcher, const std::string& event) {
  const Watch& watch = watchers_.at(watcher);
  Client& client = clients_.at(watch.client);
  if (client.waiting_bytes + client.told_bytes > limits::k_client_backlog_bytes ||
      event.size() > limits::k_message_bytes_field) {
    return false;
  }
  client.told[watch.request].push_back(event);
  client.told_bytes += event.size();
  return true;
}

void ClientDesk::tick() {
  watches_.tick(
      [this](Watches::Watcher watcher, const std::string& text) { return tell(watcher, text); });
  send_events();
  end_watches();
  for (auto& [id, client] : clients_) {
    flush(client);
  }
  for (const std::uint64_t id : std::exchange(to_drop_, {})) {
    drop(id);
  }
}

void ClientDesk::send_events() {
  constexpr std::size_t k_bytes = limits::k_message_bytes / 2;
  for (auto& [id, client] : clients_) {
    for (auto& [request, events] : std::exchange(client.told, {})) {
      protocol::Events message{.request = request, .events = {}};
      std::size_t bytes = 0;
      for (const std::string& event : events) {
        if (bytes + event.size() > k_bytes ||
            message.events.size() >= limits::k_message_map_items) {
          send(client, std::exchange(message, {.request = request, .events = {}}));
          bytes = 0;
        }
        bytes += event.size();
        message.events.push_back(event);
      }
      if (!message.events.empty()) {
        send(client, message);
      }
    }
    client.told_bytes = 0;
  }
}

void ClientDesk::send(Client& client, const protocol::ClientMessage& message) {
  auto frames = protocol::encode(message);
  if (!frames.ok()) {
    to_drop_.insert(client.id);  // what it asked for can't be said
    return;
  }
  client.waiting_bytes += frames->body.size();
  client.waiting.push_back(*std::move(frames));
  if (client.waiting_bytes > limits::k_client_answer_bytes + limits::k_client_backlog_bytes) {
    to_drop_.insert(client.id);
    return;
  }
  flush(client);
}

void ClientDesk::flush(Client& client) {
  while (!client.waiting.empty()) {
    const auto outcome =
        endpoints_[client.peer.first]->send(client.peer.second, client.waiting.front());
    if (outcome == transport::SendOutcome::full) {
      return;
    }
    if (outcome == transport::SendOutcome::gone) {
      to_drop_.insert(client.id);
      return;
    }
    client.waiting_bytes -= client.waiting.front().body.size();
    client.waiting.pop_front();
  }
}

void ClientDesk::refuse(Client& client, std::string reason) {
  send(client, protocol::Refused{.reason = std::move(reason)});
  to_drop_.insert(client.id);
}

void ClientDesk::drop(std::uint64_t id) {
  const auto found = clients_.find(id);
  if (found == clients_.end()) {
    return;
  }
  for (const auto& [request, upload] : found->second.uploads) {
    uploading_bytes_ -= upload.total;
  }
  for (const auto& [request, watcher] : found->second.watches) {
    watches_.remove(watcher);
    watchers_.erase(watcher);
  }
  by_peer_.erase(found->second.peer);
  clients_.erase(found);
}

}  // namespace athanor::coordinator

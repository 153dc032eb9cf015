#include "coordinator/server/batch_answers.hpp"
#include "coordinator/server/client_desk.hpp"
#include "coordinator/server/explain_answers.hpp"
#include "shared/base/limits.hpp"
#include "shared/base/strings.hpp"
#include "shared/base/units.hpp"
#include "shared/base/version.hpp"
#include "shared/conda/glob.hpp"

#include <charconv>
#include <utility>

// What is answered, and what commands do.
namespace athanor::coordinator {
namespace {

std::optional<std::uint64_t> number_of(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(value)
                                                                  : std::nullopt;
}

}  // namespace

void ClientDesk::on(Client& client, const protocol::Ask& ask) {
  reply(client, ask.request, answer(ask));
}

void ClientDesk::on(Client& client, const protocol::Command& command) {
  reply(client, command.request, obey(command));
}

Result<BatchId> ClientDesk::batch_named(const std::string& subject) const {
  const auto number = number_of(subject);
  if (!number || batches_.batches().count(BatchId{*number}) == 0) {
    return make_error(ErrorKind::not_found, "there is no batch '" + printable(subject, 64) + "'",
                      "'athanor batch list' shows them");
  }
  return BatchId{*number};
}

Result<Json> ClientDesk::answer(const protocol::Ask& ask) const {
  const Core& core = loop_.reactor().core();
  switch (ask.question) {
    case protocol::Question::status:
      return status();
    case protocol::Question::batches: {
      Json list = Json::array();
      for (const auto& [id, batch] : batches_.batches()) {
        list.push_back(batch_line(core, id, batch));
      }
      return Json::object({{"schema", 1}, {"batches", std::move(list)}});
    }
    case protocol::Question::batch: {
      ATHANOR_ASSIGN(const BatchId id, batch_named(ask.subject));
      Json document = Json::object({{"schema", 1}});
      const Json found = batch_document(core, id, batches_.batches().at(id));
      for (const Json::Member& member : *found.as_object()) {
        document.set(member.key, member.value);
      }
      return document;
    }
    case protocol::Question::workers:
      return workers_answer(core, clock_.now());
    case protocol::Question::explain:
      break;
  }
  return explain_answer(core, batches_, layout_, ask.subject, clock_.now());
}

Json ClientDesk::status() const {
  const Reactor& reactor = loop_.reactor();
  const Totals totals = reactor.totals();
  Json origins = Json::array();
  for (const OriginStats& origin : origins_) {
    origins.push_back(
        Json::object({{"origin", origin.netloc},
                      {"requests", origin.requests},
                      {"failures", origin.failures},
                      {"in_flight", std::uint64_t{origin.in_flight}},
                      {"limit", std::uint64_t{origin.limit}},
                      {"bound", origin.bound},
                      {"closed_ms", static_cast<std::uint64_t>(origin.closed_for.count())}}));
  }
  return Json::object({{"schema", 1},
                       {"version", athanor::version()},
                       {"epoch", reactor.core().epoch},
                       {"draining", reactor.core().draining},
                       {"batches_open", reactor.core().open_batches},
                       {"workers", totals.workers},
                       {"clients", std::uint64_t{clients_.size()}},
                       {"jobs", Json::object({{"waiting", totals.jobs_waiting},
                                              {"running", totals.jobs_running},
                                              {"done", totals.jobs_done},
                                              {"failed", totals.jobs_failed}})},
                       {"origins", std::move(origins)}});
}

Result<Json> ClientDesk::obey(const protocol::Command& command) {
  if (command.order == protocol::Order::drain || command.order == protocol::Order::resume) {
    return obey_workers(command);
  }
  ATHANOR_ASSIGN(const BatchId id, batch_named(command.subject));
  Json result = Json::object({{"schema", 1}, {"batch", id.value}});
  if (command.order == protocol::Order::cancel) {
    const bool open = !loop_.reactor().core().batches.at(id).finished();
    loop_.reactor().on_cancel_batch(clock_.now(), id);
    result.set("canceled", open);
    return result;
  }
  ATHANOR_ASSIGN(const Released released, batches_.retry(id));
  result.set("jobs", released.jobs);
  result.set("environments", released.environments);
  return result;
}

Result<Json> ClientDesk::obey_workers(const protocol::Command& command) {
  Reactor& reactor = loop_.reactor();
  std::vector<std::pair<WorkerId, std::string>> meant;
  const auto number = number_of(command.subject);
  for (const auto& [id, worker] : reactor.core().workers.all()) {
    if ((number && id.value == *number) || worker.name == command.subject ||
        (!number && glob_matches(command.subject, worker.name))) {
      meant.emplace_back(id, worker.name);
    }
  }
  if (meant.empty()) {
    return make_error(ErrorKind::not_found,
                      "there is no worker '" + printable(command.subject, 64) + "'",
                      "'athanor worker list' shows them");
  }
  Json done = Json::array();
  for (const auto& [id, name] : meant) {
    const bool obeyed = command.order == protocol::Order::drain
                            ? reactor.on_drain_worker(clock_.now(), id)
                            : reactor.on_resume_worker(clock_.now(), id);
    done.push_back(Json::object({{"worker", id.value}, {"name", name}, {"done", obeyed}}));
  }
  return Json::object({{"schema", 1}, {"workers", std::move(done)}});
}

void ClientDesk::reply(const Client& client, std::uint64_t request, const Result<Json>& result) {
  loop_.when_durable([this, id = client.id, request,
                      text = result.ok() ? dump_json(*result) : std::string{},
                      error = result.ok() ? Error{} : result.error()] {
    if (!text.empty()) {
      send_answer(id, request, text);
    } else if (const auto found = clients_.find(id); found != clients_.end()) {
      send(found->second, protocol::Failure{.request = request,
                                            .kind = error.kind,
                                            .message = error.message,
                                            .hint = error.hint});
    }
  });
}

void ClientDesk::send_answer(std::uint64_t id, std::uint64_t request, const std::string& text) {
  const auto found = clients_.find(id);
  if (found == clients_.end()) {
    return;  // it went away; nothing depends on its hearing this
  }
  if (text.size() > limits::k_client_answer_bytes) {
    send(found->second, protocol::Failure{.request = request,
                                          .kind = ErrorKind::unsupported,
                                          .message = "the answer is larger than " +
                                                     human_size(limits::k_client_answer_bytes),
                                          .hint = "ask for less"});
    return;
  }
  for (std::size_t at = 0; at < text.size(); at += limits::k_message_bytes_field) {
    const std::string piece = text.substr(at, limits::k_message_bytes_field);
    send(found->second,
         protocol::Answer{
             .request = request, .last = at + piece.size() == text.size(), .bytes = piece});
  }
}

void ClientDesk::end_watches() {
  for (const auto& [watcher, batch] : watches_.take_ended()) {
    const Watch watch = watchers_.at(watcher);
    watchers_.erase(watcher);
    clients_.at(watch.client).watches.erase(watch.request);
    const auto known = batches_.batches().find(batch);
    const std::string text =
        known == batches_.batches().end()
            ? dump_json(Json::object({{"schema", 1}, {"batch", batch.value}}))
            : dump_json([&] {
                Json document = batch_document(loop_.reactor().core(), batch, known->second);
                document.set("schema", 1);
                return document;
              }());
    send_answer(watch.client, watch.request, text);
  }
}

}  // namespace athanor::coordinator

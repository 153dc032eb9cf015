#include "worker/session/session.hpp"

#include "shared/base/limits.hpp"
#include "shared/protocol/version.hpp"

#include <algorithm>
#include <utility>

namespace athanor::worker {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A coordinator that is there answers a Hello at once; one that replays its journal may not.
constexpr Duration k_welcome_patience = seconds(5);
constexpr Duration k_greeting_pause = milliseconds(500);  // doubled with each greeting in vain
constexpr Duration k_greeting_pause_max = seconds(30);
constexpr Duration k_report_pause_max = seconds(30);

}  // namespace

Session::Session(SessionOptions options, Random random, Outbox& outbox)
    : options_(std::move(options)),
      random_(random),
      outbox_(outbox),
      heartbeat_interval_(limits::k_heartbeat_interval),
      lease_duration_(limits::k_lease_duration) {}

bool Session::apply(SessionEvent event) {
  const std::optional<SessionState> next = k_session_transitions.next(state_, event);
  state_ = next.value_or(state_);
  return next.has_value();
}

bool Session::is_up() const {
  return state_ == SessionState::active || state_ == SessionState::leaving;
}

bool Session::is_leaving() const {
  return state_ == SessionState::leaving || state_ == SessionState::leaving_greeting ||
         state_ == SessionState::leaving_offline;
}

// --- The connection ------------------------------------------------------------------------------

void Session::on_connected(TimePoint now) {
  if (apply(SessionEvent::connect)) {
    anew_at_.reset();
    greet(now);
  }
}

void Session::on_disconnected(TimePoint now) {
  // ZeroMQ makes the connection again by itself; only where it has one that leads nowhere is a new
  // one asked for (lose_connection).
  if (apply(SessionEvent::disconnect)) {
    alone_since_ = alone_since_.value_or(now);
    leave_if_empty();
  }
}

void Session::greet(TimePoint now) {
  if (!alone_since_) {
    alone_since_ = now;
  }
  protocol::Hello hello{.protocol_min = protocol::k_version_min,
                        .protocol_max = protocol::k_version_max,
                        .name = options_.name,
                        .version = options_.version,
                        .features = {},
                        .capacity = options_.capacity,
                        .running = {}};
  for (const auto& [lease, held] : held_) {
    hello.running.push_back(lease);
  }
  heard_ = now;
  ++greetings_;
  outbox_.send(std::move(hello));
}

// The connection is there, as far as ZeroMQ knows, but nobody answers over it.
void Session::lose_connection(TimePoint now) {
  if (!apply(SessionEvent::disconnect)) {
    return;
  }
  alone_since_ = alone_since_.value_or(now);
  leave_if_empty();
  const unsigned doublings = std::min(greetings_, 10U);
  const Duration most = std::min(k_greeting_pause * (1U << doublings), k_greeting_pause_max);
  // Full jitter, so that a fleet doesn't return as one.
  const auto pause =
      static_cast<Duration::rep>(random_.below(static_cast<std::uint64_t>(most.count())));
  anew_at_ = now + Duration(pause);
}

void Session::start_anew(TimePoint now) {
  if (anew_at_ && now >= *anew_at_ && !end_) {
    anew_at_.reset();
    outbox_.reconnect();
  }
}

// --- What the coordinator says -------------------------------------------------------------------

void Session::on_message(const protocol::Message& message, TimePoint now) {
  if (is_up()) {
    heard_ = now;
  }
  std::visit([&](const auto& value) { on(value, now); }, message);
}

void Session::on(const protocol::Welcome& welcome, TimePoint now) {
  if (!apply(SessionEvent::welcome)) {
    return;  // an answer to an earlier connection's Hello
  }
  session_ = welcome.session;
  heartbeat_interval_ = welcome.heartbeat_interval;
  lease_duration_ = welcome.lease_duration;
  alone_since_.reset();
  heard_ = now;
  greetings_ = 0;
  renew_at_ = now + heartbeat_interval_;
  if (settings_ != welcome.settings) {
    settings_ = welcome.settings;
    outbox_.configure(*settings_);
  }
  const std::set<LeaseKey> adopted(welcome.adopted.begin(), welcome.adopted.end());
  std::vector<LeaseKey> lost;
  for (const auto& [lease, held] : held_) {
    if (!adopted.contains(lease)) {
      lost.push_back(lease);
    }
  }
  for (const LeaseKey& lease : lost) {
    drop(lease);
  }
  for (auto& [lease, held] : held_) {
    if (held.phase == Phase::reported) {
      held.report_pause = heartbeat_interval_;
      report(lease, held, now);
    }
  }
  if (is_leaving()) {
    give_back_waiting();
  }
  start_waiting(now);
  leave_if_empty();
}

void Session::on(const protocol::Reject& reject, TimePoint /*now*/) {
  if (apply(SessionEvent::reject)) {
    end_ = SessionEnd{.rejected = true, .reason = reject.reason};
    for (const LeaseKey& lease : occupied_) {
      outbox_.stop(lease);
    }
    held_.clear();
    waiting_.clear();
  }
}

void Session::on(const protocol::Grant& grant, TimePoint now) {
  if (!is_up()) {
    return;  // of an earlier connection: those leases are not ours any more
  }
  std::vector<LeaseKey> refused;
  for (const protocol::GrantedJob& job : grant.jobs) {
    take(job, refused);
  }
  if (!refused.empty()) {
    outbox_.send(protocol::Release{.session = session_, .leases = std::move(refused)});
  }
  start_waiting(now);
}

void Session::take(const protocol::GrantedJob& job, std::vector<LeaseKey>& refused) {
  if (held_.contains(job.lease) || occupied_.contains(job.lease)) {
    return;  // said twice
  }
  const auto unfinished = static_cast<std::size_t>(std::ranges::count_if(
      held_, [](const auto& entry) { return entry.second.phase != Phase::reported; }));
  const bool full = unfinished >= options_.capacity.jobs || held_.size() >= limits::k_worker_jobs;
  if (is_leaving() || full) {
    refused.push_back(job.lease);
    return;
  }
  held_[job.lease].spec = job.spec;
  if (job.first) {
    waiting_.push_front(job.lease);
  } else {
    waiting_.push_back(job.lease);
  }
}

void Session::on(const protocol::ReportAck& ack, TimePoint /*now*/) {
  const auto found = held_.find(ack.lease);
  if (found != held_.end() && found->second.phase == Phase::reported) {
    held_.erase(found);
  }
  leave_if_empty();
}

void Session::on(const protocol::Revoke& revoke, TimePoint now) {
  for (const LeaseKey& lease : revoke.leases) {
    drop(lease);
  }
  start_waiting(now);
  leave_if_empty();
}

// Others are idle: what has not begun here may begin there.
void Session::on(const protocol::Retract& retract, TimePoint /*now*/) {
  if (!is_up()) {
    return;
  }
  protocol::Release release{.session = session_, .leases = {}};
  for (const LeaseKey& lease : retract.leases) {
    const auto found = held_.find(lease);
    if (found != held_.end() && found->second.phase == Phase::waiting) {
      held_.erase(found);
      release.leases.push_back(lease);
    }
  }
  if (!release.leases.empty()) {
    outbox_.send(std::move(release));
  }
  leave_if_empty();
}

// Its arrival is all that it says.
void Session::on(const protocol::Pulse& /*pulse*/, TimePoint /*now*/) {}

void Session::on(const protocol::Drain& /*drain*/, TimePoint now) {
  drain(now);
}

// --- Jobs ----------------------------------------------------------------------------------------

// The lease is not ours any more: nothing is said about it again. A running job keeps its slot
// until its thread has really ended.
void Session::drop(const LeaseKey& lease) {
  const auto found = held_.find(lease);
  if (found == held_.end()) {
    return;
  }
  if (found->second.phase == Phase::running) {
    outbox_.stop(lease);
  }
  held_.erase(found);
}

bool Session::may_start() const {
  return is_up() && occupied_.size() < options_.slots &&
         (!options_.max_jobs || started_ < *options_.max_jobs);
}

void Session::start_waiting(TimePoint now) {
  while (may_start() && !waiting_.empty()) {
    const LeaseKey lease = waiting_.front();
    waiting_.pop_front();
    const auto found = held_.find(lease);
    if (found == held_.end() || found->second.phase != Phase::waiting) {
      continue;
    }
    Held& held = found->second;
    held.phase = Phase::running;
    held.progress.lease = lease;
    held.moved = now;
    occupied_.insert(lease);
    ++started_;
    outbox_.start(lease, std::exchange(held.spec, {}));
  }
  if (options_.max_jobs && started_ >= *options_.max_jobs) {
    drain(now);
  }
}

void Session::on_finished(const LeaseKey& lease, Outcome outcome, TimePoint now) {
  occupied_.erase(lease);
  const auto found = held_.find(lease);
  if (found != held_.end() && found->second.phase == Phase::running) {
    Held& held = found->second;
    held.phase = Phase::reported;
    held.outcome = std::move(outcome);
    held.report_pause = heartbeat_interval_;
    held.report_at = now;
    if (is_up()) {
      report(lease, held, now);
    }
  }
  start_waiting(now);
  leave_if_empty();
}

void Session::report(const LeaseKey& lease, Held& held, TimePoint now) {
  outbox_.send(protocol::Report{.session = session_, .lease = lease, .outcome = *held.outcome});
  held.report_at = now + held.report_pause;
  held.report_pause = std::min(held.report_pause * 2, k_report_pause_max);
}

void Session::report_due(TimePoint now) {
  for (auto& [lease, held] : held_) {
    if (held.phase == Phase::reported && now >= held.report_at) {
      report(lease, held, now);
    }
  }
}

// --- Time ----------------------------------------------------------------------------------------

void Session::on_tick(std::span<const protocol::JobProgress> progress, TimePoint now) {
  for (const protocol::JobProgress& job : progress) {
    const auto found = held_.find(job.lease);
    if (found == held_.end() || found->second.phase != Phase::running) {
      continue;
    }
    Held& held = found->second;
    if (job.steps != held.progress.steps || job.bytes != held.progress.bytes ||
        job.stage != held.progress.stage) {
      held.moved = now;
      held.progress = job;
      ++held.steps;
      ++movements_;
    }
  }
  const bool greeting =
      state_ == SessionState::greeting || state_ == SessionState::leaving_greeting;
  if ((greeting && now - heard_ >= k_welcome_patience) ||
      (is_up() && now - heard_ >= lease_duration_)) {
    lose_connection(now);
  }
  start_anew(now);
  if (is_up()) {
    report_due(now);
    if (now >= renew_at_) {
      renew(now);
    }
  }
}

void Session::renew(TimePoint now) {
  renew_at_ = now + heartbeat_interval_;
  protocol::Renew message{.session = session_, .running = {}};
  bool some_slot_moves = occupied_.size() < options_.slots;
  for (auto& [lease, held] : held_) {
    const bool moves = held.phase == Phase::running && now - held.moved < limits::k_job_stall;
    some_slot_moves = some_slot_moves || moves;
    if (held.phase == Phase::reported) {
      ++held.steps;
      held.progress.stage = Stage::publish;
    }
    if (moves || held.phase == Phase::reported) {
      message.running.push_back({.lease = lease,
                                 .stage = held.progress.stage,
                                 .bytes = held.progress.bytes,
                                 .steps = held.steps});
    }
  }
  // A waiting job is as alive as the slots that it waits for.
  for (auto& [lease, held] : held_) {
    if (held.phase == Phase::waiting && some_slot_moves) {
      held.steps = std::max(held.steps, movements_);
      message.running.push_back({.lease = lease,
                                 .stage = Stage::locate,
                                 .bytes = 0,
                                 .steps = held.steps,
                                 .waiting = true});
    }
  }
  outbox_.send(std::move(message));
}

// --- Leaving -------------------------------------------------------------------------------------

void Session::drain(TimePoint /*now*/) {
  if (apply(SessionEvent::drain)) {
    give_back_waiting();
    leave_if_empty();
  }
}

void Session::give_back_waiting() {
  protocol::Release release{.session = session_, .leases = {}};
  for (const LeaseKey& lease : waiting_) {
    const auto found = held_.find(lease);
    if (found != held_.end() && found->second.phase == Phase::waiting) {
      release.leases.push_back(lease);
      held_.erase(found);
    }
  }
  waiting_.clear();
  // While there is no connection, the next Hello says it by not naming them.
  if (is_up() && !release.leases.empty()) {
    outbox_.send(std::move(release));
  }
}

void Session::abandon(TimePoint now) {
  drain(now);
  protocol::Release release{.session = session_, .leases = {}};
  for (auto entry = held_.begin(); entry != held_.end();) {
    if (entry->second.phase == Phase::running) {
      outbox_.stop(entry->first);
      release.leases.push_back(entry->first);
    } else if (is_up()) {
      report(entry->first, entry->second, now);  // the last chance to say it
    }
    entry = held_.erase(entry);
  }
  if (is_up() && !release.leases.empty()) {
    outbox_.send(std::move(release));
  }
  if (state_ == SessionState::leaving_greeting) {
    apply(SessionEvent::disconnect);  // no time to wait for a Welcome
  }
  leave_if_empty();
}

void Session::leave_if_empty() {
  if (!is_leaving() || !held_.empty()) {
    return;
  }
  const bool say_goodbye = is_up();
  if (apply(SessionEvent::emptied)) {
    end_ = SessionEnd{};
    if (say_goodbye) {
      outbox_.send(protocol::Goodbye{.session = session_});
    }
  }
}

}  // namespace athanor::worker

#include "coordinator/queue/lease_book.hpp"

#include "shared/base/check.hpp"
#include "shared/base/limits.hpp"

#include <algorithm>

namespace athanor::coordinator {
namespace {

TimePoint end_of(const Lease& lease) {
  return std::min(lease.expires, lease.progressed + limits::k_progress_timeout);
}

}  // namespace

void LeaseBook::add(const Lease& lease) {
  const Position position{lease.key.job.value, lease.key.attempt};
  ATHANOR_CHECK(leases_.try_emplace(position, lease).second);
  alarms_.push({.at = end_of(lease), .position = position});
}

const Lease* LeaseBook::find(const LeaseKey& key) const {
  const auto found = leases_.find({key.job.value, key.attempt});
  return found != leases_.end() && found->second.key.epoch == key.epoch ? &found->second : nullptr;
}

Lease* LeaseBook::find(const LeaseKey& key) {
  return const_cast<Lease*>(std::as_const(*this).find(key));
}

Lease LeaseBook::remove(const LeaseKey& key) {
  const auto found = leases_.find({key.job.value, key.attempt});
  ATHANOR_CHECK(found != leases_.end() && found->second.key.epoch == key.epoch);
  const Lease lease = found->second;
  leases_.erase(found);
  return lease;
}

std::vector<LeaseKey> LeaseBook::of_job(JobId job) const {
  std::vector<LeaseKey> keys;
  for (auto it = leases_.lower_bound({job.value, 0});
       it != leases_.end() && it->first.first == job.value; ++it) {
    keys.push_back(it->second.key);
  }
  return keys;
}

bool LeaseBook::has_any(JobId job) const {
  const auto it = leases_.lower_bound({job.value, 0});
  return it != leases_.end() && it->first.first == job.value;
}

std::vector<LeaseKey> LeaseBook::expired(TimePoint now) {
  std::vector<LeaseKey> keys;
  std::vector<Alarm> again;
  while (!alarms_.empty() && alarms_.top().at <= now) {
    Alarm alarm = alarms_.top();
    alarms_.pop();
    const auto found = leases_.find(alarm.position);
    if (found == leases_.end()) {
      continue;
    }
    alarm.at = end_of(found->second);
    if (alarm.at <= now) {
      keys.push_back(found->second.key);
    }
    again.push_back(alarm);
  }
  for (const Alarm& alarm : again) {
    alarms_.push(alarm);
  }
  return keys;
}

}  // namespace athanor::coordinator

#include "coordinator/queue/job_table.hpp"

#include "coordinator/queue/packed.hpp"
#include "shared/base/check.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>
#include <limits>

namespace athanor::coordinator {
namespace {

std::size_t hash_key(std::string_view key) {
  return std::hash<std::string_view>{}(key);
}

std::uint32_t small(std::uint64_t number) {
  ATHANOR_CHECK(number < std::numeric_limits<std::uint32_t>::max());
  return static_cast<std::uint32_t>(number);
}

}  // namespace

PackedBytes::PackedBytes(std::string_view bytes) {
  const std::uint32_t size = small(bytes.size());
  bytes_ = std::unique_ptr<char[]>(new char[sizeof size + bytes.size()]);
  std::memcpy(bytes_.get(), &size, sizeof size);
  std::copy(bytes.begin(), bytes.end(), bytes_.get() + sizeof size);
}

std::string_view PackedBytes::view() const {
  if (bytes_ == nullptr) {
    return {};
  }
  std::uint32_t size = 0;
  std::memcpy(&size, bytes_.get(), sizeof size);
  return {bytes_.get() + sizeof size, size};
}

JobTable::JobTable()
    : index_(64),
      waiter_pool_(1) {}

JobTable::Insertion JobTable::insert(std::string_view packed) {
  const std::string_view key = packed_key(packed);
  ATHANOR_CHECK(!key.empty());
  if (const auto present = find_key(key)) {
    return {*present, false};
  }
  const JobId id{next_id_};
  emplace(id, packed, JobState::ready);
  return {id, true};
}

void JobTable::restore(JobId id, std::string_view packed, JobState state) {
  const std::string_view key = packed_key(packed);
  ATHANOR_CHECK(!key.empty() && id.value != 0 && find(id) == nullptr && !find_key(key));
  emplace(id, packed, state);
}

Job& JobTable::emplace(JobId id, std::string_view packed, JobState state) {
  if ((size_ + 1) * 2 > index_.size()) {
    grow_index(index_.size() * 2);
  }
  const std::uint64_t page = id.value / k_page_jobs;
  if (page >= pages_.size()) {
    pages_.resize(page + 1);
  }
  auto& slot = pages_[page];
  if (!slot) {
    slot = std::make_unique<Page>();
  }
  Job& job = slot->jobs[id.value % k_page_jobs].emplace();
  ++slot->used;
  job.spec = PackedBytes(packed);
  job.state = state;
  index_[slot_of(packed_key(packed))] = small(id.value);
  ++counts_[static_cast<std::size_t>(state)];
  ++size_;
  next_id_ = std::max(next_id_, id.value + 1);
  return job;
}

const Job* JobTable::find(JobId id) const {
  const std::uint64_t page = id.value / k_page_jobs;
  if (page >= pages_.size() || !pages_[page]) {
    return nullptr;
  }
  const auto& job = pages_[page]->jobs[id.value % k_page_jobs];
  return job ? &*job : nullptr;
}

Job* JobTable::find(JobId id) {
  return const_cast<Job*>(std::as_const(*this).find(id));
}

const Job& JobTable::at(JobId id) const {
  const Job* job = find(id);
  ATHANOR_CHECK(job != nullptr);
  return *job;
}

Job& JobTable::at(JobId id) {
  return const_cast<Job&>(std::as_const(*this).at(id));
}

std::optional<JobId> JobTable::find_key(std::string_view key) const {
  const std::uint32_t id = index_[slot_of(key)];
  return id == 0 ? std::nullopt : std::optional(JobId{id});
}

std::size_t JobTable::slot_of(std::string_view key) const {
  const std::size_t mask = index_.size() - 1;
  std::size_t slot = hash_key(key) & mask;
  while (index_[slot] != 0 && packed_key(at(JobId{index_[slot]}).spec.view()) != key) {
    slot = (slot + 1) & mask;
  }
  return slot;
}

void JobTable::grow_index(std::size_t slots) {
  std::vector<std::uint32_t> old = std::move(index_);
  index_.assign(slots, 0);
  const std::size_t mask = slots - 1;
  for (const std::uint32_t id : old) {
    if (id != 0) {
      // Keys are known to differ, so nothing needs to be compared.
      std::size_t slot = hash_key(packed_key(at(JobId{id}).spec.view())) & mask;
      while (index_[slot] != 0) {
        slot = (slot + 1) & mask;
      }
      index_[slot] = id;
    }
  }
}

void JobTable::reserve(std::size_t jobs) {
  const std::size_t slots = std::bit_ceil(jobs * 2 + 1);
  if (slots > index_.size()) {
    grow_index(slots);
  }
}

void JobTable::replace_spec(JobId id, std::string_view packed) {
  Job& job = at(id);
  ATHANOR_CHECK(packed_key(job.spec.view()) == packed_key(packed));
  job.spec = PackedBytes(packed);
}

void JobTable::erase(JobId id) {
  const Job& job = at(id);
  ATHANOR_CHECK(is_final(job.state) && job.waiters == 0);
  const std::size_t mask = index_.size() - 1;
  std::size_t hole = slot_of(packed_key(job.spec.view()));
  // Close the hole, so that searches that passed it still find what lies behind.
  for (std::size_t next = (hole + 1) & mask; index_[next] != 0; next = (next + 1) & mask) {
    const std::size_t home = hash_key(packed_key(at(JobId{index_[next]}).spec.view())) & mask;
    if (((next - home) & mask) >= ((next - hole) & mask)) {
      index_[hole] = index_[next];
      hole = next;
    }
  }
  index_[hole] = 0;
  --counts_[static_cast<std::size_t>(job.state)];
  --size_;
  auto& page = pages_[id.value / k_page_jobs];
  page->jobs[id.value % k_page_jobs].reset();
  if (--page->used == 0) {
    page.reset();
  }
}

JobTransition JobTable::apply(JobId id, JobEvent event) {
  Job& job = at(id);
  const auto to = next_job_state(job.state, event);
  ATHANOR_CHECK(to.has_value());
  const JobTransition transition{.job = id, .from = job.state, .event = event, .to = *to};
  --counts_[static_cast<std::size_t>(job.state)];
  ++counts_[static_cast<std::size_t>(*to)];
  job.state = *to;
  return transition;
}

void JobTable::add_waiter(JobId id, EnvironmentId environment) {
  std::uint32_t node = free_waiter_;
  if (node != 0) {
    free_waiter_ = waiter_pool_[node].next;
  } else {
    node = small(waiter_pool_.size());
    waiter_pool_.emplace_back();
  }
  Job& job = at(id);
  waiter_pool_[node] = {.environment = small(environment.value), .next = job.waiters};
  job.waiters = node;
}

bool JobTable::remove_waiter(JobId id, EnvironmentId environment) {
  for (std::uint32_t* link = &at(id).waiters; *link != 0; link = &waiter_pool_[*link].next) {
    const std::uint32_t node = *link;
    if (waiter_pool_[node].environment == environment.value) {
      *link = waiter_pool_[node].next;
      waiter_pool_[node].next = free_waiter_;
      free_waiter_ = node;
      return true;
    }
  }
  return false;
}

bool JobTable::is_waiting(JobId id, EnvironmentId environment) const {
  for (std::uint32_t node = at(id).waiters; node != 0; node = waiter_pool_[node].next) {
    if (waiter_pool_[node].environment == environment.value) {
      return true;
    }
  }
  return false;
}

std::vector<EnvironmentId> JobTable::waiters(JobId id) const {
  std::vector<EnvironmentId> result;
  for (std::uint32_t node = at(id).waiters; node != 0; node = waiter_pool_[node].next) {
    result.push_back(EnvironmentId{waiter_pool_[node].environment});
  }
  std::reverse(result.begin(), result.end());
  return result;
}

std::vector<EnvironmentId> JobTable::take_waiters(JobId id) {
  std::vector<EnvironmentId> result = waiters(id);
  Job& job = at(id);
  while (job.waiters != 0) {
    const std::uint32_t node = job.waiters;
    job.waiters = waiter_pool_[node].next;
    waiter_pool_[node].next = free_waiter_;
    free_waiter_ = node;
  }
  return result;
}

}  // namespace athanor::coordinator

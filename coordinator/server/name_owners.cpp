#include "coordinator/server/name_owners.hpp"

#include <algorithm>

namespace athanor::coordinator {

bool NameOwners::claim(const std::string& name, const std::string& key, TimePoint now) {
  forget_old(now);
  Owner& owner = owners_[name];
  const bool is_free = owner.connections == 0 && now - owner.left >= grace_;
  if (!is_free && owner.key != key) {
    return false;
  }
  owner.key = key;
  ++owner.connections;
  return true;
}

void NameOwners::leave(const std::string& name, TimePoint now) {
  const auto found = owners_.find(name);
  if (found != owners_.end() && found->second.connections != 0) {
    --found->second.connections;
    found->second.left = now;
  }
}

// Names that come and go must not pile up; looked for when there are twice as many as last time.
void NameOwners::forget_old(TimePoint now) {
  if (owners_.size() < forget_at_size_) {
    return;
  }
  std::erase_if(owners_, [&](const auto& entry) {
    return entry.second.connections == 0 && now - entry.second.left >= grace_;
  });
  forget_at_size_ = std::max<std::size_t>(1'024, owners_.size() * 2);
}

}  // namespace athanor::coordinator

#pragma once

#include "shared/base/clock.hpp"

#include <cstddef>
#include <string>
#include <unordered_map>

namespace athanor::coordinator {

// Which key each worker's name belongs to. A worker that comes back takes its leases along by its
// name, so nobody else's key may use the name meanwhile. Not thread-safe.
class NameOwners {
 public:
  // A name is free again so long after its last owner has gone.
  explicit NameOwners(Duration grace)
      : grace_(grace) {}

  // A worker of this key (empty: its endpoint isn't encrypted) says that it has this name. False:
  // the name is another key's.
  bool claim(const std::string& name, const std::string& key, TimePoint now);
  // A connection that had claimed it is gone.
  void leave(const std::string& name, TimePoint now);

  std::size_t size() const { return owners_.size(); }

 private:
  struct Owner {
    std::string key;
    std::size_t connections = 0;
    TimePoint left;  // if there are none
  };
  void forget_old(TimePoint now);

  const Duration grace_;
  std::unordered_map<std::string, Owner> owners_;
  std::size_t forget_at_size_ = 1'024;
};

}  // namespace athanor::coordinator

#pragma once

#include "shared/archive/tar_entry.hpp"
#include "shared/digest/digest.hpp"

#include <cstdint>
#include <span>

namespace athanor {

// One hash over everything that a member is: type, path, mode, link target, size, owner, time,
// attributes and its content's SHA-256. Two members with the same fingerprint are the same.
// Reusable, one member after the other. Not thread-safe.
class MemberFingerprint {
 public:
  void update(std::span<const std::uint8_t> content) { content_.update(content); }
  // Of the member that the content so far belongs to; begins the next.
  Sha256 finish(const TarEntry& entry);
  // The content's own hash, of the member last finished.
  const Sha256& content() const { return last_content_; }

 private:
  Sha256Hasher content_;
  Sha256 last_content_;
};

}  // namespace athanor

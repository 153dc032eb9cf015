#pragma once

#include "coordinator/upkeep/finding.hpp"
#include "shared/layout/layout.hpp"
#include "shared/store/store.hpp"

#include <optional>
#include <stop_token>

namespace athanor::coordinator {

struct ObjectCheck {
  bool there = false;  // false: it went away since it was listed
  std::uint64_t bytes_read = 0;
  std::optional<Finding> finding{};  // absent: its bytes are those of its key
};

// Reads the object once, in pieces, and compares its hash with the one in its key.
Result<ObjectCheck> check_object(Store& store, const ObjectInfo& info, const ArtifactKey& package,
                                 std::stop_token stop);

// Looks at the last bytes of an archive that passes by: does it end where one of its format must?
// Not thread-safe.
class ArchiveEnd {
 public:
  explicit ArchiveEnd(Format format)
      : format_(format) {}

  void feed(std::span<const std::uint8_t> bytes);
  // False only if the end is certainly not there. Of gzip nothing can be known.
  bool may_be_whole() const;

 private:
  Format format_;
  std::string tail_;
};

}  // namespace athanor::coordinator

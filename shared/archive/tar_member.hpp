#pragma once

#include "shared/archive/tar_block.hpp"
#include "shared/archive/tar_entry.hpp"
#include "shared/archive/tar_pax.hpp"
#include "shared/base/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// From header fields and extension headers to one TarEntry: the rules of FORMATS.md, without I/O.
namespace athanor {

// What the headers in front of a member's own said about it.
struct TarExtensions {
  std::optional<std::string> long_name;           // GNU 'L'
  std::optional<std::string> long_link;           // GNU 'K'
  std::optional<std::vector<PaxRecord>> records;  // pax 'x'
};

enum class SparseKind { none, gnu_header, records, text_map };

struct TarMember {
  TarEntry entry;
  std::uint64_t stored_bytes =
      0;  // content bytes in the archive; a sparse file has fewer than size
  SparseKind sparse = SparseKind::none;
  // What the sparse records say of the file's whole size; only for text_map.
  std::uint64_t sparse_size = 0;
};

// Global records ('g') that we know what to do with: ownership and times, or what is dropped
// anyway. rejected if they would rename or resize members, which some readers heed and others
// don't.
Result<void> check_global_records(const std::vector<PaxRecord>& records);

// The member that a header block, what stood before it and the global records describe together.
Result<TarMember> describe_member(const TarBlock& header, const TarExtensions& extensions,
                                  const std::vector<PaxRecord>& globals);

}  // namespace athanor

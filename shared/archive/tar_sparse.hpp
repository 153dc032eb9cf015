#pragma once

#include "shared/archive/tar_block.hpp"
#include "shared/archive/tar_pax.hpp"
#include "shared/base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

// Sparse files: GNU's old headers and its three ways of saying it in pax records. Most conda
// clients can't read any of them, so the reader gives such a file's holes as zeros and the writer
// writes it whole.
namespace athanor {

struct SparsePiece {
  std::uint64_t offset = 0;  // where in the file
  std::uint64_t length = 0;  // bytes stored in the archive
};

// Where a sparse file's stored bytes belong.
struct SparseMap {
  std::uint64_t file_size = 0;
  std::vector<SparsePiece> pieces;

  // corrupt unless the pieces are in order, don't overlap, lie inside the file and take exactly
  // `stored_bytes` bytes together.
  Result<void> check(std::uint64_t stored_bytes) const;
};

// More pieces than any real file has: the map of a hostile archive can't take more memory.
inline constexpr std::size_t k_sparse_pieces = 262'144;

// Adds the pieces of an old GNU header (4) or of one of its extension blocks (21). Returns whether
// another extension block follows.
Result<bool> append_gnu_sparse_header(const TarBlock& header, SparseMap& map);
Result<bool> append_gnu_sparse_extension(const TarBlock& block, SparseMap& map);

// The map that pax records of version 0.0 or 0.1 spell out. corrupt if they don't make sense.
Result<SparseMap> sparse_map_of_records(const std::vector<PaxRecord>& records);

// Reads version 1.0's map, which stands in front of the content as decimal lines: feed it blocks
// until it is complete.
class SparseTextMap {
 public:
  // Returns whether the map is complete; the rest of the block is padding.
  Result<bool> append(std::string_view block);
  std::vector<SparsePiece> take_pieces() { return std::move(pieces_); }

 private:
  Result<void> number(std::uint64_t value);

  std::vector<SparsePiece> pieces_;
  std::uint64_t expected_numbers_ = 1;  // the count itself is the first number
  std::uint64_t seen_numbers_ = 0;
  std::uint64_t current_ = 0;
  unsigned digits_ = 0;
};

}  // namespace athanor

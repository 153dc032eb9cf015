#pragma once

#include "shared/archive/byte_stream.hpp"
#include "shared/archive/tar_block.hpp"
#include "shared/archive/tar_entry.hpp"
#include "shared/archive/tar_member.hpp"
#include "shared/archive/tar_pax.hpp"
#include "shared/archive/tar_sparse.hpp"
#include "shared/base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace athanor {

// Reads a tar archive of any dialect that packages come in (v7, ustar, GNU, pax), member by member,
// once, front to back. There is one parser for header fields and pax records, and one rule for each
// way in which they can contradict each other (FORMATS.md): where readers in the field disagree,
// the archive is refused, so that what we read is what everybody reads.
//
// Memory: one buffer of 256 KiB, one header, and the map of a sparse file. Not thread-safe.
//
// Errors: corrupt (malformed, truncated), rejected (device nodes, escaping paths, contradictions).
// After an error the reader is dead.
class TarReader {
 public:
  // `source` must outlive the reader.
  explicit TarReader(ByteSource& source);

  // The next member; absent at the archive's end, which must be two blocks of zeros and then only
  // zeros. Content of the current member that wasn't read is skipped.
  Result<std::optional<TarEntry>> next();

  // The next bytes of the current member's content, valid until the next call; empty at its end.
  Result<std::span<const std::uint8_t>> read_content();

 private:
  Result<void> refill();
  Result<TarBlock> take_block();
  Result<std::optional<TarBlock>> take_header();
  Result<std::string> take_text(std::uint64_t size, std::uint64_t limit);
  Result<void> take_extension(const TarBlock& header, TarExtensions& extensions);
  Result<void> begin_sparse(const TarBlock& header, TarMember& member,
                            const TarExtensions& extensions);
  Result<void> finish_content();
  Result<void> check_end();
  std::span<const std::uint8_t> available() const {
    return std::span(buffer_).subspan(begin_, end_ - begin_);
  }

  ByteSource& source_;
  std::vector<std::uint8_t> buffer_;
  std::size_t begin_ = 0;  // the unread part of the buffer
  std::size_t end_ = 0;
  bool ended_ = false;               // the source has
  std::uint64_t stored_left_ = 0;    // bytes of the current member still in the archive
  std::uint64_t padding_ = 0;        // and the zeros that fill its last block
  std::uint64_t position_ = 0;       // in the current member's content
  std::uint64_t content_size_ = 0;   // of the current member, holes included
  std::size_t next_piece_ = 0;       // of sparse_
  std::optional<SparseMap> sparse_;  // of the current member, if it is sparse
  std::vector<PaxRecord> globals_;   // from 'g' headers, for all members that follow
};

}  // namespace athanor

#include "shared/archive/tar_reader.hpp"

#include "shared/archive/tar_member.hpp"
#include "shared/base/limits.hpp"
#include "shared/base/units.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace athanor {
namespace {

constexpr std::size_t k_buffer_bytes = 256_KiB;
constexpr std::uint64_t k_pax_header_bytes = 1_MiB;
constexpr std::array<std::uint8_t, 64_KiB> k_zeros{};

Error truncated() {
  return make_error(ErrorKind::corrupt, "the tar archive is truncated", "fetch the package again");
}

std::uint64_t padding_of(std::uint64_t size) {
  return (k_tar_block_bytes - size % k_tar_block_bytes) % k_tar_block_bytes;
}

std::string until_nul(std::string text) {
  text.resize(std::min(text.find('\0'), text.size()));
  return text;
}

}  // namespace

TarReader::TarReader(ByteSource& source)
    : source_(source),
      buffer_(k_buffer_bytes) {}

Result<void> TarReader::refill() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (!ended_) {
    ATHANOR_ASSIGN(const std::size_t count, source_.read(std::span(buffer_).subspan(end_)));
    end_ += count;
    ended_ = count == 0;
  }
  return {};
}

Result<TarBlock> TarReader::take_block() {
  while (end_ - begin_ < k_tar_block_bytes) {
    if (ended_) {
      return truncated();
    }
    ATHANOR_TRY(refill());
  }
  const std::span<const std::uint8_t, k_tar_block_bytes> bytes(buffer_.data() + begin_,
                                                               k_tar_block_bytes);
  begin_ += k_tar_block_bytes;
  return TarBlock(bytes);
}

// Absent if the archive ends here as it should.
Result<std::optional<TarBlock>> TarReader::take_header() {
  ATHANOR_ASSIGN(const TarBlock block, take_block());
  if (block.is_zero()) {
    ATHANOR_TRY(check_end());
    return std::optional<TarBlock>();
  }
  if (!block.checksum_holds()) {
    return make_error(ErrorKind::corrupt, "a header of the tar archive has a wrong checksum",
                      "fetch the package again");
  }
  return std::optional(block);
}

Result<void> TarReader::check_end() {
  ATHANOR_ASSIGN(const TarBlock second, take_block());
  bool zero = second.is_zero();
  while (zero && !(ended_ && begin_ == end_)) {
    const auto rest = available();
    zero = std::all_of(rest.begin(), rest.end(), [](std::uint8_t byte) { return byte == 0; });
    begin_ = end_;
    ATHANOR_TRY(refill());
  }
  if (!zero) {
    return make_error(ErrorKind::rejected, "something stands behind the end of the tar archive",
                      "some readers would see it as further members; don't use the package");
  }
  return {};
}

Result<std::string> TarReader::take_text(std::uint64_t size, std::uint64_t limit) {
  if (size > limit) {
    return make_error(ErrorKind::rejected,
                      "a header of the tar archive is larger than " + human_size(limit));
  }
  std::string text;
  while (text.size() < size) {
    ATHANOR_ASSIGN(const TarBlock block, take_block());
    const auto bytes = block.raw({0, k_tar_block_bytes});
    const auto count = std::min<std::uint64_t>(size - text.size(), bytes.size());
    text.append(reinterpret_cast<const char*>(bytes.data()), count);
  }
  return text;
}

Result<void> TarReader::take_extension(const TarBlock& header, TarExtensions& extensions) {
  const char type = header.type();
  const auto size = header.number(tar_field::k_size);
  if (!size) {
    return make_error(ErrorKind::corrupt, "a header of the tar archive has no size");
  }
  const bool pax = type == 'x' || type == 'X' || type == 'g';
  ATHANOR_ASSIGN(std::string text,
                 take_text(*size, pax ? k_pax_header_bytes : limits::k_member_name_bytes + 1));
  const bool repeated = (type == 'L' && extensions.long_name) ||
                        (type == 'K' && extensions.long_link) ||
                        ((type == 'x' || type == 'X') && extensions.records);
  if (repeated) {
    return make_error(ErrorKind::rejected,
                      "a member of the tar archive has two headers of one kind");
  }
  if (type == 'L') {
    extensions.long_name = until_nul(std::move(text));
  } else if (type == 'K') {
    extensions.long_link = until_nul(std::move(text));
  } else if (type == 'g') {
    ATHANOR_ASSIGN(auto records, parse_pax_records(text));
    ATHANOR_TRY(check_global_records(records));
    // A later global header speaks before an earlier one.
    globals_.insert(globals_.begin(), records.begin(), records.end());
    constexpr std::size_t k_global_records = 1024;
    globals_.resize(std::min(globals_.size(), k_global_records));
  } else {
    ATHANOR_ASSIGN(extensions.records, parse_pax_records(text));
  }
  return {};
}

Result<void> TarReader::finish_content() {
  for (std::uint64_t left = stored_left_ + padding_; left > 0;) {
    if (begin_ == end_) {
      if (ended_) {
        return truncated();
      }
      ATHANOR_TRY(refill());
      continue;
    }
    const auto count = std::min<std::uint64_t>(left, end_ - begin_);
    begin_ += count;
    left -= count;
  }
  stored_left_ = 0;
  padding_ = 0;
  sparse_.reset();
  return {};
}

Result<void> TarReader::begin_sparse(const TarBlock& header, TarMember& member,
                                     const TarExtensions& extensions) {
  std::uint64_t stored = member.stored_bytes;
  SparseMap map;
  if (member.sparse == SparseKind::gnu_header) {
    ATHANOR_ASSIGN(bool more, append_gnu_sparse_header(header, map));
    while (more) {
      ATHANOR_ASSIGN(const TarBlock block, take_block());
      ATHANOR_ASSIGN(more, append_gnu_sparse_extension(block, map));
    }
  } else if (member.sparse == SparseKind::records) {
    ATHANOR_ASSIGN(map, sparse_map_of_records(*extensions.records));
  } else {
    SparseTextMap text_map;
    map.file_size = member.sparse_size;
    for (bool complete = false; !complete;) {
      if (stored < k_tar_block_bytes) {
        return truncated();
      }
      ATHANOR_ASSIGN(const TarBlock block, take_block());
      const auto bytes = block.raw({0, k_tar_block_bytes});
      stored -= k_tar_block_bytes;
      ATHANOR_ASSIGN(complete,
                     text_map.append({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
    }
    map.pieces = text_map.take_pieces();
  }
  ATHANOR_TRY(map.check(stored));
  member.stored_bytes = stored;
  member.entry.size = map.file_size;
  sparse_ = std::move(map);
  return {};
}

Result<std::optional<TarEntry>> TarReader::next() {
  ATHANOR_TRY(finish_content());
  TarExtensions extensions;
  for (bool extended = false;; extended = true) {
    ATHANOR_ASSIGN(const std::optional<TarBlock> header, take_header());
    if (!header) {
      if (extended && (extensions.records || extensions.long_name || extensions.long_link)) {
        return make_error(ErrorKind::corrupt, "the tar archive ends in a header without a member");
      }
      return std::optional<TarEntry>();
    }
    constexpr std::string_view k_extension_types = "xXgLK";
    if (k_extension_types.find(header->type()) != std::string_view::npos) {
      ATHANOR_TRY(take_extension(*header, extensions));
      continue;
    }
    ATHANOR_ASSIGN(TarMember member, describe_member(*header, extensions, globals_));
    if (member.sparse != SparseKind::none) {
      ATHANOR_TRY(begin_sparse(*header, member, extensions));
    }
    stored_left_ = member.stored_bytes;
    padding_ = padding_of(member.stored_bytes);
    position_ = 0;
    next_piece_ = 0;
    content_size_ = member.entry.size;
    if (member.entry.path.empty()) {
      // The package's root, "./": a directory that every reader has made already.
      if (member.entry.type != MemberType::directory) {
        return make_error(ErrorKind::rejected, "a member of the tar archive has no name");
      }
      extensions = {};
      continue;
    }
    return std::optional(std::move(member.entry));
  }
}

Result<std::span<const std::uint8_t>> TarReader::read_content() {
  std::uint64_t wanted = stored_left_;
  if (sparse_) {
    const auto& pieces = sparse_->pieces;
    while (next_piece_ < pieces.size() &&
           position_ >= pieces[next_piece_].offset + pieces[next_piece_].length) {
      ++next_piece_;
    }
    const bool at_piece = next_piece_ < pieces.size() && position_ >= pieces[next_piece_].offset;
    if (!at_piece) {
      const std::uint64_t hole_end =
          next_piece_ < pieces.size() ? pieces[next_piece_].offset : content_size_;
      const auto count = std::min<std::uint64_t>(hole_end - position_, k_zeros.size());
      position_ += count;
      return std::span<const std::uint8_t>(k_zeros).first(count);
    }
    wanted = pieces[next_piece_].offset + pieces[next_piece_].length - position_;
  }
  if (wanted == 0) {
    return std::span<const std::uint8_t>();
  }
  while (begin_ == end_) {
    if (ended_) {
      return truncated();
    }
    ATHANOR_TRY(refill());
  }
  const auto content = available().first(std::min<std::uint64_t>(wanted, end_ - begin_));
  begin_ += content.size();
  stored_left_ -= content.size();
  position_ += content.size();
  return content;
}

}  // namespace athanor

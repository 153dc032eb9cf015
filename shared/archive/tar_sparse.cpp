#include "shared/archive/tar_sparse.hpp"

#include "shared/base/strings.hpp"

#include <charconv>
#include <optional>
#include <utility>

namespace athanor {
namespace {

constexpr TarField k_gnu_pieces{386, 96};
constexpr TarField k_gnu_extended{482, 1};
constexpr TarField k_gnu_real_size{483, 12};
constexpr TarField k_extension_pieces{0, 504};
constexpr TarField k_extension_extended{504, 1};
constexpr std::size_t k_number_bytes = 12;

Error malformed() {
  return make_error(ErrorKind::corrupt, "the map of a sparse file in the tar archive is malformed");
}

Error too_many() {
  return make_error(ErrorKind::rejected, "a sparse file in the tar archive has more than " +
                                             std::to_string(k_sparse_pieces) + " pieces");
}

std::optional<std::uint64_t> decimal(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

Result<void> append_pieces(const TarBlock& block, TarField field, SparseMap& map) {
  for (std::size_t at = 0; at + 2 * k_number_bytes <= field.length; at += 2 * k_number_bytes) {
    const TarField offset{field.offset + at, k_number_bytes};
    const TarField length{offset.offset + k_number_bytes, k_number_bytes};
    if (block.raw(offset)[0] == 0) {
      break;
    }
    const auto piece_offset = block.number(offset);
    const auto piece_length = block.number(length);
    if (!piece_offset || !piece_length) {
      return malformed();
    }
    if (map.pieces.size() >= k_sparse_pieces) {
      return too_many();
    }
    map.pieces.push_back({*piece_offset, *piece_length});
  }
  return {};
}

}  // namespace

Result<void> SparseMap::check(std::uint64_t stored_bytes) const {
  std::uint64_t position = 0;
  std::uint64_t stored = 0;
  for (const SparsePiece& piece : pieces) {
    if (piece.offset < position || piece.offset > file_size ||
        piece.length > file_size - piece.offset) {
      return malformed();
    }
    position = piece.offset + piece.length;
    stored += piece.length;
  }
  if (stored != stored_bytes) {
    return malformed();
  }
  return {};
}

Result<bool> append_gnu_sparse_header(const TarBlock& header, SparseMap& map) {
  const auto size = header.number(k_gnu_real_size);
  if (!size) {
    return malformed();
  }
  map.file_size = *size;
  ATHANOR_TRY(append_pieces(header, k_gnu_pieces, map));
  return header.raw(k_gnu_extended)[0] != 0;
}

Result<bool> append_gnu_sparse_extension(const TarBlock& block, SparseMap& map) {
  ATHANOR_TRY(append_pieces(block, k_extension_pieces, map));
  return block.raw(k_extension_extended)[0] != 0;
}

Result<SparseMap> sparse_map_of_records(const std::vector<PaxRecord>& records) {
  SparseMap map;
  std::vector<std::uint64_t> numbers;
  bool sized = false;
  for (const auto& [key, value] : records) {
    std::string_view list;
    if (key == "GNU.sparse.size") {
      const auto size = decimal(value);
      if (!size) {
        return malformed();
      }
      map.file_size = *size;
      sized = true;
    } else if (key == "GNU.sparse.offset" || key == "GNU.sparse.numbytes" ||
               key == "GNU.sparse.map") {
      // In version 0.0 offsets and lengths take turns as records, in 0.1 as items of a list.
      if ((key == "GNU.sparse.numbytes") != (numbers.size() % 2 == 1) && key != "GNU.sparse.map") {
        return malformed();
      }
      list = value;
    }
    if (list.empty()) {
      continue;
    }
    for (const std::string_view item : split(list, ',')) {
      const auto number = decimal(item);
      if (!number) {
        return malformed();
      }
      if (numbers.size() >= 2 * k_sparse_pieces) {
        return too_many();
      }
      numbers.push_back(*number);
    }
  }
  if (!sized || numbers.size() % 2 != 0) {
    return malformed();
  }
  for (std::size_t i = 0; i < numbers.size(); i += 2) {
    map.pieces.push_back({numbers[i], numbers[i + 1]});
  }
  return map;
}

Result<void> SparseTextMap::number(std::uint64_t value) {
  if (seen_numbers_ == 0) {
    if (value > k_sparse_pieces) {
      return too_many();
    }
    expected_numbers_ = 1 + 2 * value;
  } else if (seen_numbers_ % 2 == 1) {
    pieces_.push_back({value, 0});
  } else {
    pieces_.back().length = value;
  }
  ++seen_numbers_;
  return {};
}

Result<bool> SparseTextMap::append(std::string_view block) {
  for (const char c : block) {
    if (seen_numbers_ == expected_numbers_) {
      break;
    }
    if (c == '\n' && digits_ > 0) {
      ATHANOR_TRY(number(std::exchange(current_, 0)));
      digits_ = 0;
    } else if (c >= '0' && c <= '9' && digits_ < 18) {
      current_ = current_ * 10 + static_cast<std::uint64_t>(c - '0');
      ++digits_;
    } else {
      return malformed();
    }
  }
  return seen_numbers_ == expected_numbers_;
}

}  // namespace athanor

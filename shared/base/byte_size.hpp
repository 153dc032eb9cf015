#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace athanor {

// "16GiB", "1.5 GiB", "500MB", "4096": a size as people write it; units of 1024 (KiB, MiB, GiB,
// TiB, and K, M, G, T) or 1000 (kB, KB, MB, GB, TB), none for bytes. Absent if it is none or
// doesn't fit.
std::optional<std::uint64_t> parse_byte_size(std::string_view text);

}  // namespace athanor

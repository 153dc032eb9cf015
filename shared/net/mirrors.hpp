#pragma once

#include "shared/base/random.hpp"
#include "shared/base/result.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace athanor {

// Another place of the same files. Places are asked in the order in which they stand; neighbours
// that have a weight share one rank, and each is asked first as often as its weight says.
struct Mirror {
  std::string prefix;        // of URLs; may hold credentials
  std::uint32_t weight = 0;  // 0: has a rank of its own

  friend bool operator==(const Mirror&, const Mirror&) = default;
};

// URL prefix → its mirrors, as a setting spells them: prefixes separated by white space, each of
// which may be followed by "weight=N" (1 to 1000). "https://a.example/c weight=3
// https://b.example/c weight=1 oci://ghcr.io/channel-mirrors/c". If the prefix itself stands among
// its mirrors, that is its own place in the order; otherwise it comes last.
using MirrorMap = std::map<std::string, std::string>;

// invalid: no URL, a weight without one or out of bounds, or more than k_most_mirrors.
Result<std::vector<Mirror>> parse_mirrors(std::string_view text);
inline constexpr std::size_t k_most_mirrors = 16;

// The URLs at which the file at `url` may be had, in the order in which to ask: by the longest
// prefix that fits whole segments. `url` itself is among them, exactly once. Entries that can't be
// parsed are left out.
std::vector<std::string> mirror_urls(const MirrorMap& map, std::string_view url, Random& random);

}  // namespace athanor

#pragma once

#include "shared/net/http_client.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace athanor {

// "bytes 200-999/1000", or "bytes 200-999/*" when the sender doesn't know the total.
struct ContentRange {
  std::uint64_t first = 0;  // offsets, both included
  std::uint64_t last = 0;
  std::optional<std::uint64_t> total;  // bytes

  friend bool operator==(const ContentRange&, const ContentRange&) = default;
};

// A Content-Range header (RFC 9110, 14.4). Absent if it is none of bytes, or says something
// impossible: an end before the beginning or beyond the total.
std::optional<ContentRange> parse_content_range(std::string_view value);

// "bytes 200-999/1000": from `first`, which is below `total`, to the end.
std::string spell_content_range(std::uint64_t first, std::uint64_t total);

// For what answers as a server: where the rest that a request asks for begins, "Range: bytes=N-".
// Absent if it asks for all: without such a header (other ranges are answered with the whole, as a
// server may), or because its If-Range isn't `entity_tag`.
std::optional<std::uint64_t> open_range_start(const HttpHeaders& headers,
                                              std::string_view entity_tag);

// A whole number of bytes as in Content-Length: digits only. Absent otherwise.
std::optional<std::uint64_t> parse_size(std::string_view value);

}  // namespace athanor

#pragma once

#include "shared/base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace athanor::coordinator {

// The bytes as one zstd frame; the same bytes always give the same frame.
Result<std::string> compress(std::string_view bytes);
// corrupt or rejected: no such frame, or it holds more than `most` bytes (it is never read
// further).
Result<std::string> decompress(std::string_view frame, std::uint64_t most);

}  // namespace athanor::coordinator

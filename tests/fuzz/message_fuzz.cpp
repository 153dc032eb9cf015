// Any two frames: the codec refuses them, or gives a message that encodes again to one that decodes
// to the same bytes. The first byte says how long the header is.

#include "shared/base/check.hpp"
#include "shared/protocol/codec.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t header_size = std::min<std::size_t>(data[0], input.size());
  const auto message =
      athanor::protocol::decode(input.substr(0, header_size), input.substr(header_size));
  if (!message) {
    return 0;
  }
  const auto frames = athanor::protocol::encode(*message);
  ATHANOR_CHECK(frames.ok());
  const auto again = athanor::protocol::decode(frames->header, frames->body);
  ATHANOR_CHECK(again.ok());
  const auto frames_again = athanor::protocol::encode(*again);
  ATHANOR_CHECK(frames_again.ok() && frames_again->body == frames->body);
  return 0;
}

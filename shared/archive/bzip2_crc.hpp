#pragma once

#include <cstdint>
#include <span>

namespace athanor::bzip2 {

// bzip2's CRC-32: polynomial 0x04c11db7, most significant bit first (not the CRC of zip and gzip).
class Crc {
 public:
  void update(std::span<const std::uint8_t> bytes);
  std::uint32_t value() const { return ~state_; }

 private:
  std::uint32_t state_ = 0xffffffffU;
};

}  // namespace athanor::bzip2

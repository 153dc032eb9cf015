#include "shared/base/base64.hpp"

#include <algorithm>

namespace athanor {
namespace {

constexpr std::string_view k_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string encode(std::span<const std::uint8_t> bytes, std::string_view alphabet, bool pad) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t word = static_cast<std::uint32_t>(bytes[i]) << 16U;
    word |= left > 1 ? static_cast<std::uint32_t>(bytes[i + 1]) << 8U : 0U;
    word |= left > 2 ? static_cast<std::uint32_t>(bytes[i + 2]) : 0U;
    for (std::size_t k = 0; k < 4; ++k) {
      if (k <= left) {
        text += alphabet[(word >> (18U - 6U * k)) & 63U];
      } else if (pad) {
        text += '=';
      }
    }
  }
  return text;
}

}  // namespace

std::string base64_encode(std::span<const std::uint8_t> bytes) {
  return encode(bytes, k_alphabet, true);
}

std::string base64_encode(std::string_view text) {
  return base64_encode({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

std::string base64url_encode(std::span<const std::uint8_t> bytes) {
  return encode(bytes, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", false);
}

std::optional<std::vector<std::uint8_t>> base64_decode(std::string_view text) {
  while (text.ends_with('=')) {
    text.remove_suffix(1);
  }
  std::vector<std::uint8_t> bytes;
  std::uint32_t word = 0;
  unsigned bits = 0;
  for (const char c : text) {
    const std::size_t value = k_alphabet.find(c);
    if (value == std::string_view::npos) {
      return std::nullopt;
    }
    word = (word << 6U) | static_cast<std::uint32_t>(value);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes.push_back(static_cast<std::uint8_t>(word >> bits));
    }
  }
  return text.size() % 4 == 1 ? std::nullopt : std::optional(std::move(bytes));
}

}  // namespace athanor

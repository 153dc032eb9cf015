#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace athanor::coordinator {

// A set of keys in 16 bytes each (the beginning of their SHA-256), so that a store of ten million
// objects fits into 160 MB. Filled first, asked afterwards. Not thread-safe while it is filled.
class KeySet {
 public:
  void add(std::string_view key);
  // Ends the filling; adding later needs another seal().
  void seal();

  // REQUIRES: sealed.
  bool contains(std::string_view key) const;
  std::size_t size() const { return prints_.size(); }

 private:
  using Print = std::array<std::uint8_t, 16>;
  static Print print_of(std::string_view key);

  std::vector<Print> prints_;  // sorted once sealed
  bool sealed_ = true;
};

}  // namespace athanor::coordinator

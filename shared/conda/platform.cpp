#include "shared/conda/platform.hpp"

#include <algorithm>
#include <array>

namespace athanor {
namespace {

constexpr std::array<std::string_view, 20> k_platforms = {
    "emscripten-wasm32",
    "freebsd-64",
    "linux-32",
    "linux-64",
    "linux-aarch64",
    "linux-armv6l",
    "linux-armv7l",
    "linux-loongarch64",
    "linux-ppc64",
    "linux-ppc64le",
    "linux-riscv32",
    "linux-riscv64",
    "linux-s390x",
    "osx-64",
    "osx-arm64",
    "wasi-wasm32",
    "win-32",
    "win-64",
    "win-arm64",
    "zos-z",
};
static_assert(std::is_sorted(k_platforms.begin(), k_platforms.end()));

}  // namespace

std::span<const std::string_view> known_platforms() {
  return k_platforms;
}

bool is_known_platform(std::string_view name) {
  return std::binary_search(k_platforms.begin(), k_platforms.end(), name);
}

}  // namespace athanor

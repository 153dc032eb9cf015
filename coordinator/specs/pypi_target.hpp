#pragma once

#include "shared/base/result.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace athanor::coordinator {

// The machine and interpreter that wheels are chosen for.
struct PypiTarget {
  std::string platform = {};        // "linux-64"
  std::string python_version = {};  // "3.10.13"
  std::string glibc = {};           // "2.27"; empty: 2.17
  std::string macos = {};           // "12.0"; empty: 12.0

  // "3.10".
  std::string python_minor() const;
};

// The platform tags of wheels that run there, the most special first: "manylinux_2_27_x86_64", …,
// "linux_x86_64". Empty for platforms that wheels don't know.
std::vector<std::string> platform_tags(const PypiTarget& target);

// How well a wheel fits: 0 is best; absent: it doesn't run there, or the file is no wheel. By its
// name alone: "numpy-1.26.4-cp310-cp310-manylinux_2_17_x86_64.whl".
std::optional<std::size_t> wheel_rank(std::string_view filename, const PypiTarget& target);

// Whether a PEP 508 marker holds for the target, without extras. invalid: it isn't one.
Result<bool> marker_holds(std::string_view marker, const PypiTarget& target);

// PEP 503: lower case, runs of "-", "_" and "." as one "-".
std::string normal_name(std::string_view name);

}  // namespace athanor::coordinator

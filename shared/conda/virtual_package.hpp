#pragma once

#include <string>

namespace athanor {

// Something of the target machine that packages may ask for like a package: "__glibc", "2.17", "0".
struct VirtualPackage {
  std::string name;
  std::string version;
  std::string build;

  friend bool operator==(const VirtualPackage&, const VirtualPackage&) = default;
};

}  // namespace athanor

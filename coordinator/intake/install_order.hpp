#pragma once

#include "coordinator/intake/request.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace athanor::coordinator {

// Lock files list packages by name, but they are installed dependencies first, and descriptions
// promise that order. Collects what a lock says about dependencies, then sorts. Not thread-safe.
class InstallOrder {
 public:
  // `location` is the URL of a conda package, `spec` begins with the name of what it depends on.
  void add(std::string_view location, std::string_view spec);

  // Puts the conda packages so that each follows what it depends on, otherwise in the order that
  // they have; where they depend on each other in a circle, one is first. pypi packages follow.
  void sort(std::vector<PackageReference>& packages) const;

 private:
  // By file name: mirrors hold the same builds.
  std::unordered_map<std::string, std::vector<std::string>> dependencies_;
  std::size_t count_ = 0;
};

}  // namespace athanor::coordinator

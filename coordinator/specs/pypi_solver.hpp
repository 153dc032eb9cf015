#pragma once

#include "coordinator/intake/request.hpp"
#include "coordinator/specs/asked.hpp"
#include "shared/base/result.hpp"
#include "shared/protocol/solve.hpp"

#include <stop_token>
#include <string>
#include <vector>

namespace athanor::coordinator {

// What pypi's part of one platform is to be found for.
struct PypiQuestion {
  const AskedPlatform* asked = nullptr;
  std::string python_version = {};          // "3.10.13", which conda chose
  std::string glibc = {};                   // "2.27"; empty: the platform has none
  std::vector<std::string> installed = {};  // "numpy==1.26.4": conda's python packages
  std::vector<PackageReference> kept = {};  // of a base: they stay
};

// Finds exact wheels for pypi requirements.
class PypiSolver {
 public:
  virtual ~PypiSolver() = default;
  // In the order in which they are to be installed. unsupported: no program is there that can
  // solve, or only an sdist exists; invalid: the requirements contradict each other.
  virtual Result<std::vector<PackageReference>> solve(const PypiQuestion& question,
                                                      std::stop_token stop) = 0;
};

}  // namespace athanor::coordinator

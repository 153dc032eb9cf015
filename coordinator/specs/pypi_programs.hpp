#pragma once

#include "coordinator/specs/pypi_solver.hpp"
#include "shared/base/result.hpp"
#include "shared/os/machine.hpp"

#include <optional>
#include <string>
#include <vector>

namespace athanor::coordinator {

// Hands pypi requirements to a program that solves them: uv, or else pip, whichever is on the PATH.
// It is asked for the target's platform and python version, for wheels only, with the indices of
// the question; it installs nothing. Not thread-safe.
class PypiPrograms final : public PypiSolver {
 public:
  explicit PypiPrograms(EnvironmentLookup environment)
      : environment_(std::move(environment)) {}

  Result<std::vector<PackageReference>> solve(const PypiQuestion& question,
                                              std::stop_token stop) override;

 private:
  EnvironmentLookup environment_;
};

}  // namespace athanor::coordinator

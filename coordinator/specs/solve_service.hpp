#pragma once

#include "shared/base/result.hpp"
#include "shared/protocol/solve.hpp"

#include <span>
#include <stop_token>
#include <vector>

namespace athanor::coordinator {

// Who answers questions: workers, or in tests whatever is needed.
class SolveService {
 public:
  virtual ~SolveService() = default;
  // All of them, side by side; one answer for each, in their order. An answer's Error says why that
  // question has no answer: invalid (its specs contradict each other, in words), not_found (a
  // channel has no index), retry, canceled. The outer Error: none could be asked.
  virtual Result<std::vector<Result<SolveSuccess>>> solve(std::span<const SolveRequest> questions,
                                                          std::stop_token stop) = 0;
};

}  // namespace athanor::coordinator

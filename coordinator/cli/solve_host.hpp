#pragma once

#include "coordinator/cli/verb.hpp"
#include "coordinator/specs/solve_service.hpp"
#include "shared/config/settings.hpp"

#include <string>

namespace athanor::coordinator {

// Solves on worker processes of this machine, as many as there are questions, at most one per
// processor or as the settings say. Hosts a coordinator as long as a call lasts. Not thread-safe.
class SolveHost final : public SolveService {
 public:
  // `place` tells apart what works at the same time: the store's URL, or what stands for it. Each
  // byte that can be read from `stop_fd` is a request to stop; -1: none comes. The references
  // outlive the host.
  SolveHost(VerbContext& context, const config::Settings& settings, std::string place, int stop_fd)
      : context_(context),
        settings_(settings),
        place_(std::move(place)),
        stop_fd_(stop_fd) {}

  Result<std::vector<Result<SolveSuccess>>> solve(std::span<const SolveRequest> questions,
                                                  std::stop_token stop) override;

 private:
  VerbContext& context_;
  const config::Settings& settings_;
  std::string place_;
  int stop_fd_;
};

}  // namespace athanor::coordinator

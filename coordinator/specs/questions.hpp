#pragma once

#include "coordinator/intake/request.hpp"
#include "coordinator/specs/asked.hpp"
#include "shared/base/result.hpp"
#include "shared/channels/channel_config.hpp"
#include "shared/conda/virtual_packages.hpp"
#include "shared/protocol/solve.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace athanor::coordinator {

// How everything is solved, whatever it is.
struct SolveChoices {
  ChannelPriority channel_priority = ChannelPriority::flexible;
  std::uint64_t exclude_newer = 0;      // milliseconds since 1970; 0: nothing is excluded
  VirtualOverrides virtual_packages{};  // CONDA_OVERRIDE_*; a requirement's `sys` comes before them
};

// What a solver is asked for one platform. A spec that names a channel of its own brings that
// channel along, last. invalid: "file:line: " a spec or a channel that can't be read; rejected: a
// channel that the settings deny.
Result<SolveRequest> make_question(const AskedPlatform& asked, const ChannelConfig& channels,
                                   const SolveChoices& choices);

// What a solver answered, as a lock file would say it: exact packages in installation order, with
// the requirements that were asked for. Packages that no index has (local ones, repositories) are
// named as skipped, so that the environment isn't taken for whole. corrupt: an answer names no
// package.
Result<EnvironmentRequest> make_request(const AskedEnvironment& environment,
                                        const AskedPlatform& asked, const SolveSuccess& answer);

}  // namespace athanor::coordinator

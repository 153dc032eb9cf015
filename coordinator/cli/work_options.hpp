#pragma once

#include "coordinator/cli/run_talk.hpp"
#include "coordinator/cli/run_view.hpp"
#include "coordinator/cli/verb.hpp"
#include "coordinator/server/worker_processes.hpp"
#include "shared/base/result.hpp"
#include "shared/config/settings.hpp"
#include "shared/protocol/messages.hpp"

#include <cstdint>
#include <string>

// What `run` and `serve` make of settings, and how talkative commands are.
namespace athanor::coordinator {

protocol::WorkSettings work_settings(const config::Settings& settings, const std::string& store_url,
                                     const VerbContext& context);

// So many worker processes of this machine. not_found: there is no worker program; where it was
// looked for stands in the message. REQUIRES: count > 0.
Result<WorkerProcessOptions> own_workers(const config::Settings& settings,
                                         const VerbContext& context, std::uint64_t count);

Detail detail_of(const CommonOptions& common);
// `wanted` is the setting talk.progress.
ProgressStyle progress_style(const std::string& wanted, const VerbContext& context);
// How large the talk's terminal is now.
cli::ScreenSize talk_screen();

}  // namespace athanor::coordinator

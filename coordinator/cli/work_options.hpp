#pragma once

#include "coordinator/cli/run_talk.hpp"
#include "coordinator/cli/run_view.hpp"
#include "coordinator/cli/verb.hpp"
#include "shared/config/settings.hpp"
#include "shared/protocol/messages.hpp"

#include <string>
#include <vector>

// What `run` and `serve` make of settings, and how talkative commands are.
namespace athanor::coordinator {

protocol::WorkSettings work_settings(const config::Settings& settings, const std::string& store_url,
                                     const VerbContext& context);

// For the worker processes of this machine. REQUIRES: workers > 0.
std::vector<std::string> worker_arguments(const config::Settings& settings,
                                          const VerbContext& context, unsigned workers);

Detail detail_of(const CommonOptions& common);
// `wanted` is the setting talk.progress.
ProgressStyle progress_style(const std::string& wanted, const VerbContext& context);
// How large the talk's terminal is now.
cli::ScreenSize talk_screen();

}  // namespace athanor::coordinator

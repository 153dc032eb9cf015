#include "coordinator/cli/work_options.hpp"

#include "coordinator/cli/origin_settings.hpp"
#include "coordinator/cli/run_place.hpp"
#include "shared/auth/access.hpp"
#include "shared/cli/terminal.hpp"
#include "shared/os/machine.hpp"

#include <unistd.h>

#include <algorithm>

namespace athanor::coordinator {

protocol::WorkSettings work_settings(const config::Settings& settings, const std::string& store_url,
                                     const VerbContext& context) {
  protocol::WorkSettings work;
  work.store_url = store_url;
  work.packages_root = *settings.store_packages;
  work.environments_root = *settings.store_environments;
  work.zstd_level = static_cast<int>(*settings.zstd_level);
  work.origin_map = *settings.origin_map;
  for (const std::string& directory : *settings.package_dirs) {
    work.package_dirs.push_back((context.working_directory / directory).string());
  }
  work.allow_file_origins = *settings.allow_file_urls;
  set_origin_settings(settings, work);
  return work;
}

// Workers share this machine's processors and this terminal: what they have to say beyond the
// reports would only disturb.
Result<WorkerProcessOptions> own_workers(const config::Settings& settings,
                                         const VerbContext& context, std::uint64_t count) {
  WorkerProcessOptions workers;
  workers.count = static_cast<unsigned>(count);
  ATHANOR_ASSIGN(workers.program, find_worker_program(settings, context));
  const unsigned cpu = std::max(cpu_count() / workers.count, 1U);
  const bool loud = context.common.verbose > 1;
  workers.arguments = {"--jobs",      std::to_string(*settings.jobs), "--cpu", std::to_string(cpu),
                       "--log-level", loud ? "debug" : "error"};
  if (!settings.scratch_dir->empty()) {
    workers.arguments.push_back("--scratch");
    workers.arguments.push_back((context.working_directory / *settings.scratch_dir).string());
  }
  workers.environment = access_variables(settings, context.working_directory);
  return workers;
}

Detail detail_of(const CommonOptions& common) {
  if (common.quiet > 0) {
    return Detail::problems;
  }
  return common.verbose == 0 ? Detail::notable : common.verbose == 1 ? Detail::each : Detail::all;
}

ProgressStyle progress_style(const std::string& wanted, const VerbContext& context) {
  if (wanted == "none" || context.common.quiet > 0) {
    return ProgressStyle::none;
  }
  const bool possible = context.err_terminal.cursor;
  if (wanted == "line" || !possible) {
    return ProgressStyle::line;
  }
  return ProgressStyle::bar;
}

cli::ScreenSize talk_screen() {
  const cli::StreamFacts facts = cli::stream_facts(STDERR_FILENO);
  return cli::ScreenSize{.columns = facts.columns, .rows = facts.rows};
}

}  // namespace athanor::coordinator

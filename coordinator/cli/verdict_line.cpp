#include "coordinator/cli/verdict_line.hpp"

#include "coordinator/cli/preparation.hpp"
#include "coordinator/cli/spelling.hpp"
#include "shared/base/strings.hpp"
#include "shared/base/units.hpp"

#include <ostream>
#include <string>
#include <vector>

namespace athanor::coordinator {

std::string verdict_line(const Verdict& verdict, const cli::Terminal& terminal) {
  const bool good = verdict.status == cli::ExitStatus::ready;
  std::string line = styled(terminal, good ? cli::Style::green : cli::Style::red, "athanor:") + " ";
  line += std::to_string(verdict.environments_ready) + " of " +
          counted(verdict.environments, "environment") +
          " ready; packages: " + std::to_string(verdict.packages_new) + " new, " +
          std::to_string(verdict.packages_had) + " had, " +
          std::to_string(verdict.packages_failed) + " failed";
  if (verdict.packages_unfinished > 0) {
    line += ", " + std::to_string(verdict.packages_unfinished) + " unfinished";
  }
  line += "; fetched " + human_size(verdict.fetched_bytes) + "; saved " +
          human_size(verdict.saved_by_dedupe) + " by dedupe, " +
          human_size(verdict.saved_by_store) + " by the store; " + human_duration(verdict.elapsed);
  if (verdict.status == cli::ExitStatus::interrupted ||
      verdict.status == cli::ExitStatus::terminated) {
    line += "; stopped, run again to go on";
  } else if (verdict.status == cli::ExitStatus::try_later) {
    line += "; try again later";
  }
  return line;
}

namespace {

std::vector<std::string> problem_lines(const Verdict& verdict, const VerbContext& context) {
  constexpr std::size_t k_most = 50;
  std::vector<std::string> lines;
  for (const Conflict& conflict : verdict.conflicts) {
    lines.push_back(styled(context.err_terminal, cli::Style::red, "conflict:") + " " +
                    printable(conflict.source_url, 4096) + ": " + printable(conflict.what, 4096));
  }
  for (const NotReady& environment : verdict.not_ready) {
    lines.push_back(styled(context.err_terminal, cli::Style::red, "not ready:") + " " +
                    printable(environment.platform) + " " + printable(environment.name) + ": " +
                    printable(environment.why, 4096));
  }
  if (lines.size() > k_most && context.common.verbose == 0) {
    const std::size_t more = lines.size() - k_most;
    lines.resize(k_most);
    lines.push_back("and " + std::to_string(more) + " more; -v shows all");
  }
  return lines;
}

}  // namespace

cli::ExitStatus conclude(VerbContext& context, const Verdict& verdict,
                         const StoreMetrics* metrics) {
  if (context.common.output != OutputFormat::text) {
    Json json = verdict_json(verdict);
    if (metrics != nullptr) {
      json.set("store_requests", store_metrics_to_json(*metrics));
    }
    context.out << dump_json(json) << '\n';
  }
  if (metrics != nullptr && context.common.verbose > 0) {
    context.err << show_store_metrics(*metrics);
  }
  if (context.common.quiet < 2) {
    for (const std::string& line : problem_lines(verdict, context)) {
      context.err << line << '\n';
    }
  }
  print_warnings(context, verdict.warnings);
  if (context.common.output == OutputFormat::text) {
    if (context.common.quiet < 2) {
      context.out << verdict_line(verdict, context.out_terminal) << '\n';
    }
  } else if (context.common.quiet < 1) {
    context.err << verdict_line(verdict, context.err_terminal) << '\n';
  }
  return verdict.status;
}

}  // namespace athanor::coordinator

#include "coordinator/server/batch_planner.hpp"

#include "coordinator/document/submission_document.hpp"
#include "coordinator/plan/survey.hpp"
#include "coordinator/server/batch_book.hpp"

#include <utility>
#include <variant>

namespace athanor::coordinator {
namespace {

std::uint64_t known_size(const JobSpec& spec) {
  for (const ExpectedDigest& expected : spec.expected) {
    if (expected.size) {
      return *expected.size;
    }
  }
  return spec.present.empty() ? 0 : spec.present.front().size;
}

}  // namespace

// Whoever submits has read the inputs; what a hostile client could have put in its place is checked
// again where it would reach beyond this batch.
Result<void> BatchPlanner::check(const IntakeResult& intake) const {
  const auto check_packages = [&](const std::vector<PackageReference>& packages) -> Result<void> {
    for (const PackageReference& package : packages) {
      if (!allow_file_origins_ && package.source.text().starts_with("file:")) {
        return make_error(ErrorKind::rejected, package.source.text() + " is a local file",
                          "this coordinator fetches none: start it with --allow-file-urls");
      }
    }
    return {};
  };
  ATHANOR_TRY(check_packages(intake.loose_packages));
  for (const EnvironmentRequest& environment : intake.environments) {
    ATHANOR_TRY(check_packages(environment.packages));
    for (const std::string& alias : environment.aliases) {
      if (auto key = layout_.alias_key(alias); !key) {
        return std::move(key).error();
      }
    }
  }
  return {};
}

Result<PlannedBatch> BatchPlanner::plan(std::string_view document, std::string_view secrets,
                                        std::stop_token stop) const {
  ATHANOR_ASSIGN(const DocumentHead head, read_head(document));
  ATHANOR_ASSIGN(Asked asked, read_asked(document, secrets));
  auto& exact = std::get<ExactRequests>(asked);
  ATHANOR_TRY(check(exact.intake));
  ATHANOR_ASSIGN(const Survey survey,
                 survey_store(store_, layout_, distinct_sources(exact.intake, layout_), stop));
  PlannedBatch planned;
  planned.plan = std::make_shared<const Plan>(
      make_plan(std::move(exact.intake), survey, layout_,
                {.formats = exact.formats, .origin_map = origin_map_}));
  planned.publisher = std::make_shared<EnvironmentPublisher>(store_, layout_, *planned.plan, clock_,
                                                             PublisherOptions{.user = head.user});
  ATHANOR_TRY(planned.publisher->look_ahead(stop));
  planned.submission =
      make_submission(planned.publisher->assembler(), head.name, head.priority, {});
  ATHANOR_TRY(check_sendable(planned.submission));
  for (const PlannedPackage& package : planned.plan->packages) {
    for (const std::string& what : package.conflicts) {
      planned.conflicts.push_back(package.spec.source_url + ": " + what);
    }
    if (package.environments.size() > 1) {
      planned.saved_by_dedupe += known_size(package.spec) * (package.environments.size() - 1);
    }
  }
  return planned;
}

}  // namespace athanor::coordinator

#pragma once

#include "coordinator/plan/plan.hpp"
#include "shared/store/store.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/memory_store.hpp"
#include "tests/support/results.hpp"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace athanor::coordinator {

inline const std::string k_md5_a(32, 'a');
inline const std::string k_md5_b(32, 'b');
inline const std::string k_md5_c(32, 'c');

inline PackageReference package(const std::string& url, const std::string& md5 = {}) {
  PackageReference reference{.source = test::must(SourceUrl::parse(url, PackageType::conda)),
                             .expected = {},
                             .position = {.file = "lock.yml", .line = 12}};
  if (!md5.empty()) {
    reference.expected.md5 = Md5::from_hex(md5);
  }
  return reference;
}

inline EnvironmentRequest environment(std::string platform,
                                      std::vector<PackageReference> packages) {
  EnvironmentRequest request;
  request.name = "default";
  request.platform = std::move(platform);
  request.requirement_origin = RequirementOrigin::given;
  request.requirements.deps = {{"conda", {"a==1"}}};
  request.requirements.sources = {{"conda", {"forge"}}};
  request.packages = std::move(packages);
  return request;
}

// A store in memory, what a survey of it finds, and what jobs found.
struct PlannedWorld {
  test::MemoryStore store;
  test::ManualClock clock;
  Layout layout;
  IntakeResult intake;
  PlanOptions options;
  std::map<std::string, JobSuccess> results;  // by source URL

  // Puts an object into the store; returns what a survey or a job would say about it.
  StoredFormat put(const PackageReference& reference, Format format, const std::string& hash) {
    const std::string key = layout.artifact_key(reference.source, format, hash);
    test::must(store.put(key, ObjectSource::from_bytes("0123456789"), std::nullopt));
    return {.format = format, .hash = hash, .size = 10, .key = key};
  }
  void done(const PackageReference& reference, std::vector<StoredFormat> formats) {
    results[reference.source.text()].formats = std::move(formats);
  }
  Plan plan() {
    const std::vector<const SourceUrl*> sources = distinct_sources(intake, layout);
    return make_plan(intake, test::must(survey_store(store, layout, sources)), layout, options);
  }
  auto results_of(const Plan& plan) const {
    return [this, &plan](std::size_t index) -> const JobSuccess* {
      const auto found = results.find(plan.packages[index].spec.source_url);
      return found == results.end() ? nullptr : &found->second;
    };
  }
};

}  // namespace athanor::coordinator

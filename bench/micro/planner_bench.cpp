// Planning: references of many environments to 100,000 distinct packages, of which the store holds
// half. The argument is the number of references in thousands.

#include "coordinator/plan/plan.hpp"
#include "shared/base/check.hpp"
#include "shared/base/random.hpp"

#include <benchmark/benchmark.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace athanor::coordinator {
namespace {

constexpr std::size_t k_packages = 100'000;
constexpr std::size_t k_per_environment = 250;
constexpr std::array<std::string_view, 4> k_subdirs = {"linux-64", "osx-arm64", "win-64", "noarch"};

std::vector<PackageReference> make_packages() {
  std::vector<PackageReference> packages;
  for (std::size_t i = 0; i < k_packages; ++i) {
    const std::string subdir(k_subdirs[i % k_subdirs.size()]);
    const std::string name = "package-" + std::to_string(i) + "-1.2.3-h0123456_0";
    auto source = SourceUrl::parse(
        "https://conda.example/forge/" + subdir + "/" + name + (i % 2 == 0 ? ".conda" : ".tar.bz2"),
        PackageType::conda);
    ATHANOR_CHECK(source.ok());
    PackageReference reference{.source = std::move(source).value(), .expected = {}, .position = {}};
    reference.expected.md5 = md5_of(name);
    reference.expected.size = 1'000 + i;
    packages.push_back(std::move(reference));
  }
  return packages;
}

IntakeResult make_intake(const std::vector<PackageReference>& packages, std::size_t references) {
  Random random(7);
  IntakeResult intake;
  std::size_t next = 0;  // Every package is mentioned before any is drawn.
  for (std::size_t begin = 0; begin < references; begin += k_per_environment) {
    EnvironmentRequest environment;
    environment.name = "environment-" + std::to_string(begin);
    environment.platform = k_subdirs[(begin / k_per_environment) % 3];
    for (std::size_t i = 0; i < k_per_environment; ++i) {
      const std::size_t pick = next < packages.size() ? next++ : random.below(packages.size());
      environment.packages.push_back(packages[pick]);
    }
    intake.environments.push_back(std::move(environment));
  }
  return intake;
}

Survey make_survey(const std::vector<PackageReference>& packages, const Layout& layout) {
  Survey survey;
  for (std::size_t i = 0; i < packages.size(); i += 2) {
    const SourceUrl& source = packages[i].source;
    const std::string hash = packages[i].expected.md5->hex();
    survey[layout.source_prefix(source)].formats.push_back(
        {.format = source.format(),
         .hash = hash,
         .size = *packages[i].expected.size,
         .key = layout.artifact_key(source, source.format(), hash)});
  }
  return survey;
}

void plan_batch(benchmark::State& state) {
  const Layout layout;
  const std::vector<PackageReference> packages = make_packages();
  const Survey survey = make_survey(packages, layout);
  const IntakeResult intake =
      make_intake(packages, static_cast<std::size_t>(state.range(0)) * 1'000);
  for (auto _ : state) {
    state.PauseTiming();
    IntakeResult copy = intake;
    state.ResumeTiming();
    Plan plan = make_plan(std::move(copy), survey, layout, {});
    benchmark::DoNotOptimize(plan);
    state.PauseTiming();
    ATHANOR_CHECK(plan.totals.distinct == k_packages);
    plan = {};
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0) * 1'000);
}
BENCHMARK(plan_batch)->Arg(100)->Arg(600)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace athanor::coordinator

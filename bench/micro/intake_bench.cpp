// Reading lock files of the size of large real ones, made here: 3,000 references each. The time per
// iteration is for the whole file, from text to requests.

#include "coordinator/intake/intake.hpp"
#include "shared/base/check.hpp"
#include "shared/base/random.hpp"
#include "shared/json/json.hpp"

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace athanor::coordinator {
namespace {

constexpr int k_packages = 1'000;  // per platform
const std::vector<std::string> k_platforms = {"linux-64", "osx-arm64", "win-64"};

std::string hex(Random& random, std::size_t digits) {
  constexpr std::string_view k_digits = "0123456789abcdef";
  std::string text;
  while (text.size() < digits) {
    text += k_digits[random.below(16)];
  }
  return text;
}

std::string url(Random& random, const std::string& platform, int number) {
  return "https://conda.anaconda.org/conda-forge/" + platform + "/package-" +
         std::to_string(number) + "-" + std::to_string(random.below(20)) + ".4.1-py312h" +
         hex(random, 7) + "_0.conda";
}

// Dependencies make up most of a real file's lines, and all of them are skipped.
std::string dependencies(Random& random, std::string_view indentation) {
  std::string text;
  for (std::uint64_t i = random.below(12); i > 0; --i) {
    text += std::string(indentation) + "- dependency-" + std::to_string(i) + " >=1.2.3,<4.0a0\n";
  }
  return text;
}

std::string make_conda_lock() {
  Random random(1);
  std::string text = "version: 1\nmetadata:\n  channels:\n  - url: conda-forge\npackage:\n";
  for (const std::string& platform : k_platforms) {
    for (int i = 0; i < k_packages; ++i) {
      text += "- name: package-" + std::to_string(i) + "\n  version: 1.4.1\n  manager: conda\n";
      text += "  platform: " + platform + "\n  dependencies:\n";
      text += "    python: '>=3.12,<3.13.0a0'\n    libfoo: '>=1'\n    libbar: ''\n";
      text += "  url: " + url(random, platform, i) + "\n  hash:\n    md5: " + hex(random, 32);
      text += "\n    sha256: " + hex(random, 64) + "\n  category: main\n  optional: false\n";
    }
  }
  return text;
}

std::string make_pixi_lock() {
  Random random(2);
  std::string references =
      "version: 6\nenvironments:\n  default:\n    channels:\n"
      "    - url: https://conda.anaconda.org/conda-forge/\n    packages:\n";
  std::string definitions = "packages:\n";
  for (const std::string& platform : k_platforms) {
    references += "      " + platform + ":\n";
    for (int i = 0; i < k_packages; ++i) {
      const std::string where = url(random, platform, i);
      references += "      - conda: " + where + "\n";
      definitions += "- conda: " + where + "\n  sha256: " + hex(random, 64) + "\n  md5: ";
      definitions += hex(random, 32) + "\n  depends:\n" + dependencies(random, "  ");
      definitions += "  license: MIT\n  size: 123456\n  timestamp: 1719202060870\n";
    }
  }
  return references + definitions;
}

std::string make_explicit_file() {
  Random random(3);
  std::string text = "# platform: linux-64\n@EXPLICIT\n";
  for (int i = 0; i < 3 * k_packages; ++i) {
    text += url(random, "linux-64", i) + "#" + hex(random, 32) + "\n";
  }
  return text;
}

std::string make_environment_list() {
  Random random(4);
  Json::Array environments;
  for (const std::string& platform : k_platforms) {
    Json::Array packages;
    for (int i = 0; i < k_packages; ++i) {
      packages.push_back(
          Json::object({{"url", url(random, platform, i)}, {"md5", hex(random, 32)}}));
    }
    environments.push_back(Json::object({{"name", "default"},
                                         {"arch", platform},
                                         {"coresolve", "default"},
                                         {"packages", Json(std::move(packages))}}));
  }
  return dump_json(Json::object({{"envs", Json(std::move(environments))}}));
}

void read_text(benchmark::State& state, const std::string& text) {
  for (auto _ : state) {
    const auto result = read_input_text("bench", text, {});
    ATHANOR_CHECK(result.ok() && !result->environments.empty());
    benchmark::DoNotOptimize(result->environments.front().packages.data());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
  state.counters["references"] = 3.0 * k_packages;
}

BENCHMARK_CAPTURE(read_text, conda_lock, make_conda_lock())->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(read_text, pixi_lock, make_pixi_lock())->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(read_text, explicit_file, make_explicit_file())->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(read_text, environment_list, make_environment_list())
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace athanor::coordinator

#include "shared/json/json.hpp"
#include "shared/os/files.hpp"
#include "tests/support/results.hpp"
#include "tests/support/test_data.hpp"
#include "worker/solve/repodata.hpp"
#include "worker/solve/solver.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

// Whole environments as other solvers solve them, on real indices.
namespace athanor::worker::solve {
namespace {

using test::must;

PackageIndex load(const std::filesystem::path& channel, const std::string& platform) {
  PackageIndexBuilder builder;
  for (const std::string& subdir : {platform, std::string("noarch")}) {
    builder.begin_repo({.channel = channel.string(), .subdir = subdir, .priority = 0});
    must(read_repodata(must(read_file(channel / subdir / "repodata.json", 512_MiB)), builder));
  }
  return must(std::move(builder).build());
}

std::vector<std::string> texts(const Json& list) {
  std::vector<std::string> all;
  for (const Json& item : *list.as_array()) {
    all.push_back(*item.as_string());
  }
  return all;
}

VirtualPackage virtual_package(const std::string& text) {
  const std::size_t version = text.find('=');
  const std::size_t build = text.find('=', version + 1);
  return {.name = text.substr(0, version),
          .version = text.substr(version + 1, build - version - 1),
          .build = build == std::string::npos ? "0" : text.substr(build + 1)};
}

SolveProblem request_of(const Json& row) {
  SolveProblem request;
  request.specs = texts(*row.find("specs"));
  for (const std::string& text : texts(*row.find("virtual"))) {
    request.virtual_packages.push_back(virtual_package(text));
  }
  request.candidates.channel_priority = ChannelPriority::strict;
  return request;
}

std::vector<std::string> names(const PackageIndex& index, const Solution& solution) {
  std::vector<std::string> all;
  for (const RecordId id : solution.records) {
    const IndexedRecord& record = index.record(id);
    all.push_back(index.text(record.name) + " " + index.text(record.version) + " " +
                  index.text(record.build));
  }
  std::sort(all.begin(), all.end());
  return all;
}

std::vector<std::string> expected_names(const Json& row) {
  std::vector<std::string> all;
  for (const Json& package : *row.find("expect")->as_array()) {
    const std::vector<std::string> parts = texts(package);
    all.push_back(parts[0] + " " + parts[1] + " " + parts[2]);
  }
  std::sort(all.begin(), all.end());
  return all;
}

class SolveCases : public testing::Test {
 protected:
  void SetUp() override {
    const auto directory = test::test_data_dir();
    if (!directory || !std::filesystem::is_directory(*directory / "cases")) {
      GTEST_SKIP() << test::k_no_test_data;
    }
    cases_ = *directory / "cases";
    const std::string text = must(read_file(cases_ / "solve.jsonl", 64_MiB));
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = std::min(text.find('\n', begin), text.size());
      rows_.push_back(must(parse_json(std::string_view(text).substr(begin, end - begin))));
      begin = end + 1;
    }
    ASSERT_GT(rows_.size(), 50U);
  }

  const PackageIndex& index(const std::string& repodata) {
    auto& known = indices_[repodata];
    if (known == nullptr) {
      known = std::make_unique<PackageIndex>(load(cases_ / "repodata" / repodata, "linux-64"));
    }
    return *known;
  }

  std::filesystem::path cases_;
  std::vector<Json> rows_;
  std::map<std::string, std::unique_ptr<PackageIndex>> indices_;
};

TEST_F(SolveCases, AreSolvedAsByTheOtherSolvers) {
  for (const Json& row : rows_) {
    const PackageIndex& packages = index(*row.find("repodata")->as_string());
    EnvironmentSolver solver(packages);
    const Result<Solution> solution = solver.solve(request_of(row));
    const bool satisfiable = *row.find("expect_status")->as_string() == "OK";
    EXPECT_EQ(solution.ok(), satisfiable)
        << *row.find("id")->as_string() << ": " << (solution.ok() ? "" : solution.error().message);
    if (solution.ok() && satisfiable) {
      EXPECT_EQ(names(packages, *solution), expected_names(row)) << *row.find("id")->as_string();
    }
  }
}

TEST_F(SolveCases, ReducingTheCandidatesChangesNoAnswer) {
  for (const Json& row : rows_) {
    const PackageIndex& packages = index(*row.find("repodata")->as_string());
    EnvironmentSolver solver(packages);
    SolveProblem request = request_of(row);
    const Result<Solution> reduced = solver.solve(request);
    request.candidates.prune = false;
    const Result<Solution> whole = solver.solve(request);
    ASSERT_EQ(reduced.ok(), whole.ok()) << *row.find("id")->as_string();
    if (reduced.ok()) {
      EXPECT_EQ(names(packages, *reduced), names(packages, *whole)) << *row.find("id")->as_string();
    }
  }
}

}  // namespace
}  // namespace athanor::worker::solve

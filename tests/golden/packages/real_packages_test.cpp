#include "shared/archive/members.hpp"
#include "shared/archive/transmute.hpp"
#include "shared/conda/artifact.hpp"
#include "shared/os/files.hpp"
#include "tests/support/results.hpp"
#include "tests/support/scratch_dir.hpp"
#include "tests/support/test_data.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

// Every real package at hand, there and back again: the same members as the source has, or refused
// for the reason that we know.
namespace athanor {
namespace {

using testing::HasSubstr;

struct RealPackage {
  std::filesystem::path path;
  std::string shown;    // relative to the data
  std::string problem;  // what the index of the data says is wrong with it
  std::uint64_t entries = 0;
};

std::vector<std::string> split_csv_line(const std::string& line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (const char c : line) {
    if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      fields.emplace_back();
    } else if (c != '\r') {
      fields.back() += c;
    }
  }
  return fields;
}

std::vector<RealPackage> real_packages(const std::filesystem::path& data) {
  const std::string index = test::must(read_file(data / "index_packages.csv", 64 << 20));
  std::map<std::string, std::size_t> columns;
  std::vector<RealPackage> packages;
  for (std::size_t begin = 0; begin < index.size();) {
    const std::size_t end = std::min(index.find('\n', begin), index.size());
    const auto fields = split_csv_line(index.substr(begin, end - begin));
    begin = end + 1;
    if (columns.empty()) {
      for (std::size_t i = 0; i < fields.size(); ++i) {
        columns[fields[i]] = i;
      }
      continue;
    }
    const std::string& file = fields.at(columns.at("file"));
    const std::string& entries = fields.at(columns.at("entries"));
    packages.push_back({data / file, file, fields.at(columns.at("problem")),
                        entries.empty() ? 0 : std::stoull(entries)});
  }
  return packages;
}

// Packages that other readers take and we don't, each for a rule of FORMATS.md.
std::string refusal_expected(const RealPackage& package) {
  const std::map<std::string, std::string> rules = {
      {"ca-certificates-2024.7.4-hbcca054_0.conda", "compressed once more"},
      {"info-only-1.0.0-0.conda", "lacks 'pkg-info-only"},
      {"zip64-extra-field-test.conda", "doesn't belong into a conda package of this name"},
      {"pkg_with_unicode.conda", "doesn't say conda_pkg_format_version"},
  };
  const auto rule = rules.find(package.path.filename().native());
  if (rule != rules.end()) {
    return rule->second;
  }
  if (package.problem == "no info/index.json") {
    return "no info/index.json";
  }
  return package.problem.empty() ? "" : "bzip2";
}

class RealPackages : public testing::Test {
 protected:
  void there_and_back(const RealPackage& package) {
    const Format from = *format_of_filename(package.path.filename().native(), PackageType::conda);
    const Format to = from == Format::conda ? Format::tar_bz2 : Format::conda;
    const std::string name = package.path.filename().native();
    const std::string stem = name.substr(0, name.size() - extension(from).size());
    const auto there = scratch_ / (stem + std::string(extension(to)));
    const auto back = scratch_ / ("back-" + std::to_string(count_++));
    std::filesystem::create_directory(back);
    const TransmuteOptions options{.zstd_level = 1, .threads = 0};
    const auto report = transmute(package.path, there, options);
    const std::string refusal = refusal_expected(package);
    if (!refusal.empty()) {
      ASSERT_FALSE(report.ok()) << package.shown;
      EXPECT_THAT(report.error().message, HasSubstr(refusal)) << package.shown;
      ++refused_;
      return;
    }
    ASSERT_TRUE(report.ok()) << package.shown << ": " << report.error().to_string();
    const auto again = transmute(there, back / name, options);
    ASSERT_TRUE(again.ok()) << package.shown << ": " << again.error().to_string();
    EXPECT_EQ(again->index_json, report->index_json);
    const auto difference =
        test::must(compare_packages(package.path, from, back / name, from, {}, CompareOwners::yes));
    EXPECT_TRUE(difference.members.empty())
        << package.shown << ": " << difference.members[0].path << " " << difference.members[0].what;
    EXPECT_LE(report->members, package.entries) << package.shown;
    EXPECT_GE(report->members + 1, package.entries) << package.shown;
    std::filesystem::remove(there);
    std::filesystem::remove_all(back);
    ++converted_;
  }

  test::ScratchDir scratch_;
  std::uint64_t count_ = 0;
  std::uint64_t converted_ = 0;
  std::uint64_t refused_ = 0;
};

TEST_F(RealPackages, AreConvertedThereAndBackOrRefusedForAReason) {
  const auto data = test::test_data_dir();
  if (!data) {
    GTEST_SKIP() << test::k_no_test_data;
  }
  for (const RealPackage& package : real_packages(*data)) {
    there_and_back(package);
  }
  EXPECT_EQ(converted_, 603U);
  EXPECT_EQ(refused_, 22U);
}

}  // namespace
}  // namespace athanor

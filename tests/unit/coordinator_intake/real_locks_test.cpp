#include "coordinator/intake/intake.hpp"
#include "shared/conda/platform.hpp"
#include "tests/support/test_data.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace athanor::coordinator {
namespace {

// What the index says about one lock file.
struct IndexRow {
  std::string file;
  std::string platforms;
  std::size_t conda_refs = 0;
  std::size_t pypi_refs = 0;
  std::size_t source_packages = 0;
  bool is_pixi_with_environments = false;  // versions 4 and later
};

// The index has no quoted fields.
std::vector<IndexRow> read_index(const std::filesystem::path& path) {
  std::ifstream stream(path);
  std::vector<IndexRow> rows;
  std::map<std::string, std::size_t> columns;
  for (std::string line; std::getline(stream, line);) {
    std::vector<std::string> cells;
    std::istringstream cell_stream(line);
    for (std::string cell; std::getline(cell_stream, cell, ',');) {
      cells.push_back(cell);
    }
    if (columns.empty()) {
      for (std::size_t i = 0; i < cells.size(); ++i) {
        columns[cells[i]] = i;
      }
      continue;
    }
    rows.push_back({.file = cells.at(columns["file"]),
                    .platforms = cells.at(columns["platforms"]),
                    .conda_refs = std::stoul(cells.at(columns["conda_refs"])),
                    .pypi_refs = std::stoul(cells.at(columns["pypi_refs"])),
                    .source_packages = std::stoul(cells.at(columns["source_pkgs"])),
                    .is_pixi_with_environments = cells.at(columns["kind"]) == "pixi" &&
                                                 cells.at(columns["version"]) >= "v4"});
  }
  return rows;
}

// Counts references as the index does: each line of a file that names a package, once, also where
// several environments share it.
class Counter {
 public:
  void add(const PackageReference& reference) {
    add(reference.source.type(), reference.position.line);
    if (reference.source.type() == PackageType::conda && reference.source.subdir() != "noarch") {
      subdirs.insert(reference.source.subdir());
    }
  }
  void add(const SkippedReference& reference) {
    if (reference.reason == SkipReason::source_package) {
      sources.insert(reference.position.line);
    } else {
      add(reference.type, reference.position.line);
    }
  }
  void add(PackageType type, std::size_t line) {
    (type == PackageType::conda ? conda : pypi).insert(line);
  }

  std::set<std::size_t> conda;
  std::set<std::size_t> pypi;
  std::set<std::size_t> sources;
  std::set<std::string> subdirs;
};

// conda-lock may break a pip entry of an explicit file into two lines, "# pip NAME @ URL \\" and
// "# pip      --hash=...": one package, but the index counts each line that begins with "# pip".
std::size_t pip_continuations(const std::filesystem::path& path) {
  std::ifstream stream(path);
  std::size_t count = 0;
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with("# pip ") && line.find(" --hash=") != std::string::npos &&
        line.find(" @ ") == std::string::npos) {
      ++count;
    }
  }
  return count;
}

std::string joined(const std::set<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    text += (text.empty() ? "" : " ") + name;
  }
  return text;
}

TEST(RealLocks, EveryFileHoldsWhatTheIndexSays) {
  const auto data = test::test_data_dir();
  if (!data) {
    GTEST_SKIP() << test::k_no_test_data;
  }
  const std::vector<IndexRow> rows = read_index(*data / "index_locks.csv");
  ASSERT_FALSE(rows.empty());
  for (const IndexRow& row : rows) {
    const std::vector<std::string> inputs = {(*data / row.file).string()};
    const auto result = read_inputs(inputs, {});
    if (!result) {
      ADD_FAILURE() << row.file << ": " << result.error().to_string();
      continue;
    }
    Counter counter;
    std::set<std::string> platforms;
    for (const EnvironmentRequest& environment : result->environments) {
      platforms.insert(environment.platform_label);
      for (const PackageReference& reference : environment.packages) {
        counter.add(reference);
      }
      for (const SkippedReference& reference : environment.skipped) {
        counter.add(reference);
      }
      EXPECT_TRUE(is_known_platform(environment.platform)) << row.file << environment.platform;
    }
    for (const PackageReference& reference : result->loose_packages) {
      counter.add(reference);
    }
    // A list of URLs has no platform but that of its packages.
    platforms = platforms.empty() ? counter.subdirs : platforms;
    EXPECT_EQ(counter.conda.size(), row.conda_refs) << row.file;
    EXPECT_EQ(counter.pypi.size() + pip_continuations(*data / row.file), row.pypi_refs) << row.file;
    EXPECT_EQ(counter.sources.size(), row.source_packages) << row.file;
    EXPECT_EQ(joined(platforms), row.platforms) << row.file;
  }
}

// The text without the white space at the beginning of its lines.
std::string without_indentation(const std::filesystem::path& path) {
  std::ifstream stream(path);
  std::string text;
  for (std::string line; std::getline(stream, line);) {
    text += line.substr(std::min(line.find_first_not_of(' '), line.size())) + "\n";
  }
  return text;
}

// Everything that a request says, one line each.
std::string described(const IntakeResult& result) {
  std::ostringstream text;
  for (const EnvironmentRequest& environment : result.environments) {
    text << environment.name << " " << environment.platform << " " << environment.platform_label
         << " " << environment.coresolve_group << " line " << environment.position.line << "\n";
    for (const PackageReference& reference : environment.packages) {
      text << "  " << reference.source.text() << " " << reference.expected.to_string() << " "
           << reference.position.line << "\n";
    }
    for (const SkippedReference& reference : environment.skipped) {
      text << "  " << to_string(reference.reason) << " " << reference.text << "\n";
    }
  }
  return text.str();
}

TEST(RealLocks, PixiLocksAreReadTheSameWithoutTheirIndentation) {
  const auto data = test::test_data_dir();
  if (!data) {
    GTEST_SKIP() << test::k_no_test_data;
  }
  std::size_t compared = 0;
  for (const IndexRow& row : read_index(*data / "index_locks.csv")) {
    if (!row.is_pixi_with_environments) {
      continue;
    }
    std::ifstream stream(*data / row.file);
    const std::string text((std::istreambuf_iterator<char>(stream)), {});
    const auto expected = read_input_text("pixi.lock", text, {});
    const auto actual = read_input_text("pixi.lock", without_indentation(*data / row.file), {});
    ASSERT_TRUE(expected.ok()) << row.file;
    if (!actual) {
      ADD_FAILURE() << row.file << ": " << actual.error().to_string();
      continue;
    }
    EXPECT_EQ(described(*actual), described(*expected)) << row.file;
    ++compared;
  }
  EXPECT_GT(compared, 100U);
}

}  // namespace
}  // namespace athanor::coordinator

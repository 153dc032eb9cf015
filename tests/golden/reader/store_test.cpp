#include "shared/environment/description.hpp"
#include "shared/json/json.hpp"
#include "shared/layout/layout.hpp"
#include "shared/os/files.hpp"
#include "tests/support/results.hpp"
#include "tests/support/test_data.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>

// A whole store that the reader itself wrote: our documents must be equal to its, byte for byte.
namespace athanor {
namespace {

using test::must;

class ReaderStore : public testing::Test {
 protected:
  void SetUp() override {
    const auto directory = test::test_data_dir();
    if (!directory || !std::filesystem::exists(*directory / "golden/store")) {
      GTEST_SKIP() << test::k_no_test_data;
    }
    const std::filesystem::path root = *directory / "golden/store";
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
      if (entry.is_regular_file()) {
        files_[entry.path().lexically_relative(root).generic_string()] = entry.path();
      }
    }
  }

  std::string content(const std::string& key) const {
    return must(read_file(files_.at(key), 16_MiB));
  }

  std::map<std::string, std::filesystem::path> files_;
};

TEST_F(ReaderStore, EveryKeyIsOneThatWeSpellAlike) {
  const Layout layout;
  std::size_t packages = 0;
  for (const auto& [key, path] : files_) {
    if (const auto parsed = layout.parse_artifact_key(key)) {
      EXPECT_EQ(layout.artifact_key(*parsed), key);
      ++packages;
    } else if (const auto environment = layout.parse_environment_key(key)) {
      EXPECT_EQ(
          layout.environment_key(environment->platform, environment->req_id, environment->full_id),
          key);
    } else {
      EXPECT_TRUE(key.starts_with("envs/aliases/")) << key;
    }
  }
  EXPECT_EQ(packages, 19U);
}

TEST_F(ReaderStore, DescriptionsReadAndWrittenAgainAreTheSameBytes) {
  std::size_t seen = 0;
  for (const auto& [key, path] : files_) {
    const auto environment = Layout().parse_environment_key(key);
    if (!environment) {
      continue;
    }
    EnvironmentDescription described = must(read_description(content(key), environment->platform));
    EXPECT_EQ(write_description(described), content(key)) << key;
    const std::string said = described.env_type;
    described.env_type.clear();
    EXPECT_EQ(environment_type(described), said) << key;
    ++seen;
  }
  EXPECT_EQ(seen, 8U);
}

TEST_F(ReaderStore, IdsOfItsEnvironmentsAreWhereTheyStand) {
  std::map<std::string, std::vector<EnvironmentDescription>> by_full_id;
  for (const auto& [key, path] : files_) {
    if (const auto environment = Layout().parse_environment_key(key)) {
      EnvironmentDescription described =
          must(read_description(content(key), environment->platform));
      EXPECT_EQ(requirement_id(described.deps, described.sources, described.extras),
                environment->req_id)
          << key;
      by_full_id[environment->full_id].push_back(std::move(described));
    }
  }
  for (const auto& [id, environments] : by_full_id) {
    std::vector<const EnvironmentDescription*> pointers;
    for (const EnvironmentDescription& environment : environments) {
      pointers.push_back(&environment);
    }
    EXPECT_EQ(environments.size() == 1 ? full_id(environments[0]) : coresolved_full_id(pointers),
              id);
  }
}

TEST_F(ReaderStore, KeysInDescriptionsAreThoseOfTheLayout) {
  for (const auto& [key, path] : files_) {
    const auto environment = Layout().parse_environment_key(key);
    if (!environment) {
      continue;
    }
    for (const DescribedPackage& package :
         must(read_description(content(key), environment->platform)).packages) {
      const SourceUrl source = must(SourceUrl::parse(package.url, package.type));
      EXPECT_EQ(source.stem(), package.filename);
      for (const CachedFormat& format : package.formats) {
        EXPECT_EQ(Layout().artifact_key(source, format.format, format.hash), format.key);
        EXPECT_TRUE(files_.contains(format.key)) << format.key;
      }
    }
  }
}

TEST_F(ReaderStore, AliasesReadAndWrittenAgainAreTheSameBytes) {
  std::size_t seen = 0;
  for (const auto& [key, path] : files_) {
    if (!key.starts_with("envs/aliases/")) {
      continue;
    }
    const AliasTarget target = must(read_alias(content(key)));
    EXPECT_EQ(write_alias(target.req_id, target.full_id), content(key));
    ++seen;
  }
  EXPECT_EQ(seen, 7U);
  EXPECT_TRUE(files_.contains(must(Layout().alias_key("golden/zlib"))));
  EXPECT_TRUE(files_.contains(must(Layout().alias_key("golden/zlib:v1"))));
}

}  // namespace
}  // namespace athanor

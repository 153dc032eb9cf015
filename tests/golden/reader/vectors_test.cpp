#include "shared/environment/description.hpp"
#include "shared/json/json.hpp"
#include "shared/layout/layout.hpp"
#include "shared/os/files.hpp"
#include "tests/support/results.hpp"
#include "tests/support/test_data.hpp"

#include <gtest/gtest.h>

#include <filesystem>

// Ids, keys and aliases that the reader's own code computed.
namespace athanor {
namespace {

using test::must;

class ReaderVectors : public testing::Test {
 protected:
  void SetUp() override {
    const auto directory = test::test_data_dir();
    if (!directory || !std::filesystem::exists(*directory / "vectors/netflixext.json")) {
      GTEST_SKIP() << test::k_no_test_data;
    }
    document_ = must(parse_json(must(read_file(*directory / "vectors/netflixext.json", 16_MiB))));
  }

  // The vectors of one kind; at least one, so that a renamed list can't pass unseen.
  const Json::Array& vectors(std::string_view kind) const {
    const Json* list = document_.find(kind);
    EXPECT_TRUE(list != nullptr && list->size() > 0) << kind;
    static const Json::Array k_none;
    return list != nullptr && list->as_array() != nullptr ? *list->as_array() : k_none;
  }

 private:
  Json document_;
};

std::string text(const Json& object, std::string_view key) {
  const Json* member = object.find(key);
  const std::string* value = member == nullptr ? nullptr : member->as_string();
  return value == nullptr ? std::string() : *value;
}

DescribedSpecs specs(const Json& object, std::string_view key) {
  DescribedSpecs result;
  for (const Json::Member& member : *object.find(key)->as_object()) {
    auto& values = result[member.key];
    for (const Json& value : *member.value.as_array()) {
      values.push_back(*value.as_string());
    }
  }
  return result;
}

EnvironmentDescription environment(const Json& packages, std::string platform) {
  EnvironmentDescription result;
  result.platform = std::move(platform);
  for (const Json& package : *packages.as_array()) {
    DescribedPackage described{.type = *package_type_from_string(text(package, "type")),
                               .filename = text(package, "filename"),
                               .url = text(package, "url"),
                               .url_format = *format_from_extension(text(package, "url_format")),
                               .formats = {}};
    if (const std::string hash = text(package, "hash"); !hash.empty()) {
      described.formats.push_back({.format = described.url_format, .hash = hash, .key = {}});
    }
    result.packages.push_back(std::move(described));
  }
  return result;
}

TEST_F(ReaderVectors, RequirementIdsAreTheReaders) {
  for (const Json& vector : vectors("req_id")) {
    EXPECT_EQ(
        requirement_id(specs(vector, "deps"), specs(vector, "sources"), specs(vector, "extras")),
        text(vector, "req_id"))
        << text(vector, "name");
  }
}

TEST_F(ReaderVectors, FullIdsAreTheReaders) {
  for (const Json& vector : vectors("full_id")) {
    EnvironmentDescription described = environment(*vector.find("packages"), text(vector, "arch"));
    for (const Json::Member& key : *vector.find("full_id_unique_keys")->as_object()) {
      described.full_id_unique_keys[key.key] = *key.value.as_string();
    }
    EXPECT_EQ(full_id(described), text(vector, "full_id")) << text(vector, "name");
  }
}

TEST_F(ReaderVectors, IdsOfEnvironmentsResolvedTogetherAreTheReaders) {
  for (const Json& vector : vectors("co_resolved")) {
    std::vector<EnvironmentDescription> environments;
    for (const Json::Member& arch : *vector.find("archs")->as_object()) {
      environments.push_back(environment(arch.value, arch.key));
    }
    std::vector<const EnvironmentDescription*> pointers;
    std::vector<std::string> keys;
    for (const EnvironmentDescription& described : environments) {
      pointers.push_back(&described);
      EXPECT_EQ(full_id(described), text(*vector.find("single_full_ids"), described.platform));
    }
    const std::string id = coresolved_full_id(pointers);
    EXPECT_EQ(id, text(vector, "full_id")) << text(vector, "name");
    for (std::size_t i = 0; vector.find("paths") != nullptr && i < environments.size(); ++i) {
      EXPECT_EQ(Layout().environment_key(environments[i].platform, text(vector, "req_id"), id),
                *(*vector.find("paths")->as_array())[i].as_string());
    }
  }
}

TEST_F(ReaderVectors, AliasesLieWhereTheReaderLooks) {
  for (const Json& vector : vectors("aliases")) {
    const std::string alias = text(vector, "alias");
    const auto key = Layout().alias_key(alias);
    if (text(vector, "path").empty()) {
      // Not an alias, or one that is looked up elsewhere: nothing can be published under it.
      EXPECT_FALSE(key.ok()) << alias;
      continue;
    }
    ASSERT_TRUE(key.ok()) << key.error().to_string();
    EXPECT_EQ(key.value(), text(vector, "path"));
    EXPECT_EQ(Layout::is_mutable_alias(alias), vector.find("mutable")->as_bool()) << alias;
  }
}

TEST_F(ReaderVectors, PackagesLieWhereTheReaderLooks) {
  for (const Json& vector : vectors("cache_urls")) {
    const std::string url = text(vector, "base_url");
    const std::string expected = text(vector, "url");
    const bool real = *vector.find("real")->as_bool();
    const auto parsed = Layout().parse_artifact_key(expected);
    ASSERT_TRUE(parsed.has_value()) << expected;
    EXPECT_EQ(extension(parsed->format), text(vector, "file_format"));
    EXPECT_EQ(parsed->hash, text(vector, "hash"));
    EXPECT_EQ(Layout().artifact_key(*parsed), expected);
    if (!real) {
      EXPECT_EQ(parsed->source, Layout::undownloadable_source(must(Url::parse(url))));
      continue;
    }
    const SourceUrl source = must(SourceUrl::parse(url, parsed->type));
    EXPECT_EQ(Layout().source_prefix(source),
              "packages/" + std::string(to_string(parsed->type)) + "/" + parsed->source + "/");
    if (parsed->type == PackageType::conda) {
      EXPECT_EQ(Layout().artifact_key(source, parsed->format, parsed->hash), expected);
    }
  }
}

}  // namespace
}  // namespace athanor

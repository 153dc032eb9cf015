#include "shared/conda/source_url.hpp"

#include "shared/conda/platform.hpp"

#include <gtest/gtest.h>

namespace athanor {
namespace {

TEST(SourceUrl, CredentialsAreNoPartOfTheIdentity) {
  const Result<SourceUrl> plain =
      SourceUrl::parse("https://h.example:8443/ch/linux-64/foo-1.0-0.tar.bz2", PackageType::conda);
  const Result<SourceUrl> secret =
      SourceUrl::parse("https://user:pw@H.example:8443/t/tk-1/ch/linux-64/foo-1.0-0.tar.bz2?x=1",
                       PackageType::conda);
  ASSERT_TRUE(plain.ok() && secret.ok());
  EXPECT_EQ(*plain, *secret);
  EXPECT_EQ(secret->text(), "https://h.example:8443/ch/linux-64/foo-1.0-0.tar.bz2");
  EXPECT_EQ(secret->fetch_url(),
            "https://user:pw@h.example:8443/t/tk-1/ch/linux-64/foo-1.0-0.tar.bz2?x=1");
  EXPECT_EQ(secret->netloc(), "h.example:8443");
  EXPECT_EQ(secret->stem(), "foo-1.0-0");
  EXPECT_EQ(secret->subdir(), "linux-64");
  EXPECT_EQ(secret->channel(), "https://h.example:8443/ch");
  EXPECT_EQ(secret->format(), Format::tar_bz2);
}

TEST(SourceUrl, StemsAreDecodedAndPathsAreNot) {
  const Result<SourceUrl> source =
      SourceUrl::parse("https://h/ch/noarch/foo-1%211.0-py_0.conda", PackageType::conda);
  ASSERT_TRUE(source.ok());
  EXPECT_EQ(source->stem(), "foo-1!1.0-py_0");
  EXPECT_EQ(source->path(), "/ch/noarch/foo-1%211.0-py_0.conda");
}

TEST(SourceUrl, WheelsAndSdistsAreSources) {
  const Result<SourceUrl> wheel =
      SourceUrl::parse("https://h/packages/ab/cd/foo-1.0-py3-none-any.whl", PackageType::pypi);
  ASSERT_TRUE(wheel.ok());
  EXPECT_EQ(wheel->format(), Format::whl);
  EXPECT_EQ(wheel->stem(), "foo-1.0-py3-none-any");
  EXPECT_EQ(SourceUrl::parse("https://h/p/foo-1.0.tar.gz", PackageType::pypi)->format(),
            Format::tar_gz);
}

struct BadSource {
  const char* name;
  const char* text;
};

class BadSources : public testing::TestWithParam<BadSource> {};

TEST_P(BadSources, AreRefused) {
  const Result<SourceUrl> source = SourceUrl::parse(GetParam().text, PackageType::conda);
  ASSERT_FALSE(source.ok());
  EXPECT_EQ(source.error().kind, ErrorKind::invalid);
}

INSTANTIATE_TEST_SUITE_P(
    Table, BadSources,
    testing::Values(BadSource{"dotdot", "https://h/a/../linux-64/foo-1-0.conda"},
                    BadSource{"encoded_dotdot", "https://h/a/%2e%2E/linux-64/foo-1-0.conda"},
                    BadSource{"encoded_slash", "https://h/a/x%2f..%2fy/foo-1-0.conda"},
                    BadSource{"empty_segment", "https://h/a//linux-64/foo-1-0.conda"},
                    BadSource{"nul", "https://h/a/linux-64/foo-1-0%00.conda"},
                    BadSource{"no_file", "https://h/a/linux-64/"},
                    BadSource{"other_extension", "https://h/a/linux-64/foo-1-0.zip"},
                    BadSource{"two_parts", "https://h/a/linux-64/foo-1.conda"},
                    BadSource{"only_extension", "https://h/a/linux-64/.conda"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(ArtifactName, TheNameMayHoldDashes) {
  EXPECT_EQ(ArtifactName::parse("r-base-4.1.0-h1_0"),
            (ArtifactName{.name = "r-base", .version = "4.1.0", .build = "h1_0"}));
  EXPECT_EQ(ArtifactName::parse("--"), std::nullopt);
  EXPECT_EQ(ArtifactName::parse("a--b"), std::nullopt);
  EXPECT_EQ(ArtifactName::parse("-1-0"), std::nullopt);
}

TEST(Platform, NoarchIsNotAPlatform) {
  EXPECT_TRUE(is_known_platform("linux-aarch64"));
  EXPECT_FALSE(is_known_platform("noarch"));
}

}  // namespace
}  // namespace athanor

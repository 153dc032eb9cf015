#include "shared/layout/layout.hpp"

#include "tests/support/results.hpp"

#include <gtest/gtest.h>

namespace athanor {
namespace {

using test::must;

constexpr std::string_view k_md5 = "0123456789abcdef0123456789abcdef";
constexpr std::string_view k_sha256 =
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

SourceUrl conda(std::string_view url) {
  return must(SourceUrl::parse(url, PackageType::conda));
}

TEST(Layout, FormatsOfOneSourceLieUnderItsUrl) {
  const Layout layout;
  const SourceUrl source =
      conda("https://conda.anaconda.org/conda-forge/linux-64/zlib-1.2.11-h7b6447c_3.tar.bz2");
  const std::string prefix =
      "packages/conda/conda.anaconda.org/conda-forge/linux-64/zlib-1.2.11-h7b6447c_3.tar.bz2/";
  EXPECT_EQ(layout.source_prefix(source), prefix);
  EXPECT_EQ(layout.slot_prefix(source, Format::conda), prefix + "zlib-1.2.11-h7b6447c_3.conda/");
  EXPECT_EQ(layout.artifact_key(source, Format::tar_bz2, k_md5),
            prefix + "zlib-1.2.11-h7b6447c_3.tar.bz2/" + std::string(k_md5) +
                "/zlib-1.2.11-h7b6447c_3.tar.bz2");
}

TEST(Layout, KeysAreSpelledAsReadersSpellThem) {
  struct Case {
    const char* name;
    const char* url;
    PackageType type;
    const char* prefix;
  };
  const Case cases[] = {
      {"credentials are no part of a key", "https://user:pw@host:8443/ch/linux-64/foo-1.0-0.conda",
       PackageType::conda, "packages/conda/host:8443/ch/linux-64/foo-1.0-0.conda/"},
      {"a token in the path is a credential", "https://host/t/tk-12345/ch/linux-64/foo-1.0-0.conda",
       PackageType::conda, "packages/conda/host/ch/linux-64/foo-1.0-0.conda/"},
      {"the host is lower case, the path as spelled",
       "https://Host.Example/Ch/noarch/Foo-1.0-0.conda", PackageType::conda,
       "packages/conda/host.example/Ch/noarch/Foo-1.0-0.conda/"},
      {"the path stays encoded", "https://host/ch/linux-64/foo-1%211.0-0.conda", PackageType::conda,
       "packages/conda/host/ch/linux-64/foo-1%211.0-0.conda/"},
      {"a wheel", "https://files.pythonhosted.org/packages/aa/bb/foo-1.0-py3-none-any.whl",
       PackageType::pypi,
       "packages/pypi/files.pythonhosted.org/packages/aa/bb/foo-1.0-py3-none-any.whl/"},
      {"a file has no host and no empty segment", "file:///srv/ch/noarch/foo-1.0-0.conda",
       PackageType::conda, "packages/conda/srv/ch/noarch/foo-1.0-0.conda/"},
      {"a URL that readers marked as not downloadable", "https://_fake/host/ch/foo-1.0.tar.gz",
       PackageType::pypi, "packages/pypi/_fake/host/ch/foo-1.0.tar.gz/"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(Layout().source_prefix(must(SourceUrl::parse(c.url, c.type))), c.prefix) << c.name;
  }
}

TEST(Layout, TheFileNameIsDecodedWhileThePathIsNot) {
  const SourceUrl source = conda("https://host/ch/linux-64/foo-1%211.0-0.conda");
  EXPECT_EQ(Layout().slot_prefix(source, Format::tar_bz2),
            "packages/conda/host/ch/linux-64/foo-1%211.0-0.conda/foo-1!1.0-0.tar.bz2/");
}

TEST(Layout, TheSchemeIsNoPartOfAKey) {
  EXPECT_EQ(Layout().source_prefix(conda("http://host/ch/noarch/a-1-0.conda")),
            Layout().source_prefix(conda("https://host/ch/noarch/a-1-0.conda")));
}

TEST(Layout, CondaObjectsAreNamedByMd5AndPypiObjectsBySha256) {
  const Digest digest{
      .md5 = *Md5::from_hex(k_md5), .sha256 = *Sha256::from_hex(k_sha256), .size = 5};
  const SourceUrl package = conda("https://host/ch/noarch/a-1-0.conda");
  const SourceUrl wheel =
      must(SourceUrl::parse("https://host/p/a-1-py3-none-any.whl", PackageType::pypi));
  EXPECT_EQ(Layout().artifact_key(package, Format::conda, digest),
            Layout().artifact_key(package, Format::conda, k_md5));
  EXPECT_EQ(Layout().artifact_key(wheel, Format::whl, digest),
            "packages/pypi/host/p/a-1-py3-none-any.whl/a-1-py3-none-any.whl/" +
                std::string(k_sha256) + "/a-1-py3-none-any.whl");
}

TEST(Layout, FoldersAreSettings) {
  const Layout layout("/cache/pkgs/", "cache/envs");
  const SourceUrl source = conda("https://host/ch/noarch/a-1-0.conda");
  const std::string key = layout.artifact_key(source, Format::conda, k_md5);
  EXPECT_EQ(key.substr(0, 17), "cache/pkgs/conda/");
  EXPECT_TRUE(layout.parse_artifact_key(key).has_value());
  EXPECT_FALSE(Layout().parse_artifact_key(key).has_value());
  const std::string id(40, 'a');
  const std::string environment = layout.environment_key("linux-64", id, id);
  EXPECT_EQ(environment, "cache/envs/linux-64/" + id + "/" + id + "/env");
  EXPECT_TRUE(layout.parse_environment_key(environment).has_value());
}

TEST(Layout, AParsedKeySpellsItselfAgain) {
  const std::string keys[] = {
      "packages/conda/host:8443/ch/linux-64/foo-1.0-0.tar.bz2/foo-1.0-0.conda/" +
          std::string(k_md5) + "/foo-1.0-0.conda",
      "packages/pypi/host/aa/foo-1.0.tar.gz/foo-1.0-py3-none-any.whl/" + std::string(k_sha256) +
          "/foo-1.0-py3-none-any.whl",
      "packages/pypi/_fake/github.com/foo/repo/@123/foo-1.0-py3-none-any.whl/" +
          std::string(k_sha256) + "/foo-1.0-py3-none-any.whl",
  };
  for (const std::string& key : keys) {
    const auto parsed = Layout().parse_artifact_key(key);
    ASSERT_TRUE(parsed.has_value()) << key;
    EXPECT_EQ(Layout().artifact_key(*parsed), key);
  }
}

TEST(Layout, WhatIsNoPackageObjectIsNotParsedAsOne) {
  const std::string md5(k_md5);
  const std::string keys[] = {
      "",
      "packages",
      "packages/",
      "packages/conda/host/a-1-0.conda",
      "packages/conda/" + md5 + "/a-1-0.conda",
      "packages/conda/a-1-0.conda/" + md5 + "/a-1-0.conda",
      "packages/conda/host/a-1-0.conda/" + md5 + "/a-1-0.conda",  // the source has no path
      "packages/conda/host/a-1-0.conda/a-1-0.conda/" + md5 + "/b-1-0.conda",
      "packages/conda/host/a-1-0.conda/a-1-0.conda/" + md5 + "0/a-1-0.conda",
      "packages/conda/host/a-1-0.conda/a-1-0.conda/" + std::string(32, 'A') + "/a-1-0.conda",
      "packages/conda/host/a-1-0.conda/a-1-0.zip/" + md5 + "/a-1-0.zip",
      "packages/conda/host/a-1-0.conda/.conda/" + md5 + "/.conda",
      "packages/npm/host/a-1-0.conda/a-1-0.conda/" + md5 + "/a-1-0.conda",
      "packages/conda//host/a-1-0.conda/a-1-0.conda/" + md5 + "/a-1-0.conda",
      "packages/conda/../a-1-0.conda/a-1-0.conda/" + md5 + "/a-1-0.conda",
      "packages2/conda/host/a-1-0.conda/a-1-0.conda/" + md5 + "/a-1-0.conda",
      "envs/linux-64/" + md5 + "/" + md5 + "/env",
  };
  for (const std::string& key : keys) {
    EXPECT_FALSE(Layout().parse_artifact_key(key).has_value()) << key;
  }
  const std::string id(40, 'b');
  for (const std::string& key :
       {std::string("envs"), "envs/linux-64/" + id + "/env", "envs/linux-64/" + id + "/x/env",
        "envs/linux-64/" + id + "/" + id + "/other", "envs/aliases/full-id/" + id,
        "x/linux-64/" + id + "/" + id + "/env", "envs//" + id + "/" + id + "/env"}) {
    EXPECT_FALSE(Layout().parse_environment_key(key).has_value()) << key;
  }
}

TEST(Layout, AliasesThatNobodyCouldLookUpAreRefused) {
  const std::string id(40, 'a');
  const std::string refused[] = {"",   ":v1",         "a:",     "a//b",         "/a",
                                 "a/", "a:b:c",       "a:b/c",  "..",           "a/./b",
                                 "A",  "a:UP",        "a b",    "a:tag.1",      "step:F/1/start",
                                 id,   id + ":" + id, "a\n:v1", "z\xc3\xbcrich"};
  for (const std::string& alias : refused) {
    const auto key = Layout().alias_key(alias);
    ASSERT_FALSE(key.ok()) << alias;
    EXPECT_EQ(key.error().kind, ErrorKind::invalid) << alias;
    EXPECT_NE(key.error().hint.find("name:tag"), std::string::npos);
  }
  EXPECT_EQ(must(Layout().alias_key("team/ml-2_x")), "envs/aliases/generic/team/ml-2_x/latest");
  EXPECT_EQ(must(Layout().alias_key(id + ":v1")), "envs/aliases/generic/" + id + "/v1");
}

TEST(Layout, OnlyThreeTagsMayBeOverwritten) {
  for (const char* alias : {"a", "a:latest", "a/b:candidate", "a:stable"}) {
    EXPECT_TRUE(Layout::is_mutable_alias(alias)) << alias;
  }
  for (const char* alias : {"a:v1", "latest:v1", "a:latest2", "stable/latest:v1"}) {
    EXPECT_FALSE(Layout::is_mutable_alias(alias)) << alias;
  }
}

TEST(Layout, AClaimBelongsToOneSlot) {
  const Layout layout;
  const SourceUrl source = conda("https://user:pw@host/ch/noarch/a-1-0.tar.bz2");
  const std::string claim = layout.claim_key(source, Format::conda);
  EXPECT_EQ(claim, ".athanor/claims/" +
                       sha256_of("packages/conda/host/ch/noarch/a-1-0.tar.bz2/a-1-0.conda/").hex());
  EXPECT_EQ(claim, layout.claim_key(conda("http://host/ch/noarch/a-1-0.tar.bz2"), Format::conda));
  EXPECT_NE(claim, layout.claim_key(source, Format::tar_bz2));
  EXPECT_NE(claim, layout.claim_key(conda("http://host/ch/noarch/a-1-0.conda"), Format::conda));
}

}  // namespace
}  // namespace athanor

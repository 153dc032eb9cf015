#include "coordinator/plan/survey.hpp"

#include "tests/support/results.hpp"
#include "tests/unit/coordinator_plan/listed_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace athanor::coordinator {
namespace {

using test::must;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string k_md5_a(32, 'a');
const std::string k_md5_b(32, 'b');

SourceUrl source(const std::string& url, PackageType type = PackageType::conda) {
  return must(SourceUrl::parse(url, type));
}

// Both ways of asking must see the same.
class SurveyOf : public testing::TestWithParam<ListedStore::Lookups> {
 protected:
  SurveyedSource look(const SourceUrl& url) {
    const SourceUrl* sources[] = {&url};
    Survey survey = must(survey_store(store_, layout_, sources));
    return survey[layout_.source_prefix(url)];
  }

  ListedStore store_{GetParam()};
  Layout layout_;
  SourceUrl zlib_ = source("https://host/ch/linux-64/zlib-1-0.tar.bz2");
  std::string prefix_ = layout_.source_prefix(zlib_);
};

INSTANTIATE_TEST_SUITE_P(Lookups, SurveyOf,
                         testing::Values(ListedStore::Lookups::cheap, ListedStore::Lookups::costly),
                         [](const auto& param) {
                           return param.param == ListedStore::Lookups::cheap ? "cheap" : "costly";
                         });

TEST_P(SurveyOf, FindsEveryFormatWithHashSizeAndKey) {
  store_.add(layout_.artifact_key(zlib_, Format::tar_bz2, k_md5_a), 7);
  store_.add(layout_.artifact_key(zlib_, Format::conda, k_md5_b), 9);
  const SurveyedSource found = look(zlib_);
  EXPECT_THAT(found.conflicts, IsEmpty());
  EXPECT_THAT(
      found.formats,
      ElementsAre(StoredFormat{.format = Format::conda,
                               .hash = k_md5_b,
                               .size = 9,
                               .key = layout_.artifact_key(zlib_, Format::conda, k_md5_b)},
                  StoredFormat{.format = Format::tar_bz2,
                               .hash = k_md5_a,
                               .size = 7,
                               .key = layout_.artifact_key(zlib_, Format::tar_bz2, k_md5_a)}));
}

TEST_P(SurveyOf, WhatReadersIgnoreIsIgnored) {
  store_.add(layout_.artifact_key(zlib_, Format::conda, k_md5_b), 9);
  store_.add(prefix_ + "notes/deep/file");
  store_.add(prefix_ + "zlib-1-0.zip/" + k_md5_a + "/zlib-1-0.zip");
  // A local datastore keeps metadata beside an object.
  store_.add(prefix_ + "zlib-1-0.conda/" + k_md5_b + "/zlib-1-0.conda_meta");
  const SurveyedSource found = look(zlib_);
  EXPECT_THAT(found.conflicts, IsEmpty());
  EXPECT_EQ(found.formats.size(), 1U);
}

TEST_P(SurveyOf, AnUnfinishedSlotHoldsNothing) {
  store_.add(prefix_ + "zlib-1-0.conda/" + k_md5_b + "/.zlib-1-0.conda.x1.tmp");
  store_.add_empty_folder(prefix_ + "zlib-1-0.tar.bz2/" + k_md5_a + "/");
  const SurveyedSource found = look(zlib_);
  EXPECT_THAT(found.conflicts, IsEmpty());
  EXPECT_THAT(found.formats, IsEmpty());
}

TEST_P(SurveyOf, WhatBreaksReadersIsAConflict) {
  struct Case {
    const char* name;
    std::vector<std::string> keys;
    const char* words;
  };
  const std::string slot = prefix_ + "zlib-1-0.conda/";
  const Case cases[] = {
      {"two hashes",
       {slot + k_md5_a + "/zlib-1-0.conda", slot + k_md5_b + "/zlib-1-0.conda"},
       "2 hashes of one format"},
      {"a file beside the slots", {prefix_ + "README"}, "only folders"},
      {"a file beside the hashes", {slot + "md5.txt"}, "only folders"},
      {"a folder that is no hash", {slot + "latest/zlib-1-0.conda"}, "is no MD5"},
      {"another package's folder",
       {prefix_ + "zlib-2-0.conda/" + k_md5_a + "/zlib-2-0.conda"},
       "another package"},
  };
  for (const Case& c : cases) {
    ListedStore store(GetParam());
    for (const std::string& key : c.keys) {
      store.add(key);
    }
    const SourceUrl* sources[] = {&zlib_};
    const Survey survey = must(survey_store(store, layout_, sources));
    ASSERT_TRUE(survey.contains(prefix_)) << c.name;
    EXPECT_THAT(survey.at(prefix_).conflicts, ElementsAre(HasSubstr(c.words))) << c.name;
    EXPECT_THAT(survey.at(prefix_).formats, IsEmpty()) << c.name;
  }
}

TEST_P(SurveyOf, AnEmptyObjectIsAConflict) {
  store_.add(layout_.artifact_key(zlib_, Format::conda, k_md5_b), 0);
  EXPECT_THAT(look(zlib_).conflicts, ElementsAre(HasSubstr("is empty")));
}

TEST_P(SurveyOf, WheelsBuiltFromOneSourceArchiveAreNoConflict) {
  const std::string sha(64, 'c');
  const SourceUrl sdist = source("https://host/p/foo-1.0.tar.gz", PackageType::pypi);
  const std::string prefix = layout_.source_prefix(sdist);
  store_.add(layout_.artifact_key(sdist, Format::tar_gz, sha));
  for (const char* wheel : {"foo-1.0-cp38-abi3-any.whl", "foo-1.0-cp39-abi3-any.whl"}) {
    store_.add(prefix + wheel + "/" + sha + "/" + wheel);
  }
  const SurveyedSource found = look(sdist);
  EXPECT_THAT(found.conflicts, IsEmpty());
  ASSERT_EQ(found.formats.size(), 1U);
  EXPECT_EQ(found.formats[0].format, Format::tar_gz);
}

TEST_P(SurveyOf, TheStoresErrorIsReturned) {
  store_.fail_with(make_error(ErrorKind::retry, "throttled"));
  const SourceUrl* sources[] = {&zlib_};
  const auto result = survey_store(store_, layout_, sources);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().kind, ErrorKind::retry);
}

TEST_P(SurveyOf, AStopRequestEndsIt) {
  std::stop_source stop;
  stop.request_stop();
  const SourceUrl* sources[] = {&zlib_};
  const auto result = survey_store(store_, layout_, sources, stop.get_token());
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().kind, ErrorKind::canceled);
}

struct Batch {
  std::vector<SourceUrl> urls;
  std::vector<const SourceUrl*> pointers;

  void add(const std::string& url, PackageType type = PackageType::conda) {
    urls.push_back(source(url, type));
  }
  std::span<const SourceUrl* const> sources() {
    pointers.clear();
    for (const SourceUrl& url : urls) {
      pointers.push_back(&url);
    }
    return pointers;
  }
};

std::string number(int i) {
  const std::string digits = std::to_string(i);
  return std::string(6 - digits.size(), '0') + digits;
}

TEST(Survey, AListingPerSubdirReplacesLookUpsPerPackage) {
  ListedStore store(ListedStore::Lookups::costly);
  const Layout layout;
  Batch batch;
  for (int i = 0; i < 2'000; ++i) {
    batch.add("https://host/ch/noarch/p" + number(i) + "-1-0.conda");
    store.add(layout.artifact_key(batch.urls.back(), Format::conda, k_md5_a));
  }
  const Survey survey = must(survey_store(store, layout, batch.sources()));
  EXPECT_EQ(survey.size(), 2'000U);
  EXPECT_EQ(store.listings(), 1U);
}

TEST(Survey, AFewPackagesOfAHugeSubdirAreAskedForOneByOne) {
  ListedStore store(ListedStore::Lookups::costly);
  const Layout layout;
  for (int i = 0; i < 50'000; ++i) {
    store.add(layout.artifact_key(source("https://host/ch/noarch/p" + number(i) + "-1-0.conda"),
                                  Format::conda, k_md5_a));
  }
  Batch few;
  few.add("https://host/ch/noarch/p000007-1-0.conda");
  few.add("https://host/ch/noarch/p049999-1-0.conda");
  few.add("https://host/ch/noarch/p050000-1-0.conda");
  const Survey found = must(survey_store(store, layout, few.sources()));
  EXPECT_EQ(found.size(), 2U);
  EXPECT_EQ(store.requests(), 3U);
}

TEST(Survey, AListingThatGrowsTooLongIsGivenUpAndNothingIsLost) {
  ListedStore store(ListedStore::Lookups::costly);
  const Layout layout;
  Batch batch;
  for (int i = 0; i < 60'000; ++i) {
    const std::string url = "https://host/ch/noarch/p" + number(i) + "-1-0.conda";
    store.add(layout.artifact_key(source(url), Format::conda, k_md5_a));
    if (i % 1'000 == 7) {
      batch.add(url);
    }
  }
  const Survey survey = must(survey_store(store, layout, batch.sources()));
  ASSERT_EQ(batch.urls.size(), 60U);
  for (const SourceUrl& url : batch.urls) {
    ASSERT_TRUE(survey.contains(layout.source_prefix(url))) << url.text();
    EXPECT_EQ(survey.at(layout.source_prefix(url)).formats.size(), 1U) << url.text();
  }
  EXPECT_LE(store.requests(), 70U);
}

TEST(Survey, WheelsAreListedPerHost) {
  ListedStore store(ListedStore::Lookups::costly);
  const Layout layout;
  Batch batch;
  for (int i = 0; i < 100; ++i) {
    batch.add("https://host/packages/" + number(i) + "/w" + number(i) + "-1-py3-none-any.whl",
              PackageType::pypi);
    store.add(layout.artifact_key(batch.urls.back(), Format::whl, std::string(64, 'a')));
  }
  EXPECT_EQ(must(survey_store(store, layout, batch.sources())).size(), 100U);
  EXPECT_EQ(store.requests(), 1U);
}

TEST(Survey, SourcesAreAskedForOnceWhateverTheirScheme) {
  IntakeResult intake;
  const auto reference = [](const char* url) {
    return PackageReference{.source = source(url), .expected = {}, .position = {}};
  };
  EnvironmentRequest environment;
  environment.packages = {reference("https://host/ch/noarch/a-1-0.conda"),
                          reference("https://host/ch/noarch/b-1-0.conda")};
  intake.environments = {environment, environment};
  intake.loose_packages = {reference("http://host/ch/noarch/a-1-0.conda"),
                           reference("http://other/ch/noarch/a-1-0.conda")};
  EXPECT_EQ(distinct_sources(intake, Layout()).size(), 3U);
}

}  // namespace
}  // namespace athanor::coordinator

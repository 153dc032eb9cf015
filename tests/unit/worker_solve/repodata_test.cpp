#include "worker/solve/repodata.hpp"

#include "tests/support/results.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace athanor::worker::solve {
namespace {

using athanor::test::must;
using testing::HasSubstr;

PackageIndexBuilder builder() {
  PackageIndexBuilder builder;
  builder.begin_repo({.channel = "https://repo.example/main", .subdir = "noarch"});
  return builder;
}

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};  // NOLINT
}

constexpr const char* k_document = R"({
  "info": {"subdir": "noarch", "base_url": "https://files.example/main/noarch/"},
  "packages": {
    "a-1-0.tar.bz2": {"name": "A", "version": "1", "build": "0", "depends": ["b >=1", "c \"x\""],
      "md5": "0123456789abcdef0123456789abcdef", "size": 12, "timestamp": 1700000000},
    "b-1-0.tar.bz2": {"build": "0", "name": "b", "version": "1", "depends": [],
      "track_features": "x,y", "constrains": null, "unknown": {"deep": [1, {"z": "}"}]}}
  },
  "packages.conda": {
    "a-1-0.conda": {"name": "a", "version": "1", "build": "0", "depends": ["b"],
      "timestamp": 1700000000123}
  },
  "removed": ["gone-1-0.conda"],
  "repodata_version": 2
})";

void expect_document(PackageIndexBuilder&& made) {
  const PackageIndex index = must(std::move(made).build());
  ASSERT_EQ(index.records().size(), 2U);
  const PackageRecord a = index.package(0);
  EXPECT_EQ(a.url, "https://files.example/main/noarch/a-1-0.conda");
  EXPECT_EQ(a.timestamp, 1'700'000'000'123U);
  ASSERT_TRUE(index.twin(0).has_value());
  EXPECT_EQ(index.twin(0)->digest.size, 12U);
  const PackageRecord b = index.package(1);
  EXPECT_THAT(b.track_features, testing::ElementsAre("x", "y"));
  EXPECT_TRUE(b.constrains.empty());
}

TEST(Repodata, IsReadHoweverItsBytesArrive) {
  const std::string text = k_document;
  for (std::size_t piece = 1; piece <= text.size(); piece = piece < 40 ? piece + 1 : piece * 2) {
    PackageIndexBuilder made = builder();
    RepodataReader reader(made);
    for (std::size_t at = 0; at < text.size(); at += piece) {
      must(reader.write(bytes_of(std::string_view(text).substr(at, piece))));
    }
    const RepodataReport report = must(reader.finish());
    EXPECT_EQ(report.records, 3U);
    EXPECT_EQ(report.skipped, 0U);
    expect_document(std::move(made));
  }
}

TEST(Repodata, ManyEntriesAreParsedInBatches) {
  std::string text = R"({"packages.conda":{)";
  for (int i = 0; i < 20'000; ++i) {
    const std::string n = std::to_string(i);
    text += (i == 0 ? "" : ",") + ("\"p-" + n + "-0.conda\":{\"name\":\"p\",\"version\":\"" + n) +
            "\",\"build\":\"0\",\"depends\":[\"q\\\\ >=" + n + "\"]}";
  }
  PackageIndexBuilder made = builder();
  EXPECT_EQ(must(read_repodata(text + "}}", made)).records, 20'000U);
  EXPECT_EQ(must(std::move(made).build()).records().size(), 20'000U);
}

TEST(Repodata, EntriesThatAreNoRecordsAreLeftOutAndTheRestIsGood) {
  const std::string long_name(300, 'n');
  const std::string text =
      R"({"packages":{"a-1-0.tar.bz2":{"name":"a","version":"1","build":"0","depends":[]},)"
      R"("no.txt":{"name":"a","version":"1","build":"0","depends":[]},)"
      R"("b-1-0.tar.bz2":{"name":7,"version":"1","build":"0","depends":[]},)"
      R"("c-1-0.tar.bz2":{"name":"c","version":"1","build":"0","depends":["d",5]},)"
      R"("d-1-0.tar.bz2":{"version":"1","build":"0","depends":[]},)"
      R"("f-1-0.tar.bz2":{"name":")" +
      long_name +
      R"(","version":"1","build":"0"},)"
      R"("e-1-0.tar.bz2":[1,2]}})";
  PackageIndexBuilder made = builder();
  const RepodataReport report = must(read_repodata(text, made));
  EXPECT_EQ(report.records, 1U);
  EXPECT_EQ(report.skipped, 6U);
  EXPECT_EQ(report.examples.size(), 5U);
  const std::vector<std::string> notes = notes_of(report, "https://repo.example/main/noarch");
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_THAT(notes.front(), HasSubstr("6 entries can't be read"));
  EXPECT_THAT(notes.front(), HasSubstr("no.txt"));
}

TEST(Repodata, WhatIsNoIndexIsRefusedWithItsReason) {
  std::string nested = R"({"info":)" + std::string(1000, '[');
  std::string huge = R"({"packages":{"a-1-0.conda":{"name":")" + std::string(9'000'000, 'x');
  const std::string whole = k_document;
  const struct {
    const char* name;
    std::string text;
    ErrorKind kind;
    const char* says;
  } rows[] = {
      {"empty", "", ErrorKind::corrupt, "too early"},
      {"not JSON", "<html>404</html>", ErrorKind::corrupt, "begin with"},
      {"a list", "[]", ErrorKind::corrupt, "begin with"},
      {"no section", R"({"info":{}})", ErrorKind::corrupt, "neither"},
      {"cut off", whole.substr(0, whole.size() / 2), ErrorKind::corrupt, "too early"},
      {"garbage behind", whole + "x", ErrorKind::corrupt, "follows"},
      {"no colon", R"({"packages" {}})", ErrorKind::corrupt, "':'"},
      {"a broken entry", R"({"packages":{"a-1-0.conda":{"name" "a"}}})", ErrorKind::corrupt,
       "not valid JSON"},
      {"a section that is none", R"({"packages":[1]})", ErrorKind::corrupt, "not valid JSON"},
      {"nested too deeply", nested, ErrorKind::rejected, "deep"},
      {"an endless entry", huge, ErrorKind::rejected, "an entry of more than"},
      {"a later version", R"({"repodata_version":9,"packages":{}})", ErrorKind::unsupported, "9"},
      {"only a later revision",
       R"({"info":{"repodata_revisions":[3]},"v3":{"packages.conda":{"a-1-0":{"name":"a"}}}})",
       ErrorKind::unsupported, "later revision"},
  };
  for (const auto& row : rows) {
    PackageIndexBuilder made = builder();
    const Result<RepodataReport> report = read_repodata(row.text, made);
    ASSERT_FALSE(report.ok()) << row.name;
    EXPECT_EQ(report.error().kind, row.kind) << row.name << ": " << report.error().message;
    EXPECT_THAT(report.error().message, HasSubstr(row.says)) << row.name;
  }
}

TEST(Repodata, RecordsOfALaterRevisionAreCountedBesideTheOthers) {
  const std::string text =
      R"({"packages":{"a-1-0.tar.bz2":{"name":"a","version":"1","build":"0","depends":[]}},)"
      R"("v3":{"packages.conda":{"b-1-0":{"name":"b"},"c-1-0":{"name":"c"}}}})";
  PackageIndexBuilder made = builder();
  const RepodataReport report = must(read_repodata(text, made));
  EXPECT_EQ(report.records, 1U);
  EXPECT_EQ(report.later, 2U);
  EXPECT_THAT(notes_of(report, "u").front(), HasSubstr("2 records of a later revision"));
}

}  // namespace
}  // namespace athanor::worker::solve

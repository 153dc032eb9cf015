#include "worker/solve/package_index.hpp"

#include "shared/os/files.hpp"
#include "tests/support/scratch_dir.hpp"
#include "tests/unit/worker_solve/records.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace athanor::worker::solve {
namespace {

using athanor::test::must;
using test::Made;
using test::record;

PackageIndexBuilder sample() {
  PackageIndexBuilder builder;
  builder.begin_repo({.channel = "https://a.example/x", .subdir = "linux-64", .priority = 1});
  PackageRecord full = record({.name = "zlib", .version = "1.3", .depends = {"libc", "gcc >=9"}});
  full.constrains = {"foo <2"};
  full.track_features = {"mkl", "debug"};
  full.license = "Zlib";
  full.noarch = "generic";
  full.timestamp = 1234567;
  full.digest.sha256 = sha256_of("zlib");
  builder.add(full);
  builder.add(record({.name = "zlib", .version = "1.3"}, ".tar.bz2"));
  builder.add(record({.name = "abc", .version = "2"}, ".tar.bz2"));
  builder.begin_repo({.channel = "https://b.example/y", .subdir = "noarch", .priority = -2});
  builder.set_base_url("https://files.example/y");
  PackageRecord odd = record({.name = "abc", .version = "1"});
  odd.filename = "odd_name.conda";
  builder.add(odd);
  builder.note("a note");
  return builder;
}

void expect_sample(const PackageIndex& index) {
  ASSERT_EQ(index.records().size(), 3U);
  const PackageIndex::Run abc = index.records_of(index.texts().find("abc"));
  ASSERT_EQ(abc.end - abc.begin, 2U);
  EXPECT_EQ(index.package(abc.begin).url, "https://a.example/x/linux-64/abc-2-0.tar.bz2");
  EXPECT_EQ(index.package(abc.begin + 1).url, "https://files.example/y/odd_name.conda");
  EXPECT_EQ(index.repo(abc.begin + 1).priority, -2);
  const PackageIndex::Run run = index.records_of(index.texts().find("zlib"));
  ASSERT_EQ(run.end - run.begin, 1U) << "both formats are one record";
  const PackageRecord zlib = index.package(run.begin);
  EXPECT_EQ(zlib.filename, "zlib-1.3-0.conda");
  EXPECT_THAT(zlib.depends, testing::ElementsAre("libc", "gcc >=9"));
  EXPECT_THAT(zlib.constrains, testing::ElementsAre("foo <2"));
  EXPECT_THAT(zlib.track_features, testing::ElementsAre("mkl", "debug"));
  EXPECT_EQ(zlib.license, "Zlib");
  EXPECT_EQ(zlib.noarch, "generic");
  EXPECT_EQ(zlib.timestamp, 1234567U);
  EXPECT_EQ(zlib.digest.sha256, sha256_of("zlib"));
  EXPECT_EQ(zlib.digest.md5, md5_of("zlib-1.3-0.conda"));
  EXPECT_EQ(zlib.digest.size, 7U);
  const auto twin = index.twin(run.begin);
  ASSERT_TRUE(twin.has_value());
  EXPECT_EQ(twin->url, "https://a.example/x/linux-64/zlib-1.3-0.tar.bz2");
  EXPECT_EQ(twin->digest.md5, md5_of("zlib-1.3-0.tar.bz2"));
  EXPECT_FALSE(index.twin(abc.begin).has_value());
  EXPECT_EQ(index.texts().find("nobody"), k_no_text);
  EXPECT_EQ(index.records_of(k_no_text).end, 0U);
  EXPECT_THAT(index.notes(), testing::ElementsAre("a note"));
}

TEST(PackageIndex, GivesBackWhatWasPutIn) {
  expect_sample(must(sample().build()));
}

TEST(PackageIndex, IsTheSameFromAFile) {
  const athanor::test::ScratchDir scratch;
  must(sample().write(scratch / "x.index"));
  expect_sample(must(PackageIndex::open(scratch / "x.index")));
}

TEST(PackageIndex, OrderOfArrivalChangesNothing) {
  PackageIndexBuilder forward;
  PackageIndexBuilder backward;
  const std::vector<Made> made = {{.name = "b", .version = "1"},
                                  {.name = "a", .version = "2", .depends = {"b"}},
                                  {.name = "a", .version = "1"},
                                  {.name = "a", .version = "1", .build = "x"}};
  forward.begin_repo({.channel = "c", .subdir = "s"});
  backward.begin_repo({.channel = "c", .subdir = "s"});
  for (std::size_t i = 0; i < made.size(); ++i) {
    forward.add(record(made[i]));
    backward.add(record(made[made.size() - 1 - i]));
  }
  const PackageIndex one = must(std::move(forward).build());
  const PackageIndex other = must(std::move(backward).build());
  for (RecordId id = 0; id < made.size(); ++id) {
    EXPECT_EQ(one.package(id).url, other.package(id).url);
  }
  for (std::size_t i = 0; i < one.names().size(); ++i) {
    EXPECT_EQ(one.names()[i].fingerprint, other.names()[i].fingerprint);
  }
}

TEST(PackageIndex, ANamesFingerprintChangesWithItsRecordsOnly) {
  const auto fingerprint = [](const std::vector<Made>& made, const std::string& name) {
    const PackageIndex index = test::index_of(made);
    for (const PackageIndex::Name& known : index.names()) {
      if (index.texts()[known.name] == name) {
        return known.fingerprint;
      }
    }
    return std::uint64_t{0};
  };
  const Made a{.name = "a", .version = "1", .depends = {"b >=1"}};
  const Made patched{.name = "a", .version = "1", .depends = {"b >=2"}};
  const Made b{.name = "b", .version = "1"};
  EXPECT_EQ(fingerprint({a}, "a"), fingerprint({b, a}, "a"));
  EXPECT_NE(fingerprint({a}, "a"), fingerprint({patched}, "a"));
}

TEST(PackageIndex, ARemovedFileIsNotThere) {
  PackageIndexBuilder builder;
  builder.begin_repo({.channel = "c", .subdir = "s"});
  builder.add(record({.name = "a", .version = "1"}));
  builder.add(record({.name = "a", .version = "2"}));
  builder.remove("a-2-0.conda");
  const PackageIndex index = must(std::move(builder).build());
  ASSERT_EQ(index.records().size(), 1U);
  EXPECT_EQ(index.package(0).version, "1");
}

TEST(PackageIndex, ADamagedFileIsRefusedOrHarmless) {
  const athanor::test::ScratchDir scratch;
  must(sample().write(scratch / "x.index"));
  const std::string good = must(read_file(scratch / "x.index", 1 << 20));
  for (const std::size_t size : {std::size_t{0}, std::size_t{40}, good.size() / 2}) {
    must(write_file(scratch / "y.index", good.substr(0, size)));
    EXPECT_FALSE(PackageIndex::open(scratch / "y.index").ok()) << size;
  }
  for (std::size_t at = 8; at < good.size(); at += 5) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0xff);
    must(write_file(scratch / "y.index", bad));
    const Result<PackageIndex> index = PackageIndex::open(scratch / "y.index");
    if (!index) {
      continue;
    }
    for (RecordId id = 0; id < index->records().size(); ++id) {
      static_cast<void>(index->package(id));  // stays within the file
      static_cast<void>(index->twin(id));
      static_cast<void>(index->records_of(index->record(id).name));
    }
    static_cast<void>(index->texts().find("zlib"));
  }
}

}  // namespace
}  // namespace athanor::worker::solve

#include "worker/solve/shards.hpp"

#include "tests/support/results.hpp"
#include "tests/unit/worker_solve/msgpack_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace athanor::worker::solve {
namespace {

using athanor::test::must;
using namespace test;

std::string sample_shard() {
  return mp_map(
      {{"packages", mp_map({{"a-1-0.tar.bz2", mp_record("a", "1", {"b"})}})},
       {"packages.conda", mp_map({{"a-1-0.conda", mp_record("a", "1", {"b"})},
                                  {"a-2-0.conda", mp_record("A", "2", {"c >=1", "__unix"})},
                                  {"a-3-0.conda", mp_record("a", "3", {})}})},
       {"removed", mp_array({mp_text("a-3-0.conda")})},
       {"run_exports", mp_map({})}});
}

TEST(Shards, AShardsRecordsAreThoseOfTheIndex) {
  PackageIndexBuilder builder;
  builder.begin_repo({.channel = "https://repo.example/main", .subdir = "noarch"});
  RepodataReport report;
  must(read_shard(sample_shard(), builder, report));
  const PackageIndex index = must(std::move(builder).build());
  ASSERT_EQ(index.records().size(), 2U) << "a twin, and one that was removed";
  const PackageRecord first = index.package(0);
  EXPECT_EQ(first.url, "https://repo.example/main/noarch/a-1-0.conda");
  EXPECT_EQ(first.digest.md5, Md5::from_hex("6d6d6d6d6d6d6d6d6d6d6d6d6d6d6d6d"));
  EXPECT_EQ(first.digest.size, 812U);
  EXPECT_EQ(first.build_number, 3U);
  EXPECT_EQ(first.timestamp, 1'700'000'000'000U);
  EXPECT_TRUE(index.twin(0).has_value());
  EXPECT_THAT(index.package(1).depends, testing::ElementsAre("c >=1", "__unix"));
  EXPECT_THAT(must(names_needed(sample_shard())), testing::ElementsAre("__unix", "b", "c"));
}

TEST(Shards, AListSaysWhereTheyAre) {
  const Sha256 hash = sha256_of("x");
  const auto list = [&](const std::string& base, const std::string& shards) {
    return must(read_shard_list(
        mp_map({{"version", mp_number(1)},
                {"info", mp_map({{"base_url", mp_text(base)},
                                 {"shards_base_url", mp_text(shards)},
                                 {"created_at", mp_text("2024-01-01T00:00:00Z")}})},
                {"shards", mp_map({{"a", mp_bytes(raw_hash(hash))}, {"", mp_bytes("short")}})}}),
        "https://repo.example/main/noarch"));
  };
  EXPECT_EQ(list("", "").shards_base_url, "https://repo.example/main/noarch");
  EXPECT_EQ(list("", "./shards/").shards_base_url, "https://repo.example/main/noarch/shards");
  EXPECT_EQ(list("", "/s/").shards_base_url, "https://repo.example/s");
  EXPECT_EQ(list("https://f.example/x/", "https://s.example/y/").base_url, "https://f.example/x");
  EXPECT_EQ(list("https://f.example/x/", "https://s.example/y/").shards_base_url,
            "https://s.example/y");
  EXPECT_TRUE(list("./", "").base_url.empty());
  EXPECT_EQ(list("", "").shards.size(), 1U);
  EXPECT_EQ(list("", "").shards.at("a"), hash);
}

TEST(Shards, DamageIsRefusedAtEveryByte) {
  const std::string good = sample_shard();
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(names_needed(good.substr(0, size)).ok() && size != 0) << size;
  }
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x7f);
    PackageIndexBuilder builder;
    builder.begin_repo({.channel = "c", .subdir = "s"});
    RepodataReport report;
    static_cast<void>(read_shard(bad, builder, report));  // stays within the bytes, ends soon
  }
  EXPECT_FALSE(read_shard_list("\xdf\xff\xff\xff\xff", "https://x.example/a/b").ok());
}

}  // namespace
}  // namespace athanor::worker::solve

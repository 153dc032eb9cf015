#include "coordinator/upkeep/verify.hpp"

#include "coordinator/upkeep/census.hpp"
#include "coordinator/upkeep/key_kind.hpp"
#include "coordinator/upkeep/object_check.hpp"
#include "shared/os/files.hpp"
#include "tests/unit/coordinator_upkeep/upkeep_world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace athanor::coordinator {
namespace {

using test::must;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const std::string k_a = "https://host/ch/linux-64/a-1-0.conda";
const std::string k_b = "https://host/ch/noarch/b-1-0.conda";

std::vector<std::string> kinds_of(const std::vector<Finding>& findings) {
  std::vector<std::string> kinds;
  for (const Finding& finding : findings) {
    kinds.emplace_back(to_string(finding.kind));
  }
  return kinds;
}

TEST(Verify, AWholeStoreHasNoFindings) {
  UpkeepWorld world;
  world.add_environment({{k_a, world.add_package(k_a, "a")}, {k_b, world.add_package(k_b, "b")}});
  EXPECT_THAT(kinds_of(world.verify()), IsEmpty());
}

TEST(Verify, EachKindOfHarmIsFound) {
  struct Row {
    const char* name;
    std::function<void(UpkeepWorld&, const std::string& key)> harm;
    std::vector<std::string> kinds;
  };
  const std::string folder = "packages/conda/host/ch/linux-64/a-1-0.conda/";
  const Row rows[] = {
      {"altered",
       [](auto& w, auto& key) { w.store.alter(key, UpkeepWorld::archive("x")); },
       {"altered"}},
      {"truncated", [](auto& w, auto& key) { w.store.alter(key, "a"); }, {"truncated"}},
      {"empty", [](auto& w, auto& key) { w.store.alter(key, ""); }, {"truncated"}},
      {"two hashes",
       [](auto& w, auto&) { w.add_package(k_a, "other"); },
       {"slot_conflict", "slot_conflict"}},
      {"plain in the source",
       [&](auto& w, auto&) { w.put(folder + "a-1-0.conda.sha256", "x"); },
       {"misplaced"}},
      {"plain in the slot",
       [&](auto& w, auto&) { w.put(folder + "a-1-0.conda/a-1-0.conda", "x"); },
       {"misplaced"}},
      {"foreign", [](auto& w, auto&) { w.put("README.txt", "x"); }, {"foreign"}},
      {"gone", [](auto& w, auto& key) { must(w.store.remove(key)); }, {"missing_object"}},
      {"secret in the path",
       [](auto& w, auto&) {
         const std::string bytes = UpkeepWorld::archive("s");
         w.put("packages/conda/host/t/tok-3n-secret/ch/linux-64/s-1-0.conda/s-1-0.conda/" +
                   md5_of(bytes).hex() + "/s-1-0.conda",
               bytes);
       },
       {"secret_in_key"}},
      {"alias to nowhere",
       [](auto& w, auto&) {
         w.put("envs/aliases/generic/team/latest",
               write_alias(std::string(40, '1'), std::string(40, '2')));
       },
       {"dangling_alias"}},
      {"alias of noise",
       [](auto& w, auto&) { w.put("envs/aliases/generic/team/v1", "noise"); },
       {"dangling_alias"}},
      {"unreadable description",
       [](auto& w, auto&) {
         w.put(w.layout.environment_key("linux-64", std::string(40, '1'), std::string(40, '2')),
               "{");
       },
       {"unreadable_environment"}},
  };
  for (const Row& row : rows) {
    UpkeepWorld world;
    const std::string key = world.add_package(k_a, "a");
    world.add_environment({{k_a, key}});
    row.harm(world, key);
    const auto findings = world.verify();
    EXPECT_EQ(kinds_of(findings), row.kinds) << row.name;
    for (const Finding& finding : findings) {
      EXPECT_THAT(show_finding(finding), Not(HasSubstr("tok-3n"))) << row.name;
      EXPECT_THAT(dump_json(finding_to_json(finding)), Not(HasSubstr("tok-3n"))) << row.name;
    }
  }
}

TEST(Verify, AnInterruptedPassGoesOnWhereItWasAndTellsEverythingOnce) {
  UpkeepWorld world;
  std::vector<std::string> broken;
  for (int i = 0; i < 300; ++i) {
    const std::string url = "https://host/ch/linux-64/p" + std::to_string(i) + "-1-0.conda";
    const std::string key = world.add_package(url, std::to_string(i));
    if (i % 50 == 7) {
      world.store.alter(key, UpkeepWorld::archive("altered"));
      broken.push_back(key);
    }
  }
  std::sort(broken.begin(), broken.end());
  const VerifyOptions options{.parallel_reads = 3, .state = world.file("state")};
  test::FaultyStore faulty(world.store);
  std::atomic<int> left{200};
  faulty.before([&](test::StoreCall call, std::string_view) -> Result<void> {
    if (call == test::StoreCall::get && left-- <= 0) {
      return make_error(ErrorKind::retry, "the store is down");
    }
    return {};
  });
  std::vector<std::string> told;
  const FindingSink sink = [&](const Finding& finding) -> Result<void> {
    told.push_back(finding.key);
    return {};
  };
  const auto first = verify_store(world.upkeep_on(faulty), options, sink);
  ASSERT_FALSE(first);
  EXPECT_EQ(first.error().kind, ErrorKind::retry);

  told.clear();
  left = 100'000;
  const std::size_t before = faulty.calls(test::StoreCall::get);
  const VerifyReport second = must(verify_store(world.upkeep_on(faulty), options, sink));
  EXPECT_TRUE(second.resumed);
  EXPECT_EQ(second.objects_read, 300U);
  EXPECT_LE(faulty.calls(test::StoreCall::get) - before, 300U - 128U);  // two windows were done
  EXPECT_EQ(told, broken);

  // A finished pass reads nothing again.
  told.clear();
  left = 0;
  const VerifyReport third = must(verify_store(world.upkeep_on(faulty), options, sink));
  EXPECT_EQ(third.harmful, broken.size());
  EXPECT_EQ(third.packages, 300U);
  EXPECT_EQ(told, broken);

  VerifyOptions other = options;
  other.sample_percent = 50;
  const auto refused = verify_store(world.upkeep(), other, sink);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::invalid);
}

TEST(Verify, NotesAfterTheLastCheckpointAreFoundAgainNotTwice) {
  UpkeepWorld world;
  for (int i = 0; i < 70; ++i) {
    world.add_package("https://host/ch/linux-64/p" + std::to_string(i) + "-1-0.conda",
                      std::to_string(i));
  }
  world.put("zzz", "foreign");
  const VerifyOptions options{.state = world.file("state")};
  std::size_t told = 0;
  const FindingSink sink = [&](const Finding&) -> Result<void> {
    ++told;
    return {};
  };
  must(verify_store(world.upkeep(), options, sink));
  // As a crash leaves it: the end is missing, and the last line is cut.
  std::string state = must(read_file(world.file("state"), 1 << 20));
  state.resize(state.rfind("{\"finished\""));
  state += "{\"finding\":\"foreign\",\"key\":\"zz";
  must(write_file(world.file("state"), state));
  told = 0;
  const VerifyReport again = must(verify_store(world.upkeep(), options, sink));
  EXPECT_TRUE(again.resumed);
  EXPECT_EQ(told, 1U);
  EXPECT_EQ(again.findings.at(FindingKind::foreign), 1U);
}

TEST(Verify, ASampleIsTheSameForOneSeedAndAnotherForAnother) {
  UpkeepWorld world;
  for (int i = 0; i < 200; ++i) {
    world.add_package("https://host/ch/linux-64/p" + std::to_string(i) + "-1-0.conda", "x");
  }
  const auto read = [&](std::uint64_t seed, double percent) {
    test::FaultyStore counting(world.store);
    std::vector<std::string> keys;
    std::mutex mutex;
    counting.before([&](test::StoreCall call, std::string_view key) -> Result<void> {
      if (call == test::StoreCall::get) {
        const std::lock_guard lock(mutex);
        keys.emplace_back(key);
      }
      return {};
    });
    const VerifyOptions options{.sample_percent = percent, .seed = seed};
    must(verify_store(world.upkeep_on(counting), options,
                      [](const Finding&) { return Result<void>(); }));
    std::sort(keys.begin(), keys.end());
    return keys;
  };
  EXPECT_EQ(read(1, 20), read(1, 20));
  EXPECT_NE(read(1, 20), read(2, 20));
  EXPECT_GT(read(1, 20).size(), 15U);
  EXPECT_LT(read(1, 20).size(), 75U);
  EXPECT_EQ(read(1, 100).size(), 200U);
}

TEST(ArchiveEndTest, TheEndOfABzip2StreamIsSeenAtAnyBit) {
  const std::uint64_t end = 0x177245385090;
  for (unsigned shift = 0; shift < 8; ++shift) {
    std::string bytes(40, 'x');
    // 48 bits of magic and 32 of checksum, then padding to a whole byte.
    std::string tail(shift == 0 ? 10 : 11, '\0');
    for (unsigned bit = 0; bit < 48; ++bit) {
      if ((end >> (47 - bit) & 1U) != 0) {
        const unsigned at = shift + bit;
        tail[at / 8] =
            static_cast<char>(static_cast<unsigned char>(tail[at / 8]) | 0x80U >> (at % 8));
      }
    }
    bytes += tail;
    const auto whole = [](const std::string& text) {
      ArchiveEnd archive_end(Format::tar_bz2);
      // In pieces, as they arrive.
      for (std::size_t i = 0; i < text.size(); i += 7) {
        const std::string piece = text.substr(i, 7);
        archive_end.feed(
            std::span(reinterpret_cast<const std::uint8_t*>(piece.data()), piece.size()));
      }
      return archive_end.may_be_whole();
    };
    EXPECT_TRUE(whole(bytes)) << shift;
    EXPECT_FALSE(whole(bytes.substr(0, bytes.size() - 6))) << shift;
  }
}

TEST(KeyKindTest, SecretsAreSeenAndHidden) {
  struct Row {
    const char* key;
    const char* shown;
  };
  const Row rows[] = {
      {"packages/conda/host/t/tk-0123456789/ch/x", "packages/conda/host/t/***/ch/x"},
      {"packages/conda/user:pass@host/ch/x", "packages/conda/***@host/ch/x"},
      {"packages/pypi/host/x?token=abcdef/y", "packages/pypi/host/x?token=***/y"},
      {"packages/conda/host/t/short/x", "packages/conda/host/t/short/x"},
      {"packages/conda/host/name@version/x", "packages/conda/host/name@version/x"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(printable_key(row.key), row.shown);
    EXPECT_EQ(secret_in_key(row.key).has_value(), std::string(row.key) != row.shown) << row.key;
  }
}

TEST(CensusTest, CountsByFormatPlatformAndChannel) {
  UpkeepWorld world;
  const std::string a = world.add_package(k_a, "a");
  world.add_environment({{k_a, a}});
  const std::string tar = "0123456789";
  world.put(world.key_of(k_a, tar, Format::tar_bz2), tar);
  world.add_package(k_b, "b");
  world.add_package(k_b, "another");
  const std::string wheel = "w";
  world.put(
      "packages/pypi/files.host/ab/x-1-py3-none-manylinux_2_17_x86_64.whl/"
      "x-1-py3-none-manylinux_2_17_x86_64.whl/" +
          sha256_of(wheel).hex() + "/x-1-py3-none-manylinux_2_17_x86_64.whl",
      wheel);
  world.put(".athanor/claims/x", "claim");
  world.put("README", "foreign");
  const Census census = must(take_census(world.upkeep()));
  EXPECT_EQ(census.packages.objects, 5U);
  EXPECT_EQ(census.by_format.at(".conda").objects, 3U);
  EXPECT_EQ(census.by_format.at(".tar.bz2").bytes, 10U);
  EXPECT_EQ(census.by_platform.at("linux-64").objects, 3U);
  EXPECT_EQ(census.by_platform.at("noarch").objects, 2U);
  EXPECT_EQ(census.by_channel.at("host/ch").objects, 4U);
  EXPECT_EQ(census.by_channel.at("files.host").objects, 1U);
  EXPECT_EQ(census.sources, 3U);
  EXPECT_EQ(census.slots, 4U);
  EXPECT_EQ(census.conda_sources_in_both_formats, 1U);
  EXPECT_EQ(census.conflicts, 1U);
  EXPECT_THAT(census.conflicted_slots,
              ElementsAre("packages/conda/host/ch/noarch/b-1-0.conda/b-1-0.conda/"));
  EXPECT_EQ(census.environments.objects, 1U);
  EXPECT_EQ(census.aliases.objects, 1U);
  EXPECT_EQ(census.claims.objects, 1U);
  EXPECT_EQ(census.foreign.objects, 1U);
  EXPECT_EQ(census.all().objects, world.store.objects().size());
  EXPECT_THAT(show_census(census, "memory://test"), HasSubstr("1 slots hold more than one hash"));
}

}  // namespace
}  // namespace athanor::coordinator

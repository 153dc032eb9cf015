#include "tests/contract/store_contract.hpp"

#include "shared/base/random.hpp"
#include "shared/base/units.hpp"
#include "shared/os/files.hpp"
#include "shared/store/object_key.hpp"
#include "tests/support/results.hpp"
#include "tests/support/scratch_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <thread>

namespace athanor::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

ObjectSource bytes(std::string text) {
  return ObjectSource::from_bytes(std::move(text));
}

std::string some_bytes(std::size_t size, std::uint64_t seed) {
  Random random(seed);
  std::string result(size, '\0');
  for (std::size_t i = 0; i < size; i += 8) {
    const std::uint64_t word = random.next();
    for (std::size_t k = 0; k < 8 && i + k < size; ++k) {
      result[i + k] = static_cast<char>(word >> (8 * k));
    }
  }
  return result;
}

std::optional<std::string> read(Store& store, std::string_view key) {
  return must(read_object(store, key, 1_GiB));
}

std::optional<std::string> read_range(Store& store, std::string_view key, ByteRange range) {
  std::string result;
  const bool found =
      must(store.get(key, range, [&](std::span<const std::uint8_t> piece) -> Result<void> {
        result.append(reinterpret_cast<const char*>(piece.data()), piece.size());
        return {};
      }));
  return found ? std::optional(result) : std::nullopt;
}

std::vector<std::string> keys(Store& store, std::string_view prefix) {
  std::vector<std::string> result;
  must(store.list(prefix, [&](const ObjectInfo& info) -> Result<void> {
    result.push_back(info.key);
    return {};
  }));
  return result;
}

std::vector<std::string> folder(Store& store, std::string_view prefix) {
  std::vector<std::string> result;
  for (const auto& entry : must(store.list_folder(prefix))) {
    result.push_back(entry.name + (entry.is_folder ? "/" : ""));
  }
  return result;
}

// Keys that break stores which encode, decode or normalise once too often or too seldom.
std::vector<std::string> hard_keys() {
  std::vector<std::string> result = {"plus+plus",
                                     "percent%percent",
                                     "percent%2Fencoded",
                                     "percent%",
                                     "equals=equals",
                                     "bang!bang",
                                     "tilde~tilde",
                                     "space space",
                                     " leading",
                                     "trailing ",
                                     "quote'quote",
                                     "double\"double",
                                     "parens(a)(b)",
                                     "amp&amp",
                                     "semi;colon:comma,",
                                     "dollar$at@",
                                     "question?mark",
                                     "hash#mark",
                                     "brackets[a]{b}<c>",
                                     "pipe|caret^tick`",
                                     "star*star",
                                     "...",
                                     "a..b",
                                     ".hidden",
                                     "..hidden",
                                     "-dash",
                                     "_under",
                                     "umlaut-\xc3\xa4\xc3\xb6\xc3\xbc",
                                     "nfd-a\xcc\x88",
                                     "cjk-\xe6\xbc\xa2\xe5\xad\x97",
                                     "emoji-\xf0\x9f\x94\xa5",
                                     "UPPER",
                                     "upper",
                                     "1!2.0+local-py3_0.conda",
                                     "https:",
                                     "con",
                                     "x.tar.bz2/y.conda/0123456789abcdef/y.conda"};
  std::string segment(255, 's');
  result.push_back(std::string(255, 't'));
  result.push_back(segment + "/" + segment + "/" + segment + "/" + std::string(232, 'k'));
  return result;
}

TEST_P(StoreContract, AnObjectIsReadAsItWasWritten) {
  EXPECT_EQ(read(store(), "a/b"), std::nullopt);
  EXPECT_EQ(must(store().find("a/b")), std::nullopt);
  const std::string text("\0\xff\r\n<a&b>", 8);
  EXPECT_EQ(must(store().put_if_absent("a/b", bytes(text))), PutOutcome::created);
  EXPECT_EQ(read(store(), "a/b"), text);
  const auto info = must(store().find("a/b"));
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->key, "a/b");
  EXPECT_EQ(info->size, text.size());
  EXPECT_FALSE(info->version_tag.empty());
}

TEST_P(StoreContract, AnotherClientSeesItAtOnce) {
  const auto other = under_test().another_client();
  EXPECT_EQ(read(*other, "k"), std::nullopt);
  must(store().put_if_absent("k", bytes("v")));
  EXPECT_EQ(read(*other, "k"), "v");
  EXPECT_THAT(keys(*other, ""), ElementsAre("k"));
}

TEST_P(StoreContract, AnObjectIsNeverOverwrittenByPutIfAbsent) {
  must(store().put_if_absent("k", bytes("first")));
  const auto before = must(store().find("k"));
  EXPECT_EQ(must(store().put_if_absent("k", bytes("second"))), PutOutcome::exists);
  EXPECT_EQ(read(store(), "k"), "first");
  EXPECT_EQ(must(store().find("k"))->version_tag, before->version_tag);
}

TEST_P(StoreContract, TheEmptyObjectIsAnObject) {
  EXPECT_EQ(must(store().put_if_absent("empty", bytes(""))), PutOutcome::created);
  EXPECT_EQ(read(store(), "empty"), "");
  EXPECT_EQ(must(store().find("empty"))->size, 0U);
  EXPECT_EQ(must(store().put_if_absent("empty", bytes("x"))), PutOutcome::exists);
  EXPECT_EQ(read_range(store(), "empty", {.offset = 0, .length = 10}), "");
}

TEST_P(StoreContract, ABigFileIsStoredAndNotOverwritten) {
  const ScratchDir dir;
  const std::string big = some_bytes(GetParam().big_object_bytes, 1);
  must(write_file(dir / "big", big));
  const Digest digest{.md5 = md5_of(big), .sha256 = sha256_of(big), .size = big.size()};
  const auto source = ObjectSource::from_file(dir / "big", digest);
  EXPECT_EQ(must(store().put_if_absent("big", source)), PutOutcome::created);
  EXPECT_TRUE(read(store(), "big") == big);
  EXPECT_EQ(must(store().find("big"))->size, big.size());
  EXPECT_EQ(must(store().put_if_absent("big", source)), PutOutcome::exists);
  EXPECT_TRUE(must(read_file(dir / "big", 1_GiB)) == big);
  EXPECT_EQ(read_range(store(), "big", {.offset = big.size() - 5}), big.substr(big.size() - 5));
}

TEST_P(StoreContract, AGivenFileIsStoredAndItsNameMayGo) {
  const std::string text = some_bytes(100'000, 2);
  const Digest digest{.md5 = md5_of(text), .sha256 = sha256_of(text), .size = text.size()};
  {
    const ScratchDir dir;
    must(write_file(dir / "f", text, 0600));
    const auto source = ObjectSource::from_file(dir / "f", digest, SourceFile::given);
    EXPECT_EQ(must(store().put_if_absent("given", source)), PutOutcome::created);
    EXPECT_EQ(must(store().put_if_absent("given", source)), PutOutcome::exists);
    EXPECT_TRUE(must(read_file(dir / "f", 1_GiB)) == text);
  }
  EXPECT_TRUE(read(store(), "given") == text);
}

TEST_P(StoreContract, AFileThatIsNotWhatItsDigestSaysIsNotStored) {
  const ScratchDir dir;
  must(write_file(dir / "f", "short"));
  Digest digest{.md5 = md5_of("longer"), .sha256 = sha256_of("longer"), .size = 6};
  EXPECT_FALSE(store().put_if_absent("k", ObjectSource::from_file(dir / "f", digest)));
  EXPECT_FALSE(store().put_if_absent("k", ObjectSource::from_file(dir / "none", digest)));
  EXPECT_EQ(read(store(), "k"), std::nullopt);
  EXPECT_THAT(keys(store(), ""), IsEmpty());
}

TEST_P(StoreContract, ACopyInsideHasTheSameBytesAndReplacesNothing) {
  must(store().put_if_absent("from/a b+%", bytes("text")));
  const CopyOutcome first = must(store().copy_if_absent("from/a b+%", "to/deep/copy"));
  if (first == CopyOutcome::unsupported) {
    EXPECT_EQ(read(store(), "to/deep/copy"), std::nullopt);
    return;
  }
  EXPECT_EQ(first, CopyOutcome::created);
  EXPECT_EQ(read(store(), "to/deep/copy"), "text");
  must(store().put_if_absent("other", bytes("other")));
  EXPECT_EQ(must(store().copy_if_absent("other", "to/deep/copy")), CopyOutcome::exists);
  EXPECT_EQ(must(store().copy_if_absent("none", "to/new")), CopyOutcome::no_original);
  must(store().remove("from/a b+%"));
  EXPECT_EQ(read(store(), "to/deep/copy"), "text");
  EXPECT_THAT(keys(store(), ""), ElementsAre("other", "to/deep/copy"));
}

TEST_P(StoreContract, WhatWasWrittenNowIsYoung) {
  must(store().put_if_absent("k", bytes("x")));
  const auto found = must(store().find("k"));
  ASSERT_TRUE(found && found->modified);
  must(store().list("", [&](const ObjectInfo& info) -> Result<void> {
    EXPECT_TRUE(info.modified &&
                std::chrono::abs(*info.modified - *found->modified) <= std::chrono::seconds(1));
    return {};
  }));
}

TEST_P(StoreContract, RangesAreThoseBytes) {
  must(store().put_if_absent("k", bytes("0123456789")));
  struct Row {
    std::uint64_t offset;
    std::uint64_t length;
    const char* expected;
  };
  const Row rows[] = {
      {0, 3, "012"}, {3, 4, "3456"}, {7, 100, "789"}, {9, UINT64_MAX, "9"},
      {0, 0, ""},    {10, 5, ""},    {50, 5, ""},     {0, UINT64_MAX, "0123456789"}};
  for (const Row& row : rows) {
    EXPECT_EQ(read_range(store(), "k", {.offset = row.offset, .length = row.length}), row.expected)
        << row.offset << "+" << row.length;
  }
  EXPECT_EQ(read_range(store(), "none", {.offset = 2, .length = 3}), std::nullopt);
}

TEST_P(StoreContract, TheSinksErrorEndsTheReading) {
  must(store().put_if_absent("k", bytes("x")));
  const auto result = store().get("k", {}, [](std::span<const std::uint8_t>) -> Result<void> {
    return make_error(ErrorKind::corrupt, "enough");
  });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "enough");
}

TEST_P(StoreContract, HardKeysAreKeptApartAndListedAsSpelled) {
  const auto all = hard_keys();
  for (const std::string& key : all) {
    EXPECT_EQ(must(store().put_if_absent("hard/" + key, bytes("at " + key))), PutOutcome::created)
        << key;
  }
  std::vector<std::string> expected;
  for (const std::string& key : all) {
    EXPECT_EQ(read(store(), "hard/" + key), "at " + key);
    EXPECT_EQ(must(store().find("hard/" + key))->size, key.size() + 3) << key;
    expected.push_back("hard/" + key);
  }
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(keys(store(), "hard/"), expected);
  EXPECT_EQ(must(store().list_folder("hard/")).size(), all.size());
  for (const std::string& key : all) {
    must(store().remove("hard/" + key));
    EXPECT_EQ(must(store().find("hard/" + key)), std::nullopt) << key;
  }
  EXPECT_THAT(keys(store(), ""), IsEmpty());
}

TEST_P(StoreContract, HardFoldersAreListedAsSpelled) {
  for (const char* name : {"a b", "a+b", "a%20b", "\xc3\xa4", "a&b=c", "~a", "a'b"}) {
    const std::string prefix = std::string("f/") + name + "/";
    must(store().put_if_absent(prefix + "x", bytes("1")));
    must(store().put_if_absent(prefix + "y/z", bytes("2")));
    EXPECT_THAT(folder(store(), prefix), ElementsAre("x", "y/")) << name;
    EXPECT_THAT(keys(store(), prefix), ElementsAre(prefix + "x", prefix + "y/z")) << name;
  }
}

TEST_P(StoreContract, KeysThatAreNoneAreInvalidEverywhere) {
  const std::string bad[] = {"",
                             "/a",
                             "a/",
                             "a//b",
                             "..",
                             "../a",
                             "a/../b",
                             "a/..",
                             ".",
                             "a/./b",
                             "./a",
                             "a\nb",
                             "a\x7f",
                             "a\xff",
                             std::string("a\0b", 3),
                             "/",
                             "//",
                             ".athanor/tmp/x",
                             ".athanor/tmp",
                             "back\\slash",
                             "\xed\xa0\x80",
                             std::string(1025, 'k'),
                             std::string(256, 's') + "/a"};
  for (const std::string& key : bad) {
    EXPECT_EQ(store().find(key).error().kind, ErrorKind::invalid) << key;
    EXPECT_EQ(store().put_if_absent(key, bytes("x")).error().kind, ErrorKind::invalid) << key;
    EXPECT_EQ(store().put(key, bytes("x"), std::nullopt).error().kind, ErrorKind::invalid) << key;
    EXPECT_EQ(store().remove(key).error().kind, ErrorKind::invalid) << key;
    EXPECT_EQ(read_object(store(), key, 10).error().kind, ErrorKind::invalid) << key;
    if (!key.empty()) {
      EXPECT_FALSE(check_object_prefix(key + "/")) << key;
    }
  }
  for (const char* prefix : {"a", "/", "a//", "../", "a/../"}) {
    EXPECT_EQ(store().list_folder(prefix).error().kind, ErrorKind::invalid) << prefix;
    EXPECT_FALSE(store().list(prefix, [](const ObjectInfo&) { return Result<void>(); })) << prefix;
  }
  EXPECT_THAT(keys(store(), ""), IsEmpty());
}

TEST_P(StoreContract, AListingIsInByteOrderAndOnlyOfThatFolder) {
  // No key is a folder of another one: a directory can't hold both.
  for (const char* key :
       {"d/b", "d/a-b", "d/a/c", "d/a.c", "d/a0", "d/B", "dd/x", "d-/y", "e", "d/\xc3\xa4"}) {
    must(store().put_if_absent(key, bytes("1")));
  }
  EXPECT_THAT(keys(store(), "d/"),
              ElementsAre("d/B", "d/a-b", "d/a.c", "d/a/c", "d/a0", "d/b", "d/\xc3\xa4"));
  EXPECT_THAT(keys(store(), "nothing/"), IsEmpty());
  EXPECT_THAT(folder(store(), "nothing/"), IsEmpty());
  EXPECT_THAT(folder(store(), "").back(), "e");
}

TEST_P(StoreContract, ManyObjectsAreListedWhole) {
  constexpr int k_objects = 1205;  // more than a page of any store
  std::atomic<int> next{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([&] {
        for (int i = next++; i < k_objects; i = next++) {
          must(store().put_if_absent("many/f" + std::to_string(i % 5) + "/" + std::to_string(i),
                                     bytes(std::to_string(i))));
        }
      });
    }
  }
  const auto listed = keys(store(), "many/");
  EXPECT_EQ(listed.size(), std::size_t{k_objects});
  EXPECT_TRUE(std::is_sorted(listed.begin(), listed.end()));
  EXPECT_EQ(std::adjacent_find(listed.begin(), listed.end()), listed.end());
  EXPECT_THAT(folder(store(), "many/"), ElementsAre("f0/", "f1/", "f2/", "f3/", "f4/"));
}

TEST_P(StoreContract, AVisitorsErrorEndsTheListing) {
  must(store().put_if_absent("a", bytes("1")));
  must(store().put_if_absent("b", bytes("2")));
  int seen = 0;
  const auto result = store().list("", [&](const ObjectInfo&) -> Result<void> {
    ++seen;
    return make_error(ErrorKind::rejected, "enough");
  });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "enough");
  EXPECT_EQ(seen, 1);
}

TEST_P(StoreContract, AFolderThatLostItsObjectsIsGone) {
  must(store().put_if_absent("p/q/r/s", bytes("1")));
  EXPECT_THAT(folder(store(), "p/"), ElementsAre("q/"));
  must(store().remove("p/q/r/s"));
  must(store().remove("p/q/r/s"));
  EXPECT_THAT(folder(store(), "p/"), IsEmpty());
  EXPECT_THAT(folder(store(), ""), IsEmpty());
  must(store().put_if_absent("p/q/r/s", bytes("2")));
  EXPECT_EQ(read(store(), "p/q/r/s"), "2");
}

TEST_P(StoreContract, AFolderIsNoObject) {
  must(store().put_if_absent("p/q", bytes("1")));
  EXPECT_EQ(must(store().find("p")), std::nullopt);
  EXPECT_EQ(read(store(), "p"), std::nullopt);
  must(store().remove("p"));
  EXPECT_EQ(read(store(), "p/q"), "1");
}

TEST_P(StoreContract, PutReplacesAndItsPreconditionHolds) {
  EXPECT_EQ(must(store().put("alias", bytes("1"), std::string())), PutOutcome::created);
  EXPECT_EQ(must(store().put("alias", bytes("2"), std::string())), PutOutcome::exists);
  EXPECT_EQ(read(store(), "alias"), "1");
  const std::string first = must(store().find("alias"))->version_tag;
  EXPECT_EQ(must(store().put("alias", bytes("3"), first)), PutOutcome::created);
  EXPECT_EQ(read(store(), "alias"), "3");
  EXPECT_EQ(must(store().put("alias", bytes("4"), first)), PutOutcome::exists);
  EXPECT_EQ(read(store(), "alias"), "3");
  EXPECT_EQ(must(store().put("alias", bytes("5"), std::nullopt)), PutOutcome::created);
  EXPECT_EQ(read(store(), "alias"), "5");
  EXPECT_EQ(must(store().put("fresh", bytes("6"), std::nullopt)), PutOutcome::created);
  EXPECT_EQ(must(store().put("absent", bytes("7"), first)), PutOutcome::exists);
  EXPECT_EQ(read(store(), "absent"), std::nullopt);
}

TEST_P(StoreContract, AStopEndsWhatItCan) {
  must(store().put_if_absent("k", bytes("v")));
  std::stop_source source;
  source.request_stop();
  const auto visit = [](const ObjectInfo&) { return Result<void>(); };
  EXPECT_EQ(store().list("", visit, source.get_token()).error().kind, ErrorKind::canceled);
}

TEST_P(StoreContract, OfEightWritersRacingForOneKeyOneWins) {
  constexpr int k_writers = 8;
  constexpr int k_rounds = 100;
  std::vector<std::unique_ptr<Store>> clients;
  for (int w = 0; w < k_writers; ++w) {
    clients.push_back(under_test().another_client());
  }
  std::vector<std::atomic<int>> winners(k_rounds);
  std::vector<std::atomic<int>> winner_of(k_rounds);
  std::atomic<int> failures{0};
  std::barrier start(k_writers);
  {
    std::vector<std::jthread> threads;
    for (int w = 0; w < k_writers; ++w) {
      threads.emplace_back([&, w] {
        for (std::size_t round = 0; round < k_rounds; ++round) {
          start.arrive_and_wait();
          const auto outcome = clients[static_cast<std::size_t>(w)]->put_if_absent(
              "race/" + std::to_string(round) + "/slot", bytes("writer " + std::to_string(w)));
          if (!outcome) {
            ++failures;
            ADD_FAILURE() << outcome.error().to_string();
          } else if (outcome.value() == PutOutcome::created) {
            ++winners[round];
            winner_of[round] = w;
          }
        }
      });
    }
  }
  EXPECT_EQ(failures, 0);
  for (std::size_t round = 0; round < k_rounds; ++round) {
    EXPECT_EQ(winners[round], 1) << "round " << round;
    EXPECT_EQ(read(store(), "race/" + std::to_string(round) + "/slot"),
              "writer " + std::to_string(winner_of[round]));
  }
  EXPECT_EQ(keys(store(), "race/").size(), std::size_t{k_rounds});
}

TEST_P(StoreContract, OfManyReplacersWithOneVersionOneWins) {
  must(store().put_if_absent("alias", bytes("0")));
  const std::string version = must(store().find("alias"))->version_tag;
  std::atomic<int> winners{0};
  {
    std::vector<std::jthread> threads;
    for (int w = 0; w < 8; ++w) {
      threads.emplace_back([&, w] {
        const auto client = under_test().another_client();
        winners += must(client->put("alias", bytes("w" + std::to_string(w)), version)) ==
                           PutOutcome::created
                       ? 1
                       : 0;
      });
    }
  }
  EXPECT_EQ(winners, 1);
}

TEST_P(StoreContract, ReadObjectRefusesWhatIsTooLarge) {
  must(store().put_if_absent("k", bytes("0123456789")));
  EXPECT_EQ(must(read_object(store(), "k", 10)), "0123456789");
  const auto result = read_object(store(), "k", 9);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::rejected);
}

}  // namespace
}  // namespace athanor::test

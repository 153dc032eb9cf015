#include "shared/repodata/repodata_cache.hpp"

#include "shared/net/curl_http_client.hpp"
#include "shared/os/files.hpp"
#include "tests/support/compressed.hpp"
#include "tests/support/imposter_origin.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/results.hpp"
#include "tests/support/scratch_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace athanor {
namespace {

using test::must;
using testing::HasSubstr;

// A file that answers with 304 to whoever has it.
test::ImposterOrigin::Handler with_etag(const std::string& bytes, const std::string& etag) {
  return [=](const test::OriginRequest& request) {
    const auto known = request.headers.find("if-none-match");
    if (known != request.headers.end() && known->second == etag) {
      return test::OriginResponse{.status = 304, .headers = {{"ETag", etag}}};
    }
    return test::OriginResponse{.status = 200, .headers = {{"ETag", etag}}, .body = bytes};
  };
}

class RepodataCacheTest : public testing::Test {
 protected:
  RepodataCache cache(bool shards = true) {
    RepodataCacheOptions options;
    options.directory = scratch / "cache";
    options.shards = shards;
    return RepodataCache(options, *http, clock, Random(1),
                         [](std::chrono::milliseconds, std::stop_token) { return Result<void>(); });
  }
  SubdirSource subdir() const { return {.url = origin.url("/main/linux-64"), .fetch_url = {}}; }

  static std::string text_of(const Repodata& document) {
    std::string text;
    must(read_document(document.path, [&](std::span<const std::uint8_t> bytes) {
      text.append(bytes.begin(), bytes.end());
      return Result<void>();
    }));
    return text;
  }

  test::ScratchDir scratch;
  test::ImposterOrigin origin;
  test::ManualClock clock;
  std::unique_ptr<HttpClient> http =
      must(make_curl_http_client({.file_urls = FileUrls::allow, .proxies = Proxies::none}));
};

TEST_F(RepodataCacheTest, TheSmallestFormThatIsServedIsTakenAndRemembered) {
  const std::string document = R"({"packages":{}})";
  origin.on("/main/linux-64/repodata.json.zst", with_etag(test::zstd(document), "\"1\""));
  origin.on("/main/linux-64/repodata.json", with_etag(document, "\"2\""));
  RepodataCache files = cache();
  const auto first = must(files.current(subdir(), {}));
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->form, RepodataForm::json);
  EXPECT_EQ(first->digest, sha256_of(document)) << "of the document, not of how it was packed";
  EXPECT_EQ(text_of(*first), document);
  EXPECT_EQ(origin.requests("/main/linux-64/repodata.json"), 0U);
  EXPECT_EQ(origin.requests("/main/linux-64/current_repodata.json"), 0U);

  clock.advance(std::chrono::minutes(10));
  const auto again = must(files.current(subdir(), {}));
  EXPECT_EQ(again->digest, first->digest);
  EXPECT_EQ(again->fetched_bytes, 0U) << "304";
  EXPECT_EQ(origin.requests("/main/linux-64/repodata.json.zst"), 2U);
  EXPECT_EQ(origin.requests("/main/linux-64/repodata_shards.msgpack.zst"), 1U)
      << "what isn't there isn't asked for again";
}

TEST_F(RepodataCacheTest, NothingIsAskedWhileTheChannelSaysItIsFresh) {
  origin.on("/main/linux-64/repodata.json", [](const test::OriginRequest&) {
    return test::OriginResponse{
        .status = 200, .headers = {{"Cache-Control", "public, max-age=1200"}}, .body = "{}"};
  });
  must(cache().current(subdir(), {}));
  const std::size_t asked = origin.total_requests();
  clock.advance(std::chrono::seconds(1190));
  must(cache().current(subdir(), {}));  // another process
  EXPECT_EQ(origin.total_requests(), asked);
  clock.advance(std::chrono::seconds(20));
  must(cache().current(subdir(), {}));
  EXPECT_EQ(origin.total_requests(), asked + 1);
}

TEST_F(RepodataCacheTest, AFormerStateCanBeHadUntilItIsForgotten) {
  RepodataCache files = cache();
  std::vector<Sha256> digests;
  for (int i = 0; i < 4; ++i) {
    origin.serve("/main/linux-64/repodata.json", "{\"n\":" + std::to_string(i) + "}");
    clock.advance(std::chrono::hours(2));
    digests.push_back(must(files.current(subdir(), {}))->digest);
  }
  EXPECT_EQ(text_of(must(files.pinned(subdir(), digests[2], {}))), R"({"n":2})");
  EXPECT_EQ(text_of(must(files.pinned(subdir(), digests[1], {}))), R"({"n":1})");
  const Result<Repodata> gone = files.pinned(subdir(), digests[0], {});
  ASSERT_FALSE(gone.ok());
  EXPECT_EQ(gone.error().kind, ErrorKind::retry);
  EXPECT_THAT(gone.error().message, HasSubstr("has changed since"));
}

TEST_F(RepodataCacheTest, AnAbsentSubdirIsAbsentAndTroubleIsTrouble) {
  EXPECT_FALSE(must(cache().current(subdir(), {})).has_value());
  const SubdirSource shut{.url = origin.url("/shut/noarch"), .fetch_url = {}};
  origin.on("/shut/noarch/repodata_shards.msgpack.zst",
            [](const test::OriginRequest&) { return test::answer(401); });
  const auto refused = cache().current(shut, {});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::rejected);
  EXPECT_THAT(refused.error().message, HasSubstr("/shut/noarch"));
}

TEST_F(RepodataCacheTest, DamageIsNoticedBeforeAnythingIsKept) {
  std::string packed = test::zstd(std::string(100'000, 'x'));
  packed.resize(packed.size() / 2);
  origin.serve("/main/linux-64/repodata.json.zst", packed);
  const auto damaged = cache().current(subdir(), {});
  ASSERT_FALSE(damaged.ok());
  EXPECT_EQ(damaged.error().kind, ErrorKind::corrupt);
  EXPECT_THAT(damaged.error().message, HasSubstr("repodata.json.zst"));
  for (const DirectoryEntry& entry : must(list_directory(scratch / "cache"))) {
    EXPECT_THAT(entry.name, testing::EndsWith(".lock"));
  }
}

TEST_F(RepodataCacheTest, AFolderOfThisMachineIsLookedAtEachTime) {
  const auto folder = scratch / "channel" / "noarch";
  must(make_directories(folder, Durability::none));
  must(write_file(folder / "repodata.json", "{\"a\":1}"));
  const SubdirSource local{.url = "file://" + folder.string(), .fetch_url = {}};
  RepodataCache files = cache();
  const Sha256 before = must(files.current(local, {}))->digest;
  must(write_file(folder / "repodata.json", "{\"a\":123}"));
  EXPECT_NE(must(files.current(local, {}))->digest, before);
}

TEST_F(RepodataCacheTest, AShardIsFetchedOnceAndChecked) {
  const std::string packed = test::zstd("the shard");
  const Sha256 hash = sha256_of(packed);
  origin.serve("/main/linux-64/shards/" + hash.hex() + ".msgpack.zst", packed);
  RepodataCache files = cache();
  const std::string base = subdir().url + "/shards";
  EXPECT_EQ(must(files.shard(subdir(), base, hash, {})), "the shard");
  EXPECT_EQ(must(files.shard(subdir(), base, hash, {})), "the shard");
  EXPECT_EQ(origin.total_requests(), 1U);
  const Sha256 other = sha256_of("other");
  origin.serve("/main/linux-64/shards/" + other.hex() + ".msgpack.zst", packed);
  const Result<std::string> forged = files.shard(subdir(), base, other, {});
  ASSERT_FALSE(forged.ok());
  EXPECT_EQ(forged.error().kind, ErrorKind::corrupt);
}

}  // namespace
}  // namespace athanor

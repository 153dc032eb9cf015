#include "worker/solve/index_cache.hpp"

#include "shared/net/curl_http_client.hpp"
#include "shared/os/files.hpp"
#include "tests/support/compressed.hpp"
#include "tests/support/imposter_origin.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/scratch_dir.hpp"
#include "tests/unit/worker_solve/msgpack_text.hpp"
#include "worker/solve/answer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace athanor::worker::solve {
namespace {

using athanor::test::must;
using namespace test;
using testing::ElementsAre;
using testing::HasSubstr;

// One worker's view of channels on a real server.
struct Desk {
  Desk(const athanor::test::ScratchDir& scratch, HttpClient& http, const Clock& clock)
      : sharded(options(scratch, true), http, clock, Random(1), real_sleeper()),
        whole(options(scratch, false), http, clock, Random(1), real_sleeper()),
        cache(sharded, whole, clock) {}

  static RepodataCacheOptions options(const athanor::test::ScratchDir& scratch, bool shards) {
    RepodataCacheOptions options;
    options.directory = scratch / "cache";
    options.shards = shards;
    return options;
  }

  RepodataCache sharded;
  RepodataCache whole;
  IndexCache cache;
};

class IndexCacheTest : public testing::Test {
 protected:
  void SetUp() override {
    origin.serve(
        "/json/linux-64/repodata.json.zst",
        athanor::test::zstd(document({{"python", "3.12", "zlib >=1"}, {"tool", "1", "python"}})));
    origin.serve("/json/noarch/repodata.json", document({{"zlib", "1.3", ""}}));
    serve_shards("/shards/linux-64", {{"python", "3.12", "zlib >=1"}, {"tool", "1", "python"}});
    serve_shards("/shards/noarch", {{"zlib", "1.3", ""}, {"other", "1", ""}});
  }

  struct Row {
    std::string name;
    std::string version;
    std::string depends;
  };
  static std::string document(const std::vector<Row>& rows) {
    std::string text;
    for (const Row& row : rows) {
      text += (text.empty() ? "\"" : ",\"") + row.name + "-" + row.version +
              "-0.conda\":{\"name\":\"" + row.name + "\",\"version\":\"" + row.version +
              "\",\"build\":\"0\",\"depends\":[" +
              (row.depends.empty() ? "" : "\"" + row.depends + "\"") + "]}";
    }
    return "{\"packages.conda\":{" + text + "}}";
  }
  void serve_shards(const std::string& path, const std::vector<Row>& rows) {
    std::vector<std::pair<std::string, std::string>> list;
    for (const Row& row : rows) {
      const std::vector<std::string> depends =
          row.depends.empty() ? std::vector<std::string>() : std::vector{row.depends};
      const std::string shard = athanor::test::zstd(
          mp_map({{"packages.conda", mp_map({{row.name + "-" + row.version + "-0.conda",
                                              mp_record(row.name, row.version, depends)}})}}));
      origin.serve(path + "/s/" + sha256_of(shard).hex() + ".msgpack.zst", shard);
      list.emplace_back(row.name, mp_bytes(raw_hash(sha256_of(shard))));
    }
    origin.serve(
        path + "/repodata_shards.msgpack.zst",
        athanor::test::zstd(mp_map(
            {{"info", mp_map({{"shards_base_url", mp_text("./s/")}})}, {"shards", mp_map(list)}})));
  }
  SolveRequest request(const std::vector<std::string>& channels, std::vector<std::string> specs) {
    SolveRequest request;
    request.platform = "linux-64";
    request.specs = std::move(specs);
    for (const std::string& channel : channels) {
      request.channels.push_back({.url = origin.url(channel), .fetch_url = {}});
    }
    return request;
  }
  std::vector<std::string> solve(Desk& desk, const SolveRequest& wanted) {
    const IndexLoad load = must(desk.cache.load(wanted, {}));
    auto solver = load.index->take_solver();
    std::vector<std::string> names;
    for (const SolvedPackage& package : must(answer(*solver, wanted, clock, {})).packages) {
      names.push_back(package.name);
    }
    load.index->give_back(std::move(solver));
    return names;
  }

  athanor::test::ScratchDir scratch;
  athanor::test::ImposterOrigin origin;
  athanor::test::ManualClock clock;
  std::unique_ptr<HttpClient> http =
      must(make_curl_http_client({.file_urls = FileUrls::allow, .proxies = Proxies::none}));
};

TEST_F(IndexCacheTest, EveryFormOfAnIndexHasTheSameAnswer) {
  Desk desk(scratch, *http, clock);
  EXPECT_THAT(solve(desk, request({"/json"}, {"tool"})), ElementsAre("zlib", "python", "tool"));
  EXPECT_THAT(solve(desk, request({"/shards"}, {"tool"})), ElementsAre("zlib", "python", "tool"));
  EXPECT_THAT(origin.requests("/shards/linux-64/repodata.json.zst"), 0U);
}

TEST_F(IndexCacheTest, AnIndexIsMadeOncePerMachineAndMappedAfterwards) {
  Desk first(scratch, *http, clock);
  const IndexLoad made = must(first.cache.load(request({"/json"}, {"tool"}), {}));
  EXPECT_EQ(must(first.cache.load(request({"/json"}, {"zlib"}), {})).index, made.index);
  const std::size_t asked = origin.total_requests();
  Desk second(scratch, *http, clock);  // another process
  const IndexLoad mapped = must(second.cache.load(request({"/json"}, {"tool"}), {}));
  EXPECT_EQ(origin.total_requests(), asked);
  EXPECT_EQ(mapped.index->index().records().size(), made.index->index().records().size());
  EXPECT_EQ(mapped.index->repodata(), made.index->repodata());
}

TEST_F(IndexCacheTest, ADamagedFileIsMadeAnew) {
  Desk first(scratch, *http, clock);
  must(first.cache.load(request({"/json"}, {"tool"}), {}));
  for (const DirectoryEntry& entry : must(list_directory(scratch / "cache"))) {
    if (entry.name.ends_with(".index")) {
      must(write_file(scratch / "cache" / entry.name, "rubbish"));
    }
  }
  Desk second(scratch, *http, clock);
  EXPECT_THAT(solve(second, request({"/json"}, {"tool"})), ElementsAre("zlib", "python", "tool"));
}

TEST_F(IndexCacheTest, OnlyShardsThatAreReachedAreFetched) {
  Desk desk(scratch, *http, clock);
  solve(desk, request({"/shards"}, {"python"}));
  const std::size_t asked = origin.total_requests();
  EXPECT_EQ(asked, 4U) << "two lists, python, zlib";
  solve(desk, request({"/shards"}, {"zlib", "python"}));
  EXPECT_EQ(origin.total_requests(), asked);
  solve(desk, request({"/shards"}, {"tool"}));
  EXPECT_EQ(origin.total_requests(), asked + 1);
  EXPECT_THAT(solve(desk, request({"/shards"}, {"oth*"})), ElementsAre("other"));
}

TEST_F(IndexCacheTest, ABatchIsSolvedAgainstTheStateThatItBeganWith) {
  Desk desk(scratch, *http, clock);
  SolveRequest wanted = request({"/json"}, {"zlib"});
  wanted.repodata = must(desk.cache.load(wanted, {})).index->repodata();
  ASSERT_EQ(wanted.repodata.size(), 2U);
  origin.serve("/json/noarch/repodata.json", document({{"zlib", "2.0", ""}}));
  clock.advance(std::chrono::hours(2));
  const auto version = [&](const SolveRequest& asked) {
    const IndexLoad load = must(desk.cache.load(asked, {}));
    return must(answer(*load.index->take_solver(), asked, clock, {})).packages.front().version;
  };
  EXPECT_EQ(version(wanted), "1.3");
  EXPECT_EQ(version(request({"/json"}, {"zlib"})), "2.0");
  EXPECT_EQ(version(wanted), "1.3");
}

TEST_F(IndexCacheTest, AMixtureOfFormsIsReadInFull) {
  origin.serve("/shards/linux-64/repodata.json", document({{"python", "3.12", "zlib"}}));
  origin.serve("/shards/noarch/repodata.json", document({{"zlib", "1.3", ""}}));
  Desk desk(scratch, *http, clock);
  EXPECT_THAT(solve(desk, request({"/shards", "/json"}, {"tool"})),
              ElementsAre("zlib", "python", "tool"));
}

TEST_F(IndexCacheTest, AChannelWithNeitherFolderIsUnknownAndOneWithoutThePlatformIsNot) {
  Desk desk(scratch, *http, clock);
  const auto unknown = desk.cache.load(request({"/json", "/nowhere"}, {"zlib"}), {});
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().kind, ErrorKind::invalid);
  EXPECT_THAT(unknown.error().message, HasSubstr("/nowhere has neither 'linux-64' nor 'noarch'"));
  SolveRequest elsewhere = request({"/json"}, {"zlib"});
  elsewhere.platform = "osx-arm64";
  EXPECT_THAT(solve(desk, elsewhere), ElementsAre("zlib"));
}

TEST_F(IndexCacheTest, ABrokenIndexIsToldWithItsAddress) {
  origin.serve("/bad/noarch/repodata.json", R"({"packages":{"a":)");
  Desk desk(scratch, *http, clock);
  const auto broken = desk.cache.load(request({"/bad"}, {"a"}), {});
  ASSERT_FALSE(broken.ok());
  EXPECT_EQ(broken.error().kind, ErrorKind::corrupt);
  EXPECT_THAT(broken.error().message, HasSubstr("/bad/noarch"));
}

}  // namespace
}  // namespace athanor::worker::solve

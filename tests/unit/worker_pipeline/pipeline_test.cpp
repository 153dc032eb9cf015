#include "shared/archive/transmute.hpp"
#include "shared/os/files.hpp"
#include "tests/unit/worker_pipeline/workshop.hpp"

namespace athanor::worker::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

const std::vector<Format> k_both{Format::tar_bz2, Format::conda};
constexpr const char* k_path = "/main/linux-64/demo-1.0-h0_0.tar.bz2";

TEST_F(Workshop, APackageIsFetchedMadeAndPublishedInBothFormats) {
  const std::string bytes = build_package({}, Format::tar_bz2);
  origin_.serve(k_path, bytes);
  const JobSpec spec = job(k_path, bytes, k_both);
  const JobSuccess result = succeed(spec);
  EXPECT_EQ(result.provenance, Provenance::origin);
  EXPECT_EQ(result.fetched_bytes, bytes.size());
  EXPECT_EQ(result.transmuted, 1U);
  EXPECT_EQ(result.adopted, 0U);
  ASSERT_THAT(result.formats, SizeIs(2));
  const auto objects = packages();
  ASSERT_THAT(objects, SizeIs(2));
  EXPECT_EQ(objects.at(key(spec, Format::tar_bz2, bytes)), bytes);
  for (const StoredFormat& stored : result.formats) {
    ASSERT_TRUE(objects.contains(stored.key));
    const std::string& object = objects.at(stored.key);
    EXPECT_EQ(stored.size, object.size());
    EXPECT_EQ(stored.hash, md5_of(object).hex());
    const auto file = scratch_ / ("demo-1.0-h0_0" + std::string(extension(stored.format)));
    must(write_file(file, object));
    EXPECT_THAT(must(read_index_json(file, stored.format)), HasSubstr("\"demo\""));
  }
}

TEST_F(Workshop, DoneTwiceNothingIsFetchedAndNothingChanges) {
  const std::string bytes = build_package({}, Format::conda);
  const std::string path = "/main/linux-64/demo-1.0-h0_0.conda";
  origin_.serve(path, bytes);
  const JobSpec spec = job(path, bytes, k_both);
  succeed(spec);
  const auto before = store_.objects();
  const JobSuccess again = succeed(spec);
  EXPECT_EQ(again.provenance, Provenance::none);
  EXPECT_THAT(again.formats, SizeIs(2));
  EXPECT_EQ(origin_.requests(path), 1U);
  EXPECT_EQ(store_.objects(), before);
}

TEST_F(Workshop, OnlyWhatIsWantedIsPublished) {
  const std::string bytes = build_package({}, Format::tar_bz2);
  origin_.serve(k_path, bytes);
  const JobSuccess result = succeed(job(k_path, bytes, {Format::conda}));
  ASSERT_THAT(result.formats, SizeIs(1));
  EXPECT_EQ(result.formats[0].format, Format::conda);
  EXPECT_THAT(packages(), SizeIs(1));
  ASSERT_TRUE(result.source_digest.has_value());
  EXPECT_EQ(*result.source_digest, digest_of(bytes));
}

TEST_F(Workshop, TheStoresOwnObjectIsTheSourceOfTheOtherFormat) {
  const std::string bytes = build_package({}, Format::tar_bz2);
  const JobSpec spec = job(k_path, bytes, k_both);
  put(key(spec, Format::tar_bz2, bytes), bytes);
  const JobSuccess result = succeed(spec);
  EXPECT_EQ(result.provenance, Provenance::store);
  EXPECT_EQ(result.published_bytes, packages().size() == 2 ? result.formats[0].size : 0U);
  EXPECT_EQ(origin_.total_requests(), 0U);
  EXPECT_THAT(packages(), SizeIs(2));
}

TEST_F(Workshop, AStoredObjectThatIsNotWhatItsKeySaysIsNotUsed) {
  const std::string bytes = build_package({}, Format::tar_bz2);
  const JobSpec spec = job(k_path, bytes, k_both);
  put(key(spec, Format::tar_bz2, bytes), "rotten");
  const JobFailure failed = fail(spec);
  EXPECT_EQ(failed.kind, ErrorKind::corrupt);
  EXPECT_THAT(failed.message, HasSubstr("other bytes than its key says"));
  EXPECT_THAT(packages(), SizeIs(1));
}

TEST_F(Workshop, AMadeFormatThatIsThereIsAdopted) {
  const std::string bytes = build_package({}, Format::tar_bz2);
  origin_.serve(k_path, bytes);
  const JobSpec spec = job(k_path, bytes, k_both);
  put(key(spec, Format::conda, "somebody else's"), "somebody else's");
  const JobSuccess result = succeed(spec);
  EXPECT_EQ(result.transmuted, 0U);
  EXPECT_THAT(packages(), SizeIs(2));
}

TEST_F(Workshop, ALocalDirectoryIsUsedForBytesWhoseHashIsNamed) {
  const std::string bytes = build_package({}, Format::tar_bz2);
  origin_.serve(k_path, bytes);
  std::filesystem::create_directories(scratch_ / "pkgs/linux-64");
  std::filesystem::create_directories(scratch_ / "wrong");
  must(write_file(scratch_ / "wrong/demo-1.0-h0_0.tar.bz2", std::string(bytes.size(), 'x')));
  settings_.package_dirs = {(scratch_ / "none").string(), (scratch_ / "wrong").string(),
                            (scratch_ / "pkgs").string()};
  for (const char* place : {"pkgs", "pkgs/linux-64"}) {
    SCOPED_TRACE(place);
    const std::string name = std::string(place) + "/demo-1.0-h0_0.tar.bz2";
    must(write_file(scratch_ / name, bytes));
    const JobSpec spec = job(k_path, bytes, {Format::tar_bz2});
    const JobSuccess result = succeed(spec);
    EXPECT_EQ(result.provenance, Provenance::local);
    EXPECT_EQ(result.fetched_bytes, 0U);
    EXPECT_EQ(origin_.total_requests(), 0U);
    must(remove_file(scratch_ / name));
    must(store_.remove(key(spec, Format::tar_bz2, bytes)));
  }
}

TEST_F(Workshop, ALocalFileIsNotTrustedWithoutAHash) {
  const std::string bytes = build_package({}, Format::tar_bz2);
  origin_.serve(k_path, bytes);
  must(write_file(scratch_ / "demo-1.0-h0_0.tar.bz2", bytes));
  settings_.package_dirs = {scratch_.path().string()};
  JobSpec spec = job(k_path, bytes, {Format::tar_bz2});
  spec.expected = {{.md5 = {}, .sha256 = {}, .size = bytes.size()}};
  EXPECT_EQ(succeed(spec).provenance, Provenance::origin);
}

TEST_F(Workshop, AnOriginMapLeadsElsewhereWhileKeysStay) {
  const std::string bytes = build_package({}, Format::tar_bz2);
  origin_.serve("/mirror/linux-64/demo-1.0-h0_0.tar.bz2", bytes);
  settings_.origin_map = {{"https://repo.example/main", origin_.url("/mirror")}};
  JobSpec spec = job(k_path, bytes, {Format::tar_bz2});
  spec.source_url = "https://repo.example/main/linux-64/demo-1.0-h0_0.tar.bz2";
  spec.fetch_url = spec.source_url;
  succeed(spec);
  EXPECT_THAT(packages().begin()->first, testing::StartsWith("packages/conda/repo.example/main/"));
}

TEST_F(Workshop, FileOriginsNeedTheUsersWord) {
  const std::string bytes = build_package({}, Format::tar_bz2);
  must(write_file(scratch_ / "demo-1.0-h0_0.tar.bz2", bytes));
  JobSpec spec = job(k_path, bytes, {Format::tar_bz2});
  spec.source_url = "file://" + (scratch_ / "demo-1.0-h0_0.tar.bz2").string();
  spec.fetch_url = spec.source_url;
  const JobFailure failed = fail(spec);
  EXPECT_EQ(failed.kind, ErrorKind::rejected);
  EXPECT_THAT(failed.hint, HasSubstr("--allow-file-urls"));
  settings_.allow_file_origins = true;
  EXPECT_EQ(succeed(spec).provenance, Provenance::origin);
  settings_.allow_file_origins = false;
  settings_.origin_map = {{"https://repo.example/main", "file://" + scratch_.path().string()}};
  spec.source_url = "https://repo.example/main/demo-1.0-h0_0.tar.bz2";
  spec.fetch_url = spec.source_url;
  succeed(spec);
}

TEST_F(Workshop, BytesThatNoInputExpectsGoToQuarantine) {
  const std::string bytes = build_package({}, Format::tar_bz2);
  const std::string altered = build_package({.build = "h0_0", .files = {}}, Format::tar_bz2);
  origin_.serve(k_path, altered);
  JobSpec spec = job(k_path, bytes, k_both);
  spec.expected[0].size.reset();
  const JobFailure failed = fail(spec);
  EXPECT_EQ(failed.stage, Stage::fetch);
  EXPECT_EQ(failed.kind, ErrorKind::corrupt);
  EXPECT_THAT(failed.message, HasSubstr(sha256_of(bytes).hex()));
  EXPECT_THAT(failed.message, HasSubstr(sha256_of(altered).hex()));
  EXPECT_THAT(failed.message, HasSubstr("quarantine"));
  EXPECT_THAT(store_.objects(), IsEmpty());
  EXPECT_EQ(origin_.requests(k_path), 1U) << "asking again doesn't help";
}

TEST_F(Workshop, BytesThatAnyInputExpectsAreGood) {
  const std::string bytes = build_package({}, Format::tar_bz2);
  origin_.serve(k_path, bytes);
  JobSpec spec = job(k_path, bytes, {Format::tar_bz2});
  spec.expected = {expected_of("another revision"), expected_of(bytes)};
  succeed(spec);
}

TEST_F(Workshop, WithoutAnyHashTheFoundOneIsReported) {
  const std::string bytes = build_package({}, Format::tar_bz2);
  origin_.serve(k_path, bytes);
  JobSpec spec = job(k_path, bytes, k_both);
  spec.expected.clear();
  const JobSuccess result = succeed(spec);
  EXPECT_EQ(result.source_digest, digest_of(bytes));
}

TEST_F(Workshop, AnArchiveMustBeThePackageThatItsNameSays) {
  const struct {
    const char* name;
    PackageSpec package;
    const char* says;
  } rows[] = {
      {"another name",
       {.index_json = R"({"name":"x","version":"1.0","build":"h0_0"})"},
       "name 'x'"},
      {"another version",
       {.index_json = R"({"name":"demo","version":"2","build":"h0_0"})"},
       "version '2'"},
      {"another build",
       {.index_json = R"({"name":"demo","version":"1.0","build":"b"})"},
       "build 'b'"},
      {"another platform", {.subdir = "osx-64"}, "subdir 'osx-64'"},
      {"a number for a name",
       {.index_json = R"({"name":1,"version":"1.0","build":"b"})"},
       "expected a string"},
      {"no JSON", {.index_json = "{"}, "info/index.json"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    PackageSpec package = row.package;
    const std::string bytes = build_package(package, Format::tar_bz2);
    origin_.serve(k_path, bytes);
    const JobFailure failed = fail(job(k_path, bytes, k_both));
    EXPECT_EQ(failed.stage, Stage::verify);
    EXPECT_EQ(failed.kind, ErrorKind::corrupt);
    EXPECT_THAT(failed.message, HasSubstr(row.says));
    EXPECT_THAT(failed.message, HasSubstr("quarantine"));
    EXPECT_THAT(store_.objects(), IsEmpty());
  }
}

TEST_F(Workshop, SubdirsThatDontContradictAreAccepted) {
  const struct {
    const char* name;
    std::string path;
    std::string subdir;
    std::size_t warnings;
  } rows[] = {
      {"noarch in noarch", "/main/noarch/demo-1.0-h0_0.tar.bz2", "noarch", 0},
      {"noarch in a platform's folder", "/main/linux-64/demo-1.0-h0_0.tar.bz2", "noarch", 1},
      {"a flat folder", "/files/demo-1.0-h0_0.tar.bz2", "osx-64", 0},
      {"an unknown platform", "/main/linux-fake/demo-1.0-h0_0.tar.bz2", "linux-fake", 0},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    const std::string bytes = build_package({.subdir = row.subdir}, Format::tar_bz2);
    origin_.serve(row.path, bytes);
    EXPECT_THAT(succeed(job(row.path, bytes, {Format::tar_bz2})).warnings, SizeIs(row.warnings));
  }
}

TEST_F(Workshop, AnEscapedNameIsComparedDecoded) {
  const std::string path = "/main/linux-64/demo-1%211.0-h0_0.tar.bz2";
  const std::string bytes = build_package({.version = "1!1.0"}, Format::tar_bz2);
  origin_.serve(path, bytes);
  succeed(job(path, bytes, k_both));
  EXPECT_THAT(packages().begin()->first, HasSubstr("demo-1%211.0-h0_0.tar.bz2/demo-1!1.0-h0_0."));
}

TEST_F(Workshop, ABrokenArchiveIsRefusedWhole) {
  std::string bytes = build_package({}, Format::tar_bz2);
  bytes.resize(bytes.size() / 2);
  origin_.serve(k_path, bytes);
  const JobFailure failed = fail(job(k_path, bytes, k_both));
  EXPECT_EQ(failed.kind, ErrorKind::corrupt);
  EXPECT_THAT(store_.objects(), IsEmpty());
}

TEST_F(Workshop, PypiPackagesAreCheckedAndPublishedAsTheyAre) {
  const std::string bytes = "any bytes";
  origin_.serve("/p/demo-1.0-py3-none-any.whl", bytes);
  JobSpec spec = job("/p/demo-1.0-py3-none-any.whl", bytes, {Format::whl});
  spec.type = PackageType::pypi;
  const JobSuccess result = succeed(spec);
  ASSERT_THAT(result.formats, SizeIs(1));
  EXPECT_EQ(result.formats[0].hash, sha256_of(bytes).hex());
  spec.wanted = {Format::conda};
  EXPECT_EQ(fail(spec).kind, ErrorKind::invalid);
}

TEST_F(Workshop, CredentialsAreNeverInAMessage) {
  JobSpec spec = job("/t/TOKEN/main/linux-64/demo-1.0-h0_0.tar.bz2", "x", {Format::tar_bz2});
  spec.source_url = origin_.url("/main/linux-64/demo-1.0-h0_0.tar.bz2");
  const std::string host = origin_.url("").substr(7);
  spec.fetch_url =
      "http://user:secret@" + host + "/t/TOKEN/main/linux-64/demo-1.0-h0_0.tar.bz2?k=v";
  for (const int status : {404, 401, 403, 503, 500}) {
    origin_.on_any([&](const OriginRequest&) { return answer(status); });
    const JobFailure failed = fail(spec);
    for (const char* secret : {"user", "secret", "TOKEN", "k=v"}) {
      EXPECT_THAT(failed.message + failed.hint, Not(HasSubstr(secret)));
    }
  }
}

TEST_F(Workshop, AStopLeavesNothing) {
  const std::string bytes = build_package({}, Format::tar_bz2);
  std::stop_source stop;
  // The job may have ended before the request to stop it returns: the origin has a share of its
  // own.
  origin_.on(k_path, [bytes, stop](const OriginRequest& request) mutable {
    stop.request_stop();
    return good_file(request, bytes);
  });
  ProgressCell progress;
  const auto outcome = make()->run(job(k_path, bytes, k_both), progress, stop.get_token());
  EXPECT_EQ(failure(outcome).kind, ErrorKind::canceled);
  EXPECT_THAT(store_.objects(), IsEmpty());
  EXPECT_EQ(scratch_folders(), 0U);
}

TEST_F(Workshop, EveryStageIsTimedAndMoves) {
  const std::string bytes = build_package({}, Format::tar_bz2);
  origin_.serve(k_path, bytes);
  ProgressCell progress;
  const JobSuccess result = success(make()->run(job(k_path, bytes, k_both), progress, {}));
  EXPECT_THAT(result.stage_times, SizeIs(5));
  EXPECT_EQ(progress.stage, Stage::publish);
  EXPECT_GT(progress.steps, 6U);
  EXPECT_GT(progress.bytes, bytes.size());
  EXPECT_EQ(progress.silent_until, 0);
}

}  // namespace
}  // namespace athanor::worker::test

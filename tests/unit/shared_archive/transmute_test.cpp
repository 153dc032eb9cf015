#include "shared/archive/transmute.hpp"

#include "shared/archive/members.hpp"
#include "shared/base/random.hpp"
#include "shared/base/units.hpp"
#include "tests/support/scratch_dir.hpp"
#include "tests/unit/shared_archive/package_maker.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace athanor {
namespace {

using test::RawMember;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class TransmuteTest : public testing::Test {
 protected:
  std::filesystem::path write(const std::string& name, std::string_view bytes) {
    const auto path = scratch_ / name;
    test::write_bytes(path, bytes);
    return path;
  }
  // Converts into a folder of its own, so that what is left behind can be seen.
  Result<TransmuteReport> convert(const std::filesystem::path& source, const std::string& result,
                                  const TransmuteOptions& options = {.zstd_level = 3}) {
    std::filesystem::create_directory(scratch_ / "out");
    return transmute(source, scratch_ / ("out/" + result), options);
  }
  std::vector<std::string> left_behind() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(scratch_ / "out")) {
      names.push_back(entry.path().filename().native());
    }
    return names;
  }
  std::vector<Member> members_of(const std::filesystem::path& path, Format format) {
    std::vector<Member> members;
    test::must(visit_members(path, format, {}, [&](const Member& member) {
      members.push_back(member);
      return Result<void>();
    }));
    return members;
  }
  static std::vector<std::string> paths(const std::vector<Member>& members) {
    std::vector<std::string> paths;
    for (const Member& member : members) {
      paths.push_back(member.entry.path);
    }
    return paths;
  }

  test::ScratchDir scratch_;
};

std::string noise(std::size_t size, std::uint64_t seed) {
  Random random(seed);
  std::string text;
  while (text.size() < size) {
    // Half of it repeats, so that both codecs have something to do.
    text += random.below(2) == 0 ? "the same words again " : std::to_string(random.next());
  }
  text.resize(size);
  return text;
}

// Every kind of member that a package may have.
std::vector<RawMember> odd_members() {
  return {
      {.name = "bin/tool", .content = noise(40'000, 1), .mode = 0755},
      {.name = "info/licenses/LICENSE", .content = noise(10'000, 2)},
      {.name = "information/not-info", .content = "x"},
      {.name = "Info/case", .content = "x"},
      {.name = "lib/a.so.1", .content = noise(300'000, 3)},
      {.name = "lib/a.so", .type = '2', .link = "a.so.1"},
      {.name = "lib64", .type = '2', .link = "lib"},
      {.name = "lib/dangling", .type = '2', .link = "nowhere"},
      {.name = "lib/outside", .type = '2', .link = "../../../etc"},
      {.name = "lib/absolute", .type = '2', .link = "/etc/passwd"},
      {.name = "lib/hard", .type = '1', .link = "./lib/a.so.1"},
      {.name = "var/run/", .type = '5', .mode = 01777},
      {.name = "lib/empty"},
      {.name = "bin/setuid", .content = "x", .mode = 06755},
      {.name = "lib/mode0", .content = "x", .mode = 0},
      {.name = "share/2621a", .content = "1"},
      {.name = "share/2621A", .content = "2"},
      {.name = "lib/twice", .content = "first"},
      {.name = "lib/twice", .content = "second"},
      {.name = "x", .content = "long", .pax = {{"path", "lib/" + std::string(290, 'l')}}},
      {.name = "x", .type = '2', .pax = {{"path", "lib/ll"}, {"linkpath", std::string(180, 't')}}},
      {.name = "lib/\x80\x81", .content = "bytes"},
      {.name = "lib/\xe8\x8b\xb1-\xc3\xa4.xml", .content = "utf-8"},
      {.name = "lib/a\nb", .content = "newline"},
      {.name = "lib/frac", .content = "x", .pax = {{"mtime", "1600000000.123456"}}},
      {.name = "lib/time0", .content = "x", .mtime = 0},
      {.name = "lib/owner", .content = "x", .uid = 502, .user = "joe"},
      {.name = "lib/attributes", .content = "x", .pax = {{"SCHILY.xattr.user.k", "v"}}},
      {.name = "info/paths.json", .content = R"({"paths":[],"paths_version":1})"},
  };
}

TEST_F(TransmuteTest, KeepsEveryKindOfMemberThereAndBackAgain) {
  const auto source = write("t-1-0.tar.bz2", test::make_tar_bz2(odd_members()));
  const auto there = test::must(convert(source, "t-1-0.conda"));
  EXPECT_EQ(there.members, odd_members().size() + 1);
  EXPECT_EQ(there.source.size, std::filesystem::file_size(source));
  EXPECT_EQ(there.result.sha256, sha256_of(test::read_bytes(scratch_ / "out/t-1-0.conda")));
  EXPECT_THAT(there.index_json, HasSubstr("\"name\":\"t\""));
  const auto difference =
      test::must(compare_packages(source, Format::tar_bz2, scratch_ / "out/t-1-0.conda",
                                  Format::conda, {}, CompareOwners::yes));
  EXPECT_THAT(difference.members, IsEmpty());
  EXPECT_EQ(difference.first.outside_links, 2U);

  std::filesystem::create_directory(scratch_ / "back");
  test::must(transmute(scratch_ / "out/t-1-0.conda", scratch_ / "back/t-1-0.tar.bz2", {}));
  const auto again =
      test::must(compare_packages(source, Format::tar_bz2, scratch_ / "back/t-1-0.tar.bz2",
                                  Format::tar_bz2, {}, CompareOwners::yes));
  EXPECT_THAT(again.members, IsEmpty());
  EXPECT_THAT(left_behind(), ElementsAre("t-1-0.conda"));
}

TEST_F(TransmuteTest, SplitsByTheFirstPathPartAndKeepsTheOrder) {
  const auto source = write("t-1-0.tar.bz2", test::bzip2(test::make_tar({{.name = "./bin/a"},
                                                                         test::index_json(),
                                                                         {.name = "infos"},
                                                                         {.name = "info/z"},
                                                                         {.name = "./info/a"},
                                                                         {.name = "bin/0"}})));
  test::must(convert(source, "t-1-0.conda"));
  EXPECT_THAT(paths(members_of(scratch_ / "out/t-1-0.conda", Format::conda)),
              ElementsAre("info/index.json", "info/z", "info/a", "bin/a", "infos", "bin/0"));
}

TEST_F(TransmuteTest, KeepsAPackageOfInfoOnly) {
  const auto source = write("t-1-0.tar.bz2", test::make_tar_bz2({}));
  test::must(convert(source, "t-1-0.conda"));
  EXPECT_THAT(paths(members_of(scratch_ / "out/t-1-0.conda", Format::conda)),
              ElementsAre("info/index.json"));
}

TEST_F(TransmuteTest, CopiesHardLinksBetweenTheComponents) {
  const auto source =
      write("t-1-0.tar.bz2",
            test::make_tar_bz2({{.name = "info/licenses/L", .content = "licence", .mode = 0600},
                                {.name = "share/L", .type = '1', .link = "info/licenses/L"},
                                {.name = "share/M", .type = '1', .link = "share/L"},
                                {.name = "lib/s", .type = '2', .link = "x"},
                                {.name = "info/s", .type = '1', .link = "lib/s"}}));
  test::must(convert(source, "t-1-0.conda"));
  std::map<std::string, Member> members;
  for (Member& member : members_of(scratch_ / "out/t-1-0.conda", Format::conda)) {
    members[member.entry.path] = member;
  }
  EXPECT_EQ(members["share/L"].entry.type, MemberType::file);
  EXPECT_EQ(members["share/L"].entry.mode, 0600U);
  EXPECT_EQ(members["share/L"].content, sha256_of("licence"));
  EXPECT_EQ(members["share/M"].entry.type, MemberType::hard_link);
  EXPECT_EQ(members["info/s"].entry.type, MemberType::symlink);
  EXPECT_EQ(members["info/s"].entry.link_target, "x");
}

TEST_F(TransmuteTest, MakesTheSameBytesWhateverTheThreadsAndTheUmask) {
  auto members = odd_members();
  members.push_back({.name = "lib/large", .content = noise(7'000'000, 4)});
  const auto source = write("t-1-0.tar.bz2", test::make_tar_bz2(members));
  const auto first = test::must(convert(source, "t-1-0.conda", {.zstd_level = 5, .threads = 0}));
  const mode_t before = ::umask(077);
  const auto second = test::must(convert(source, "t-1-0.conda", {.zstd_level = 5, .threads = 3}));
  ::umask(before);
  EXPECT_EQ(first.result, second.result);

  const auto conda = scratch_ / "t-1-0.conda";
  std::filesystem::rename(scratch_ / "out/t-1-0.conda", conda);
  const auto third = test::must(convert(conda, "t-1-0.tar.bz2", {.threads = 0}));
  const auto fourth = test::must(convert(conda, "t-1-0.tar.bz2", {.threads = 2}));
  EXPECT_EQ(third.result, fourth.result);
}

// What the bytes are is a promise: stores of different machines are compared by them. Whoever has
// to change a hash here says so in CHANGELOG.md, since every result then gets a new name.
TEST_F(TransmuteTest, MakesTheBytesItAlwaysMade) {
  const std::string tar =
      test::make_tar({test::index_json(),
                      {.name = "bin/tool", .content = "#!/bin/sh\n", .mode = 0755},
                      {.name = "lib/\xc3\xa4", .type = '2', .link = "x"}});
  const auto source = write("t-1-0.tar.bz2", test::bzip2(tar));
  const auto conda = test::must(convert(source, "t-1-0.conda", {.zstd_level = 6}));
  const std::string bytes = test::read_bytes(scratch_ / "out/t-1-0.conda");
  // The zip's front, whole: local header, name and content of metadata.json.
  EXPECT_EQ(bytes.substr(0, 4), std::string("PK\x03\x04", 4));
  EXPECT_EQ(bytes.substr(30, 13), "metadata.json");
  EXPECT_EQ(bytes.substr(43, 31), test::k_metadata);
  EXPECT_LT(bytes.find("pkg-t-1-0.tar.zst"), bytes.find("info-t-1-0.tar.zst"));
  EXPECT_EQ(conda.result.size, bytes.size());
  const auto back_source = scratch_ / "t-1-0.conda";
  std::filesystem::rename(scratch_ / "out/t-1-0.conda", back_source);
  const auto back = test::must(convert(back_source, "t-1-0.tar.bz2"));
  EXPECT_EQ(back.result.sha256.hex(),
            "baeb46f5008229c6edad2247599ec27ab93c63dbb7ceab1671fb4589602e2dba");
}

TEST_F(TransmuteTest, ReportsProgressForReadingAndReadingBack) {
  const auto source =
      write("t-1-0.tar.bz2", test::make_tar_bz2({{.name = "a", .content = noise(50'000, 1)}}));
  std::atomic<std::uint64_t> progress{0};
  const auto report =
      test::must(convert(source, "t-1-0.conda", {.zstd_level = 3, .progress = &progress}));
  EXPECT_EQ(progress.load(), 2 * report.unpacked_bytes);
}

TEST_F(TransmuteTest, NoticesTruncationAtEveryByteAndLeavesNothingBehind) {
  const std::string tar_bz2 = test::make_tar_bz2({{.name = "bin/a", .content = "hello"}});
  const auto source = write("t-1-0.tar.bz2", tar_bz2);
  test::must(convert(source, "t-1-0.conda"));
  const std::string conda = test::read_bytes(scratch_ / "out/t-1-0.conda");
  std::filesystem::remove(scratch_ / "out/t-1-0.conda");
  for (std::size_t length = 0; length < tar_bz2.size(); ++length) {
    write("t-1-0.tar.bz2", std::string_view(tar_bz2).substr(0, length));
    const auto report = convert(source, "t-1-0.conda");
    ASSERT_FALSE(report.ok()) << length;
    EXPECT_EQ(report.error().kind, ErrorKind::corrupt) << report.error().to_string();
  }
  for (std::size_t length = 0; length < conda.size(); ++length) {
    const auto path = write("t-1-0.conda", std::string_view(conda).substr(0, length));
    const auto report = convert(path, "t-1-0.tar.bz2");
    ASSERT_FALSE(report.ok()) << length;
    EXPECT_EQ(report.error().kind, ErrorKind::corrupt) << report.error().to_string();
  }
  EXPECT_THAT(left_behind(), IsEmpty());
}

TEST_F(TransmuteTest, NeverTakesADamagedByteForAnother) {
  const std::string tar_bz2 = test::make_tar_bz2({{.name = "bin/a", .content = "hello"}});
  const auto source = write("t-1-0.tar.bz2", tar_bz2);
  test::must(convert(source, "t-1-0.conda"));
  const std::string conda = test::read_bytes(scratch_ / "out/t-1-0.conda");
  const auto original = members_of(source, Format::tar_bz2);
  for (std::size_t at = 0; at < conda.size(); ++at) {
    std::string damaged = conda;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    const auto path = write("t-1-0.conda", damaged);
    const auto report = convert(path, "t-1-0.tar.bz2");
    if (!report) {
      continue;
    }
    // Some bits of zip headers mean nothing (times, versions); content is never changed.
    const auto members = members_of(scratch_ / "out/t-1-0.tar.bz2", Format::tar_bz2);
    ASSERT_EQ(members.size(), original.size()) << at;
    for (std::size_t i = 0; i < members.size(); ++i) {
      EXPECT_EQ(members[i].entry, original[i].entry) << at;
      EXPECT_EQ(members[i].content, original[i].content) << at;
    }
  }
}

TEST_F(TransmuteTest, StopsWhenAskedAndLeavesNothingBehind) {
  const auto source =
      write("t-1-0.tar.bz2", test::make_tar_bz2({{.name = "a", .content = noise(5'000'000, 1)}}));
  std::filesystem::create_directory(scratch_ / "out");
  std::stop_source stop;
  stop.request_stop();
  const auto report = transmute(source, scratch_ / "out/t-1-0.conda", {}, stop.get_token());
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().kind, ErrorKind::canceled);
  EXPECT_THAT(left_behind(), IsEmpty());
}

TEST_F(TransmuteTest, RefusesNamesThatDontFit) {
  const auto source = write("t-1-0.tar.bz2", test::make_tar_bz2({}));
  for (const char* const name : {"t-1-0.tar.bz2", "u-1-0.conda", "t-1-0.zip", "t-1-0"}) {
    const auto report = convert(source, name);
    ASSERT_FALSE(report.ok()) << name;
    EXPECT_EQ(report.error().kind, ErrorKind::invalid) << name;
  }
}

TEST_F(TransmuteTest, SaysThatTheSourceIsMissing) {
  const auto report = convert(scratch_ / "t-1-0.conda", "t-1-0.tar.bz2");
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().kind, ErrorKind::not_found);
}

struct Refusal {
  std::string name;
  std::function<std::string()> bytes;  // of a .tar.bz2, made only where it is needed
  ErrorKind kind;
  std::string says;
};

class TransmuteRefusals : public TransmuteTest, public testing::WithParamInterface<Refusal> {};

TEST_P(TransmuteRefusals, AreExplainedAndLeaveNothingBehind) {
  const auto report = convert(write("t-1-0.tar.bz2", GetParam().bytes()), "t-1-0.conda");
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().kind, GetParam().kind) << report.error().to_string();
  EXPECT_THAT(report.error().message, HasSubstr(GetParam().says));
  EXPECT_THAT(left_behind(), IsEmpty());
}

std::string many_links() {
  std::vector<RawMember> members = {{.name = "info/f", .content = "x"}};
  for (int i = 0; i < 70; ++i) {
    members.push_back({.name = "l" + std::to_string(i), .type = '1', .link = "info/f"});
  }
  return test::make_tar_bz2(members);
}

std::vector<Refusal> forbidden_contents() {
  return {
      {"no_index", [] { return test::bzip2(test::make_tar({{.name = "bin/a"}})); },
       ErrorKind::rejected, "no info/index.json"},
      {"index_twice", [] { return test::make_tar_bz2({test::index_json()}); }, ErrorKind::rejected,
       "twice"},
      {"index_is_a_symlink",
       [] {
         return test::bzip2(
             test::make_tar({{.name = "info/index.json", .type = '2', .link = "x"}}));
       },
       ErrorKind::rejected, "must be a file"},
      {"info_is_a_symlink",
       [] {
         return test::bzip2(test::make_tar(
             {{.name = "info", .type = '2', .link = "bin"}, {.name = "bin/index.json"}}));
       },
       ErrorKind::rejected, "must be a directory"},
      {"written_through_a_symlink",
       [] {
         return test::make_tar_bz2(
             {{.name = "lib/a", .type = '2', .link = "/tmp"}, {.name = "lib/a/x"}});
       },
       ErrorKind::rejected, "through a symlink"},
      {"directory_over_a_symlink",
       [] {
         return test::make_tar_bz2({{.name = "lib/a", .type = '2', .link = "/tmp"},
                                    {.name = "lib/a", .type = '5'},
                                    {.name = "lib/a/x"}});
       },
       ErrorKind::rejected, "replace a symlink"},
      {"file_over_a_hard_linked_symlink",
       [] {
         return test::make_tar_bz2({{.name = "a", .type = '2', .link = "/tmp/x"},
                                    {.name = "b", .type = '1', .link = "a"},
                                    {.name = "b", .content = "x"}});
       },
       ErrorKind::rejected, "replace a symlink"},
      {"hard_link_to_nothing",
       [] {
         return test::make_tar_bz2(
             {{.name = "lib/a", .type = '1', .link = "lib/later"}, {.name = "lib/later"}});
       },
       ErrorKind::rejected, "isn't a file in front"},
      {"hard_link_to_a_directory",
       [] {
         return test::make_tar_bz2(
             {{.name = "lib", .type = '5'}, {.name = "l", .type = '1', .link = "lib"}});
       },
       ErrorKind::rejected, "isn't a file in front"},
      {"too_many_links_across", many_links, ErrorKind::unsupported, "hard links between"},
      {"device", [] { return test::make_tar_bz2({{.name = "lib/n", .type = '3'}}); },
       ErrorKind::rejected, "device"},
      {"dotdot", [] { return test::make_tar_bz2({{.name = "../x"}}); }, ErrorKind::rejected,
       "'..'"},
      {"bomb_in_one_file",
       [] { return test::make_tar_bz2({{.name = "b", .content = std::string(70'000'000, '\0')}}); },
       ErrorKind::rejected, "far more than its size"},
      {"bomb_of_a_sparse_file",
       [] {
         return test::make_tar_bz2({{.name = "s",
                                     .content = "x",
                                     .pax = {{"GNU.sparse.size", "99999999999999"},
                                             {"GNU.sparse.map", "99999999999998,1"}}}});
       },
       ErrorKind::rejected, "far more than its size"},
  };
}

std::vector<Refusal> forbidden_containers() {
  const std::string half_a = test::make_tar({test::index_json(), {.name = "bin/a"}});
  return {
      {"several_streams",
       [=] { return test::bzip2(half_a.substr(0, 700)) + test::bzip2(half_a.substr(700)); },
       ErrorKind::rejected, "several bzip2 streams"},
      {"junk_behind", [=] { return test::bzip2(half_a) + "JUNK"; }, ErrorKind::rejected,
       "other bytes follow"},
      {"not_bzip2", [=] { return half_a; }, ErrorKind::corrupt, "bzip2"},
      {"empty", [] { return std::string(""); }, ErrorKind::corrupt, "bzip2"},
      {"nothing_inside", [] { return test::bzip2(""); }, ErrorKind::corrupt, "truncated"},
      {"bad_check_value",
       [] {
         std::string bytes = test::make_tar_bz2({{.name = "bin/a", .content = noise(5000, 1)}});
         bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
         return bytes;
       },
       ErrorKind::corrupt, "bzip2"},
  };
}

INSTANTIATE_TEST_SUITE_P(Contents, TransmuteRefusals, testing::ValuesIn(forbidden_contents()),
                         [](const auto& refusal) { return refusal.param.name; });
INSTANTIATE_TEST_SUITE_P(Containers, TransmuteRefusals, testing::ValuesIn(forbidden_containers()),
                         [](const auto& row) { return row.param.name; });

TEST_F(TransmuteTest, ReadsIndexJsonOfBothFormats) {
  const auto source = write("t-1-0.tar.bz2", test::make_tar_bz2({{.name = "a"}}));
  test::must(convert(source, "t-1-0.conda"));
  const std::string expected = test::index_json().content;
  EXPECT_EQ(test::must(read_index_json(source, Format::tar_bz2)), expected);
  EXPECT_EQ(test::must(read_index_json(scratch_ / "out/t-1-0.conda", Format::conda)), expected);
}

TEST_F(TransmuteTest, SaysThatThereIsNoIndexJson) {
  const auto source = write("t-1-0.tar.bz2", test::bzip2(test::make_tar({{.name = "a"}})));
  const auto text = read_index_json(source, Format::tar_bz2);
  ASSERT_FALSE(text.ok());
  EXPECT_EQ(text.error().kind, ErrorKind::rejected);
}

// --- Members ------------------------------------------------------------------------------------

TEST_F(TransmuteTest, ChecksAPackageAgainstItsManifest) {
  const std::string content = "hello";
  const std::string paths =
      R"({"paths":[{"_path":"bin/a","path_type":"hardlink","sha256":")" + sha256_of(content).hex() +
      R"(","size_in_bytes":5},{"_path":"bin/b","path_type":"hardlink","sha256":")" +
      sha256_of("other").hex() +
      R"(","size_in_bytes":5},{"_path":"gone","path_type":"hardlink"}],"paths_version":1})";
  const auto source =
      write("t-1-0.tar.bz2", test::make_tar_bz2({{.name = "bin/a", .content = content},
                                                 {.name = "bin/b", .content = content},
                                                 {.name = "info/paths.json", .content = paths}}));
  const PackageCheck check = test::must(check_package(source, Format::tar_bz2, {}));
  EXPECT_EQ(check.manifest, ManifestState::differs);
  EXPECT_EQ(check.manifest_files, 3U);
  EXPECT_THAT(check.manifest_problems,
              ElementsAre("bin/b: its SHA-256 differs", "gone: isn't in the package"));
}

TEST_F(TransmuteTest, ChecksAPackageAgainstItsName) {
  const auto source = write("u-1-0.tar.bz2", test::make_tar_bz2({}));
  const auto check = check_package(source, Format::tar_bz2, {});
  ASSERT_FALSE(check.ok());
  EXPECT_THAT(check.error().message, HasSubstr("is for 't-1-0'"));
}

TEST_F(TransmuteTest, SaysHowPackagesDiffer) {
  const auto first =
      write("t-1-0.tar.bz2", test::make_tar_bz2({{.name = "same", .content = "x"},
                                                 {.name = "mode", .content = "x"},
                                                 {.name = "content", .content = "x"},
                                                 {.name = "link", .type = '2', .link = "x"},
                                                 {.name = "first"}}));
  std::filesystem::create_directory(scratch_ / "other");
  const auto second = write("other/t-1-0.tar.bz2",
                            test::make_tar_bz2({{.name = "same", .content = "x"},
                                                {.name = "mode", .content = "x", .mode = 0755},
                                                {.name = "content", .content = "y"},
                                                {.name = "link", .type = '2', .link = "y"},
                                                {.name = "second"}}));
  const auto difference = test::must(
      compare_packages(first, Format::tar_bz2, second, Format::tar_bz2, {}, CompareOwners::no));
  std::vector<std::string> lines;
  for (const MemberDifference& member : difference.members) {
    lines.push_back(member.path + "|" + member.what);
  }
  EXPECT_THAT(lines, ElementsAre("content|content", "first|", "link|target 'x', 'y'",
                                 "mode|mode 0644, 0755", "second|"));
}

}  // namespace
}  // namespace athanor

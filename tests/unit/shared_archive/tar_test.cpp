#include "shared/archive/tar_reader.hpp"
#include "shared/archive/tar_writer.hpp"
#include "shared/base/random.hpp"
#include "tests/unit/shared_archive/package_maker.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace athanor {
namespace {

using test::RawMember;
using testing::HasSubstr;

struct ReadMember {
  TarEntry entry;
  std::string content;
};

// Gives its bytes in pieces of one size, so that nothing depends on how they arrive.
class PieceSource final : public ByteSource {
 public:
  PieceSource(std::string_view bytes, std::size_t piece)
      : memory_(test::as_bytes(bytes)),
        piece_(piece) {}

  Result<std::size_t> read(std::span<std::uint8_t> out) override {
    return memory_.read(out.first(std::min(out.size(), piece_)));
  }

 private:
  MemorySource memory_;
  std::size_t piece_;
};

Result<std::vector<ReadMember>> read_tar(std::string_view tar, std::size_t piece = 1 << 20) {
  PieceSource source(tar, piece);
  TarReader reader(source);
  std::vector<ReadMember> members;
  while (true) {
    ATHANOR_ASSIGN(auto entry, reader.next());
    if (!entry) {
      return members;
    }
    members.push_back({*std::move(entry), {}});
    while (true) {
      ATHANOR_ASSIGN(const auto content, reader.read_content());
      if (content.empty()) {
        break;
      }
      members.back().content += test::as_text(content);
    }
  }
}

ReadMember read_one(const RawMember& member) {
  auto members = test::must(read_tar(test::make_tar({member})));
  EXPECT_EQ(members.size(), 1U);
  return members.at(0);
}

std::string write_tar(const std::vector<ReadMember>& members) {
  std::vector<std::uint8_t> out;
  MemorySink sink(out);
  TarWriter writer(sink);
  for (const ReadMember& member : members) {
    test::must(writer.begin(member.entry));
    test::must(writer.write(test::as_bytes(member.content)));
  }
  test::must(writer.finish());
  return test::as_text(out);
}

TEST(TarReader, ReadsWhatAHeaderSays) {
  const ReadMember member = read_one({.name = "lib/a",
                                      .content = "hello",
                                      .mode = 04751,
                                      .mtime = 1'234'567'890,
                                      .uid = 502,
                                      .user = "joe"});
  EXPECT_EQ(member.entry.type, MemberType::file);
  EXPECT_EQ(member.entry.path, "lib/a");
  EXPECT_EQ(member.entry.mode, 04751U);
  EXPECT_EQ(member.entry.size, 5U);
  EXPECT_EQ(member.entry.uid, 502U);
  EXPECT_EQ(member.entry.user, "joe");
  EXPECT_EQ(member.entry.modified, (TarTime{1'234'567'890, ""}));
  EXPECT_EQ(member.content, "hello");
}

TEST(TarReader, NormalisesNames) {
  EXPECT_EQ(read_one({.name = "./info//a/./b"}).entry.path, "info/a/b");
  EXPECT_EQ(read_one({.name = "lib/", .type = '5'}).entry.path, "lib");
}

TEST(TarReader, LeavesThePackagesRootOut) {
  const auto members =
      test::must(read_tar(test::make_tar({{.name = "./", .type = '5'}, {.name = "a"}})));
  ASSERT_EQ(members.size(), 1U);
  EXPECT_EQ(members[0].entry.path, "a");
}

TEST(TarReader, TakesALongNameFromEachDialect) {
  const std::string name = "lib/" + std::string(180, 'x');
  EXPECT_EQ(read_one({.name = "short", .pax = {{"path", name}}}).entry.path, name);
  EXPECT_EQ(read_one({.name = "short", .before = {{'L', name + '\0'}}}).entry.path, name);
  EXPECT_EQ(read_one({.name = std::string(90, 'y'), .prefix = std::string(80, 'x')}).entry.path,
            std::string(80, 'x') + "/" + std::string(90, 'y'));
}

TEST(TarReader, IgnoresThePrefixFieldOfGnuHeadersWhereTimesStand) {
  EXPECT_EQ(read_one({.name = "a", .magic = std::string("ustar  \0", 8), .prefix = "14000000000"})
                .entry.path,
            "a");
}

TEST(TarReader, TakesLongLinkTargetsFromEachDialect) {
  const std::string target = "../" + std::string(180, 't');
  EXPECT_EQ(read_one({.name = "a", .type = '2', .pax = {{"linkpath", target}}}).entry.link_target,
            target);
  EXPECT_EQ(
      read_one({.name = "a", .type = '2', .before = {{'K', target + '\0'}}}).entry.link_target,
      target);
}

TEST(TarReader, ReadsNumbersBeyondOctal) {
  const std::string base256{"\x80\0\0\0\0\0\0\0\0\0\0\x05", 12};
  EXPECT_EQ(read_one({.name = "a", .content = "12345", .size_field = base256}).content, "12345");
  EXPECT_EQ(read_one({.name = "a", .pax = {{"uid", "5000000"}}}).entry.uid, 5'000'000U);
}

TEST(TarReader, KeepsFractionsOfTimesAndLiftsTimesBefore1970) {
  EXPECT_EQ(read_one({.name = "a", .pax = {{"mtime", "1600000000.1234560"}}}).entry.modified,
            (TarTime{1'600'000'000, "123456"}));
  EXPECT_EQ(read_one({.name = "a", .pax = {{"mtime", "-5.5"}}}).entry.modified, TarTime{});
}

TEST(TarReader, KeepsExtendedAttributesAndDropsOtherRecords) {
  const ReadMember member = read_one({.name = "a",
                                      .pax = {{"comment", "hi"},
                                              {"SCHILY.xattr.user.b", "2"},
                                              {"LIBARCHIVE.xattr.user.a", "1"},
                                              {"atime", "1"}}});
  EXPECT_EQ(member.entry.attributes, (std::vector<PaxRecord>{{"LIBARCHIVE.xattr.user.a", "1"},
                                                             {"SCHILY.xattr.user.b", "2"}}));
}

TEST(TarReader, TakesOwnersFromGlobalRecordsUnlessAMemberSaysOtherwise) {
  std::string records;
  append_pax_record(records, "uname", "all");
  append_pax_record(records, "comment", "a commit");
  const auto members =
      test::must(read_tar(test::make_tar({{.name = "g", .content = records, .type = 'g'},
                                          {.name = "a", .user = "header"},
                                          {.name = "b", .pax = {{"uname", "own"}}}})));
  ASSERT_EQ(members.size(), 2U);
  EXPECT_EQ(members[0].entry.user, "all");
  EXPECT_EQ(members[1].entry.user, "own");
}

std::string sparse_numbers(const std::vector<std::uint64_t>& numbers) {
  std::string text;
  for (const std::uint64_t number : numbers) {
    std::string digits(12, '\0');
    std::uint64_t rest = number;
    for (std::size_t i = 11; i > 0; --i, rest >>= 3U) {
      digits[i - 1] = static_cast<char>('0' + (rest & 7U));
    }
    text += digits;
  }
  return text;
}

TEST(TarReader, FillsTheHolesOfSparseFilesInEveryFormat) {
  const std::string whole = "AAAA" + std::string(200'000, '\0') + "BB" + std::string(1'000, '\0');
  std::string old_header = sparse_numbers({0, 4, 200'004, 2});
  old_header.resize(96 + 1, '\0');
  old_header += sparse_numbers({whole.size()});
  std::string text_map = "2\n0\n4\n200004\n2\n";
  text_map.resize(k_tar_block_bytes);
  const std::string size = std::to_string(whole.size());
  const std::vector<RawMember> forms = {
      {.name = "s", .content = "AAAABB", .type = 'S', .raw_header = old_header},
      {.name = "s",
       .content = "AAAABB",
       .pax = {{"GNU.sparse.size", size},
               {"GNU.sparse.numblocks", "2"},
               {"GNU.sparse.offset", "0"},
               {"GNU.sparse.numbytes", "4"},
               {"GNU.sparse.offset", "200004"},
               {"GNU.sparse.numbytes", "2"}}},
      {.name = "GNUSparseFile.0/s",
       .content = "AAAABB",
       .pax = {{"GNU.sparse.size", size},
               {"GNU.sparse.map", "0,4,200004,2"},
               {"GNU.sparse.name", "s"}}},
      {.name = "GNUSparseFile.0/s",
       .content = text_map + "AAAABB",
       .pax = {{"GNU.sparse.major", "1"},
               {"GNU.sparse.minor", "0"},
               {"GNU.sparse.realsize", size},
               {"GNU.sparse.name", "s"}}},
  };
  for (const RawMember& form : forms) {
    const auto members = test::must(read_tar(test::make_tar({form, {.name = "next"}})));
    ASSERT_EQ(members.size(), 2U);
    EXPECT_EQ(members[0].entry.path, "s");
    EXPECT_EQ(members[0].entry.size, whole.size());
    EXPECT_EQ(members[0].content, whole);
    EXPECT_EQ(members[1].entry.path, "next");
  }
}

TEST(TarReader, DoesntDependOnHowBytesArrive) {
  const std::string tar = test::make_tar({{.name = "a", .content = std::string(3000, 'a')},
                                          {.name = "b", .pax = {{"path", std::string(300, 'b')}}},
                                          {.name = "c", .content = "c"}});
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{511}, tar.size()}) {
    const auto members = test::must(read_tar(tar, piece));
    ASSERT_EQ(members.size(), 3U);
    EXPECT_EQ(members[0].content, std::string(3000, 'a'));
    EXPECT_EQ(members[1].entry.path, std::string(300, 'b'));
    EXPECT_EQ(members[2].content, "c");
  }
}

TEST(TarReader, NoticesTruncationAtEveryByte) {
  const std::string tar = test::make_tar(
      {{.name = "a", .content = std::string(700, 'a')}, {.name = "b", .pax = {{"path", "bb"}}}});
  for (std::size_t length = 0; length < tar.size(); ++length) {
    const auto members = read_tar(std::string_view(tar).substr(0, length));
    ASSERT_FALSE(members.ok()) << length;
    EXPECT_EQ(members.error().kind, ErrorKind::corrupt) << length;
  }
}

struct Refusal {
  std::string name;
  std::vector<RawMember> members;
  ErrorKind kind;
  std::string says;
};

class TarRefusals : public testing::TestWithParam<Refusal> {};

TEST_P(TarRefusals, AreExplained) {
  const auto members = read_tar(test::make_tar(GetParam().members));
  ASSERT_FALSE(members.ok());
  EXPECT_EQ(members.error().kind, GetParam().kind);
  EXPECT_THAT(members.error().to_string(), HasSubstr(GetParam().says));
}

std::string records_of(const std::vector<PaxRecord>& records) {
  std::string text;
  for (const auto& [key, value] : records) {
    append_pax_record(text, key, value);
  }
  return text;
}

INSTANTIATE_TEST_SUITE_P(
    All, TarRefusals,
    testing::Values(
        Refusal{"dotdot", {{.name = "../x"}}, ErrorKind::rejected, "'..' part"},
        Refusal{"dotdot_inside", {{.name = "a/../../x"}}, ErrorKind::rejected, "'..' part"},
        Refusal{"absolute", {{.name = "/etc/x"}}, ErrorKind::rejected, "absolute"},
        Refusal{"windows_dotdot", {{.name = "a\\..\\x"}}, ErrorKind::rejected, "'..' part"},
        Refusal{"windows_drive", {{.name = "./C:/x"}}, ErrorKind::rejected, "drive letter"},
        Refusal{"pax_dotdot",
                {{.name = "a", .pax = {{"path", "../x"}}}},
                ErrorKind::rejected,
                "'..' part"},
        Refusal{"nul_in_name",
                {{.name = "a", .pax = {{"path", std::string("a\0b", 3)}}}},
                ErrorKind::rejected,
                "NUL"},
        Refusal{"name_too_long",
                {{.name = "a", .pax = {{"path", std::string(40'000, 'x')}}}},
                ErrorKind::rejected,
                "too long"},
        Refusal{"fifo", {{.name = "f", .type = '6'}}, ErrorKind::rejected, "named pipe"},
        Refusal{"char_device", {{.name = "f", .type = '3'}}, ErrorKind::rejected, "device"},
        Refusal{"block_device", {{.name = "f", .type = '4'}}, ErrorKind::rejected, "device"},
        Refusal{
            "unknown_type", {{.name = "f", .type = 'V'}}, ErrorKind::rejected, "unknown type 'V'"},
        Refusal{"hard_link_outside",
                {{.name = "f", .type = '1', .link = "/etc/passwd"}},
                ErrorKind::rejected,
                "outside"},
        Refusal{"hard_link_dotdot",
                {{.name = "f", .type = '1', .link = "../x"}},
                ErrorKind::rejected,
                "outside"},
        Refusal{"hard_link_with_content",
                {{.name = "f", .content = "x", .type = '1', .link = "a"}},
                ErrorKind::rejected,
                "size without being a file"},
        Refusal{"directory_with_content",
                {{.name = "d", .content = "x", .type = '5'}},
                ErrorKind::rejected,
                "size without being a file"},
        Refusal{"symlink_without_target",
                {{.name = "l", .type = '2'}},
                ErrorKind::corrupt,
                "no target"},
        Refusal{"two_sizes",
                {{.name = "a", .content = "12345", .pax = {{"size", "0"}}}},
                ErrorKind::rejected,
                "two sizes"},
        Refusal{"two_names",
                {{.name = "a", .pax = {{"path", "x"}}, .before = {{'L', "y"}}}},
                ErrorKind::rejected,
                "two names"},
        Refusal{"two_long_names",
                {{.name = "a", .before = {{'L', "x"}, {'L', "y"}}}},
                ErrorKind::rejected,
                "two headers"},
        Refusal{"global_path",
                {{.name = "g", .content = records_of({{"path", "x"}}), .type = 'g'}, {.name = "a"}},
                ErrorKind::rejected,
                "'path' for all"},
        Refusal{"record_twice",
                {{.name = "a", .pax = {{"path", "x"}, {"path", "y"}}}},
                ErrorKind::corrupt,
                "twice"},
        Refusal{"bad_records",
                {{.name = "a", .before = {{'x', "8 path=x\n"}}}},
                ErrorKind::corrupt,
                "malformed"},
        Refusal{"file_named_like_a_directory",
                {{.name = "a/"}},
                ErrorKind::rejected,
                "name of a directory"},
        Refusal{"size_not_a_number",
                {{.name = "a", .size_field = "0000000009x"}},
                ErrorKind::corrupt,
                "isn't a number"},
        Refusal{"giant_pax_header",
                {{.name = "a", .before = {{'x', std::string(2 << 20, 'x')}}}},
                ErrorKind::rejected,
                "larger than"},
        Refusal{"sparse_pieces_overlap",
                {{.name = "s",
                  .content = "AAAA",
                  .pax = {{"GNU.sparse.size", "100"}, {"GNU.sparse.map", "10,2,11,2"}}}},
                ErrorKind::corrupt,
                "sparse"},
        Refusal{"sparse_beyond_its_end",
                {{.name = "s",
                  .content = "AAAA",
                  .pax = {{"GNU.sparse.size", "3"}, {"GNU.sparse.map", "0,4"}}}},
                ErrorKind::corrupt,
                "sparse"}),
    [](const auto& row) { return row.param.name; });

TEST(TarReader, RefusesBytesBehindTheEnd) {
  std::string tar = test::make_tar({{.name = "a"}});
  tar += test::make_tar({{.name = "hidden"}});
  const auto members = read_tar(tar);
  ASSERT_FALSE(members.ok());
  EXPECT_EQ(members.error().kind, ErrorKind::rejected);
}

TEST(TarReader, WantsTheEndMarked) {
  const auto members = read_tar(test::make_tar({{.name = "a"}}, test::TarEnd::missing));
  ASSERT_FALSE(members.ok());
  EXPECT_EQ(members.error().kind, ErrorKind::corrupt);
}

TEST(TarReader, RefusesAWrongChecksum) {
  std::string tar = test::make_tar({{.name = "a"}});
  tar[0] = 'b';
  const auto members = read_tar(tar);
  ASSERT_FALSE(members.ok());
  EXPECT_THAT(members.error().message, HasSubstr("checksum"));
}

// --- The writer ---------------------------------------------------------------------------------

TEST(TarWriter, WritesPlainHeadersWithoutExtensions) {
  const std::string tar = write_tar({{{.path = "lib/a", .mode = 0644, .size = 2}, "hi"}});
  EXPECT_EQ(tar.size(), 10'240U);
  EXPECT_EQ(tar.substr(0, 6), std::string("lib/a\0", 6));
  EXPECT_EQ(tar[156], '0');
  EXPECT_EQ(tar.substr(257, 8), std::string("ustar\00000", 8));
  EXPECT_EQ(tar.substr(512, 3), std::string("hi\0", 3));
}

TEST(TarWriter, SplitsLongAsciiPathsIntoThePrefix) {
  const std::string directory(150, 'd');
  const std::string tar = write_tar({{{.path = directory + "/f"}, ""}});
  EXPECT_EQ(tar[156], '0');  // no extension in front
  EXPECT_EQ(tar.substr(345, 150), directory);
}

TEST(TarWriter, KeepsBytesThatAreNotUtf8) {
  const std::string name = "lib/\x80\x81";
  const std::string tar = write_tar({{{.path = name}, ""}});
  EXPECT_EQ(tar.substr(0, name.size()), name);
  const std::string long_name = std::string(300, 'n') + "\xff";
  const auto members = test::must(read_tar(write_tar({{{.path = long_name}, ""}})));
  EXPECT_EQ(members.at(0).entry.path, long_name);
}

TEST(TarWriter, SaysSizesBeyondEightGigabytesOnce) {
  std::vector<std::uint8_t> out;
  MemorySink sink(out);
  TarWriter writer(sink);
  test::must(writer.begin({.path = "big", .size = k_tar_octal_max + 1}));
  const std::string head = test::as_text(out);
  EXPECT_THAT(head, HasSubstr(" size=8589934592\n"));
  EXPECT_EQ(head.substr(1024 + 124, 12), std::string("00000000000\0", 12));
}

// Random entries: whatever the reader can say, the writer can write and the reader reads again.
TEST(TarWriter, IsTheReadersInverse) {
  Random random(20'260'131);
  const auto text = [&](std::size_t most) {
    std::string value;
    const std::size_t length = 1 + random.below(most);
    constexpr std::string_view k_letters = "abc-._XYZ\xc3\xa4\xe2\x82\xac \n\x80";
    while (value.size() < length) {
      value += k_letters[random.below(k_letters.size())];
    }
    return value;
  };
  std::vector<ReadMember> members;
  for (int i = 0; i < 2000; ++i) {
    ReadMember member;
    TarEntry& entry = member.entry;
    entry.type = static_cast<MemberType>(random.below(4));
    for (std::uint64_t parts = 1 + random.below(4); parts > 0; --parts) {
      entry.path += (entry.path.empty() ? "p" : "/p") + text(random.below(10) == 0 ? 120 : 20);
    }
    entry.mode = static_cast<std::uint32_t>(random.below(010000));
    entry.uid = random.below(3) == 0 ? random.next() >> 1U : random.below(3000);
    entry.gid = random.below(3) == 0 ? 4'000'000 : random.below(3000);
    entry.user = random.below(2) == 0 ? "" : "user";
    entry.group = random.below(2) == 0 ? "" : std::string(40, 'g');
    entry.modified.seconds = random.below(4) == 0 ? k_tar_octal_max + 7 : random.below(1U << 31U);
    entry.modified.fraction = random.below(2) == 0 ? "" : "25";
    if (random.below(10) == 0) {
      entry.attributes = {{"SCHILY.xattr.user.k", text(30)}};
    }
    if (entry.type == MemberType::symlink || entry.type == MemberType::hard_link) {
      entry.link_target = "t" + text(150);
    }
    if (entry.type == MemberType::file) {
      member.content = std::string(random.below(1500), 'c');
      entry.size = member.content.size();
    }
    members.push_back(std::move(member));
  }
  const std::string tar = write_tar(members);
  const auto again = test::must(read_tar(tar));
  ASSERT_EQ(again.size(), members.size());
  for (std::size_t i = 0; i < members.size(); ++i) {
    EXPECT_EQ(again[i].entry, members[i].entry) << i;
    EXPECT_EQ(again[i].content, members[i].content) << i;
  }
  EXPECT_EQ(write_tar(again), tar);
}

}  // namespace
}  // namespace athanor

#include "shared/archive/conda_container.hpp"
#include "shared/archive/crc32.hpp"
#include "shared/archive/zip_directory.hpp"
#include "shared/os/fd.hpp"
#include "tests/support/scratch_dir.hpp"
#include "tests/unit/shared_archive/package_maker.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

namespace athanor {
namespace {

using test::RawZipMember;
using testing::HasSubstr;

class Zip : public testing::Test {
 protected:
  Result<std::vector<ZipMember>> read(const std::string& bytes) {
    const auto path = scratch_ / "file.zip";
    test::write_bytes(path, bytes);
    const Fd fd = test::must(open_file(path, O_RDONLY));
    return read_zip_directory(fd, path, bytes.size());
  }
  Result<CondaParts> read_conda(const std::vector<RawZipMember>& members) {
    const std::string bytes = test::make_zip(members);
    const auto path = scratch_ / "t-1-0.conda";
    test::write_bytes(path, bytes);
    const Fd fd = test::must(open_file(path, O_RDONLY));
    return read_conda_container(fd, path, bytes.size(), "t-1-0");
  }
  void expect_refused(const std::string& bytes, ErrorKind kind, const std::string& says) {
    const auto members = read(bytes);
    ASSERT_FALSE(members.ok());
    EXPECT_EQ(members.error().kind, kind);
    EXPECT_THAT(members.error().message, HasSubstr(says));
  }

  test::ScratchDir scratch_;
};

TEST(Crc32, IsThatOfZipFiles) {
  EXPECT_EQ(crc32(0, test::as_bytes("123456789")), 0xcbf43926U);
}

TEST(Crc32, CanBePutTogetherFromPieces) {
  const std::string text = "the quick brown fox jumps over the lazy dog, again and again";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    const auto first = test::as_bytes(std::string_view(text).substr(0, cut));
    const auto second = test::as_bytes(std::string_view(text).substr(cut));
    EXPECT_EQ(combine_crc32(crc32(0, first), crc32(0, second), second.size()),
              crc32(0, test::as_bytes(text)));
  }
}

TEST_F(Zip, FindsMembersWithAndWithoutDescriptors) {
  const auto members =
      test::must(read(test::make_zip({{.name = "a", .content = "AAA"},
                                      {.name = "b", .content = "BB", .descriptor = true},
                                      {.name = "c", .content = ""}})));
  ASSERT_EQ(members.size(), 3U);
  EXPECT_EQ(members[0].name, "a");
  EXPECT_EQ(members[0].offset, 31U);
  EXPECT_EQ(members[0].size, 3U);
  EXPECT_EQ(members[1].size, 2U);
  EXPECT_EQ(members[2].size, 0U);
}

TEST_F(Zip, NoticesTruncationAtEveryByte) {
  const std::string zip = test::make_zip(
      {{.name = "a", .content = "AAA"}, {.name = "b", .content = "BB", .descriptor = true}});
  for (std::size_t length = 0; length < zip.size(); ++length) {
    EXPECT_FALSE(read(zip.substr(0, length)).ok()) << length;
  }
}

TEST_F(Zip, RefusesWhatReadersWouldDisagreeAbout) {
  expect_refused(test::make_zip({{.name = "a", .content = "x", .method = 8}}), ErrorKind::rejected,
                 "compressed");
  expect_refused(test::make_zip({{.name = "a", .content = "x", .flags = 1}}), ErrorKind::rejected,
                 "encrypted");
  expect_refused(test::make_zip({{.name = "a", .content = "x", .local_name = "b"}}),
                 ErrorKind::rejected, "two ways");
  expect_refused(test::make_zip({{.name = "a", .content = "x", .gap = "hidden"}}),
                 ErrorKind::rejected, "hidden in front of its directory");
  expect_refused(test::make_zip({{.name = "a", .content = "x", .gap = "hidden"}, {.name = "b"}}),
                 ErrorKind::rejected, "hidden between");
  expect_refused("hidden" + test::make_zip({{.name = "a"}}), ErrorKind::rejected, "directory");
  expect_refused(test::make_zip({{.name = "a"}}) + "trailing", ErrorKind::corrupt, "follows");
  expect_refused(test::make_zip({{.name = "a"}}, "comment"), ErrorKind::corrupt, "follows");
  expect_refused(test::make_zip(std::vector<RawZipMember>(100, {.name = "a"})), ErrorKind::rejected,
                 "more members");
}

TEST_F(Zip, RefusesOverlappingMembers) {
  std::string zip =
      test::make_zip({{.name = "a", .content = "AAA"}, {.name = "b", .content = "B"}});
  // The second directory record is made to point at the first member.
  const std::size_t second = zip.rfind(std::string("PK\x01\x02", 4));
  ASSERT_NE(second, std::string::npos);
  zip.replace(second + 42, 4, std::string(4, '\0'));
  expect_refused(zip, ErrorKind::rejected, "overlap");
}

TEST_F(Zip, ReadsASoundPackage) {
  const CondaParts parts = test::must(read_conda(test::conda_members("t-1-0")));
  EXPECT_EQ(parts.pkg.name, "pkg-t-1-0.tar.zst");
  EXPECT_EQ(parts.info.name, "info-t-1-0.tar.zst");
}

TEST_F(Zip, ReadsAnOldPackageWithoutMetadata) {
  auto members = test::conda_members("t-1-0");
  members.erase(members.begin());
  EXPECT_TRUE(read_conda(members).ok());
}

TEST_F(Zip, RefusesContainersThatClientsCannotRead) {
  const auto refused = [&](const std::vector<RawZipMember>& members, ErrorKind kind,
                           const std::string& says) {
    const auto parts = read_conda(members);
    ASSERT_FALSE(parts.ok());
    EXPECT_EQ(parts.error().kind, kind) << parts.error().to_string();
    EXPECT_THAT(parts.error().message, HasSubstr(says));
  };
  const auto sound = test::conda_members("t-1-0");
  refused({sound[0], sound[1]}, ErrorKind::rejected, "lacks 'info-t-1-0.tar.zst'");
  refused({sound[0], sound[2]}, ErrorKind::rejected, "lacks 'pkg-t-1-0.tar.zst'");
  refused(test::conda_members("other-1-0"), ErrorKind::rejected, "doesn't belong");
  refused({sound[0], sound[1], sound[1], sound[2]}, ErrorKind::rejected, "twice");
  refused({sound[0], sound[0], sound[1], sound[2]}, ErrorKind::rejected, "twice");
  refused({sound[0], sound[1], sound[2], {.name = "extra", .content = "x"}}, ErrorKind::rejected,
          "'extra'");
  refused({{.name = "metadata.json", .content = R"({"conda_pkg_format_version": 3})"},
           sound[1],
           sound[2]},
          ErrorKind::unsupported, "other than 2");
  refused({{.name = "metadata.json", .content = "{}"}, sound[1], sound[2]}, ErrorKind::rejected,
          "conda_pkg_format_version");
  refused({{.name = "metadata.json", .content = test::k_metadata, .crc_wrong = true},
           sound[1],
           sound[2]},
          ErrorKind::corrupt, "damaged");
}

// Members beyond 4 GiB can't be made in a test, but their headers can: the reader must find in them
// what the writer put there.
TEST_F(Zip, SpeaksZip64AboutALargeComponent) {
  const auto path = scratch_ / "sparse.conda";
  const std::uint64_t size = 5'000'000'000;
  const std::string pkg_name = component_name("pkg", "t-1-0");
  const std::string info_name = component_name("info", "t-1-0");
  const std::uint64_t pkg_offset = conda_front().size() + conda_header_bytes(pkg_name, Zip64::yes);
  const ZipMember pkg{.name = pkg_name, .offset = pkg_offset, .size = size, .crc = 7};
  const ZipMember info{.name = info_name,
                       .offset = pkg_offset + size + conda_header_bytes(info_name, Zip64::no),
                       .size = 3,
                       .crc = 9};
  const std::uint64_t directory = info.offset + info.size;
  const std::string tail = conda_directory(pkg, info, Zip64::yes, directory);
  Fd fd = test::must(open_file(path, O_RDWR | O_CREAT));
  const auto put = [&](std::uint64_t offset, const std::string& bytes) {
    ASSERT_EQ(::pwrite(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset)),
              static_cast<ssize_t>(bytes.size()));
  };
  put(0, conda_front() + conda_header(pkg, Zip64::yes));
  put(pkg_offset + size, conda_header(info, Zip64::no) + "xyz");
  put(directory, tail);
  const auto members = test::must(read_zip_directory(fd, path, directory + tail.size()));
  ASSERT_EQ(members.size(), 3U);
  EXPECT_EQ(members[1], pkg);
  EXPECT_EQ(members[2], info);
}

}  // namespace
}  // namespace athanor

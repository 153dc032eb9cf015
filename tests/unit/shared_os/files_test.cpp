#include "shared/os/files.hpp"

#include "shared/os/atomic_file.hpp"
#include "shared/os/file_lock.hpp"
#include "shared/os/machine.hpp"
#include "tests/support/results.hpp"
#include "tests/support/scratch_dir.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>

namespace athanor {
namespace {

using test::must;
using ::testing::HasSubstr;

TEST(Files, WhatIsWrittenIsReadBack) {
  const test::ScratchDir dir;
  const std::string bytes("a\0b\xff\n", 5);
  must(write_file(dir / "f", bytes));
  EXPECT_EQ(must(read_file(dir / "f", 5)), bytes);
  EXPECT_EQ(must(size_of_file(dir / "f")), 5U);
}

TEST(Files, AFileOverTheLimitIsRejectedAndNamed) {
  const test::ScratchDir dir;
  must(write_file(dir / "big", std::string(1025, 'x')));
  const auto result = read_file(dir / "big", 1024);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::rejected);
  EXPECT_THAT(result.error().message, HasSubstr("big"));
  EXPECT_THAT(result.error().message, HasSubstr("1.0 KiB"));
}

TEST(Files, AFileWithoutAnnouncedSizeIsReadWhole) {
  EXPECT_GT(must(read_file("/proc/self/status", 1 << 20)).size(), 100U);
  EXPECT_FALSE(read_file("/dev/zero", 1 << 20));
}

TEST(Files, AnAbsentFileIsAbsentOrNotFoundAsAsked) {
  const test::ScratchDir dir;
  EXPECT_EQ(must(read_file_if_exists(dir / "no", 10)), std::nullopt);
  EXPECT_EQ(must(size_of_file(dir / "no")), std::nullopt);
  const auto result = read_file(dir / "no", 10);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::not_found);
  EXPECT_THAT(result.error().message, HasSubstr((dir / "no").string()));
}

TEST(Files, ADirectoryIsNotRead) {
  const test::ScratchDir dir;
  EXPECT_EQ(read_file(dir.path(), 10).error().kind, ErrorKind::rejected);
}

TEST(Files, DirectoriesAreMadeWithTheirParentsAndMayExist) {
  const test::ScratchDir dir;
  must(make_directories(dir / "a/b/c", Durability::synced));
  must(make_directories(dir / "a/b/c", Durability::synced));
  must(make_directories(dir / "a/b/d/", Durability::none));
  const auto entries = must(list_directory(dir / "a/b"));
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].name, "c");
  EXPECT_EQ(entries[0].type, FileType::directory);
}

TEST(Files, AFileInTheWayOfADirectoryIsRejected) {
  const test::ScratchDir dir;
  must(write_file(dir / "f", ""));
  EXPECT_EQ(make_directories(dir / "f", Durability::none).error().kind, ErrorKind::rejected);
  EXPECT_FALSE(make_directories(dir / "f/g", Durability::none));
}

TEST(Files, AListingIsSortedByBytesAndKnowsTypes) {
  const test::ScratchDir dir;
  must(write_file(dir / "b", ""));
  must(write_file(dir / "\xc3\xa4", ""));
  must(make_directories(dir / "B", Durability::none));
  std::filesystem::create_symlink("nowhere", dir / "link");
  std::vector<std::string> names;
  for (const auto& entry : must(list_directory(dir.path()))) {
    names.push_back(entry.name);
    EXPECT_EQ(entry.type == FileType::symlink, entry.name == "link");
  }
  EXPECT_EQ(names, (std::vector<std::string>{"B", "b", "link", "\xc3\xa4"}));
}

TEST(Files, ReadAtStopsAtTheEnd) {
  const test::ScratchDir dir;
  must(write_file(dir / "f", "0123456789"));
  const Fd fd = must(open_file(dir / "f", O_RDONLY));
  std::array<std::uint8_t, 8> buffer{};
  EXPECT_EQ(must(read_at(fd, 2, buffer, "f")), 8U);
  EXPECT_EQ(buffer[0], '2');
  EXPECT_EQ(must(read_at(fd, 7, buffer, "f")), 3U);
  EXPECT_EQ(must(read_at(fd, 10, buffer, "f")), 0U);
}

TEST(Files, RemovingATreeDoesNotFollowLinks) {
  const test::ScratchDir dir;
  must(make_directories(dir / "keep", Durability::none));
  must(write_file(dir / "keep/f", "x"));
  must(make_directories(dir / "gone/deep", Durability::none));
  std::filesystem::create_directory_symlink(dir / "keep", dir / "gone/link");
  must(remove_tree(dir / "gone"));
  must(remove_tree(dir / "gone"));
  EXPECT_TRUE(std::filesystem::exists(dir / "keep/f"));
  EXPECT_FALSE(std::filesystem::exists(dir / "gone"));
}

TEST(Files, AFullDiskIsWorthTryingAgain) {
  const auto result = write_file("/dev/full", "x");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::retry);
  EXPECT_THAT(result.error().message, HasSubstr("No space left"));
}

TEST(AtomicFile, AppearsOnlyWhenCommitted) {
  const test::ScratchDir dir;
  must(write_file(dir / "f", "old"));
  {
    AtomicFile file = must(AtomicFile::create(dir / "f"));
    must(file.write("new"));
    EXPECT_EQ(must(read_file(dir / "f", 10)), "old");
    must(file.commit());
  }
  EXPECT_EQ(must(read_file(dir / "f", 10)), "new");
  EXPECT_EQ(must(list_directory(dir.path())).size(), 1U);
}

TEST(AtomicFile, LeavesNothingBehindWhenNotCommitted) {
  const test::ScratchDir dir;
  {
    AtomicFile file = must(AtomicFile::create(dir / std::string(250, 'n')));
    must(file.write("half"));
    const AtomicFile moved = std::move(file);
    EXPECT_EQ(must(list_directory(dir.path())).size(), 1U);
  }
  EXPECT_TRUE(must(list_directory(dir.path())).empty());
}

TEST(AtomicFile, HonoursModeAndUmask) {
  const test::ScratchDir dir;
  const mode_t old = ::umask(027);
  must(write_file_atomically(dir / "f", "x"));
  ::umask(old);
  struct stat status {};
  ASSERT_EQ(::stat((dir / "f").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0640U);
}

TEST(FileLock, IsHeldByOneUntilItGoes) {
  const test::ScratchDir dir;
  {
    const FileLock lock = must(FileLock::acquire(dir / "l", FileLock::Mode::exclusive));
    EXPECT_FALSE(must(FileLock::try_acquire(dir / "l", FileLock::Mode::shared)).has_value());
  }
  const FileLock one = must(FileLock::acquire(dir / "l", FileLock::Mode::shared));
  EXPECT_TRUE(must(FileLock::try_acquire(dir / "l", FileLock::Mode::shared)).has_value());
}

TEST(TempDir, GoesWithItsContents) {
  std::filesystem::path path;
  {
    const TempDir dir = must(TempDir::create("athanor-test-"));
    path = dir.path();
    must(make_directories(path / "a/b", Durability::none));
    must(write_file(path / "a/b/f", "x"));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(TempDir, StaysWhenReleased) {
  const test::ScratchDir parent;
  std::filesystem::path path;
  {
    TempDir dir = must(TempDir::create(parent.path(), "t-"));
    path = dir.release();
  }
  EXPECT_TRUE(std::filesystem::is_directory(path));
}

TEST(Machine, KnowsItself) {
  EXPECT_GE(cpu_count(), 1U);
  EXPECT_FALSE(host_name().empty());
  EXPECT_FALSE(user_name().empty());
  const test::ScratchDir dir;
  const DiskSpace space = must(disk_space(dir.path()));
  EXPECT_GT(space.total_bytes, 0U);
  EXPECT_LE(space.free_bytes, space.total_bytes);
  EXPECT_EQ(disk_space(dir / "none").error().kind, ErrorKind::not_found);
}

}  // namespace
}  // namespace athanor

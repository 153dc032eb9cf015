#include "shared/base/units.hpp"
#include "shared/os/files.hpp"
#include "shared/store/open_store.hpp"
#include "tests/support/results.hpp"
#include "tests/support/scratch_dir.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

namespace athanor {
namespace {

using test::must;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class LocalStoreTest : public testing::Test {
 protected:
  std::unique_ptr<Store> open() const {
    return must(open_store((dir / "store").string(), CreateStore::yes));
  }
  static ObjectSource bytes(std::string text) { return ObjectSource::from_bytes(std::move(text)); }
  ObjectSource file(const std::string& name, const std::string& text, SourceFile whose) const {
    must(write_file(dir / name, text, 0600));
    const Digest digest{.md5 = md5_of(text), .sha256 = sha256_of(text), .size = text.size()};
    return ObjectSource::from_file(dir / name, digest, whose);
  }
  struct stat status(const std::string& name) const {
    struct stat result {};
    EXPECT_EQ(::stat((dir / name).c_str(), &result), 0) << name;
    return result;
  }

  test::ScratchDir dir;
};

TEST_F(LocalStoreTest, AnObjectIsAFileUnderItsKey) {
  must(open()->put_if_absent("a/b+c%20d", bytes("x")));
  EXPECT_EQ(must(read_file(dir / "store/a/b+c%20d", 10)), "x");
}

TEST_F(LocalStoreTest, NothingUnfinishedIsLeftOrListed) {
  const auto store = open();
  must(store->put_if_absent("k", bytes("x")));
  must(store->put_if_absent("k", bytes("y")));
  must(store->put("k", bytes("z"), std::nullopt));
  std::vector<std::string> left;
  for (const auto& entry : must(list_directory(dir / "store/.athanor/tmp"))) {
    left.push_back(entry.name);
  }
  EXPECT_THAT(left, ElementsAre("lock"));
  std::vector<std::string> keys;
  must(store->list("", [&](const ObjectInfo& info) -> Result<void> {
    keys.push_back(info.key);
    return {};
  }));
  EXPECT_THAT(keys, ElementsAre("k"));
  EXPECT_THAT(must(store->list_folder(".athanor/")), IsEmpty());
}

TEST_F(LocalStoreTest, LeftoversOfCrashesGoWhenTheyAreOld) {
  must(make_directories(dir / "store/.athanor/tmp", Durability::none));
  must(write_file(dir / "store/.athanor/tmp/put-old", "half"));
  must(write_file(dir / "store/.athanor/tmp/put-new", "half"));
  const std::array<timespec, 2> long_ago{timespec{.tv_sec = 1'000'000, .tv_nsec = 0},
                                         timespec{.tv_sec = 1'000'000, .tv_nsec = 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (dir / "store/.athanor/tmp/put-old").c_str(), long_ago.data(), 0),
            0);
  must(open()->put_if_absent("k", bytes("x")));
  EXPECT_FALSE(std::filesystem::exists(dir / "store/.athanor/tmp/put-old"));
  EXPECT_TRUE(std::filesystem::exists(dir / "store/.athanor/tmp/put-new"));
}

TEST_F(LocalStoreTest, ReadingAStoreWritesNothingIntoIt) {
  must(make_directories(dir / "store", Durability::none));
  const auto store = must(open_store((dir / "store").string(), CreateStore::no));
  must(store->find("k"));
  must(store->list_folder(""));
  EXPECT_THAT(must(list_directory(dir / "store")), IsEmpty());
}

TEST_F(LocalStoreTest, AGivenFileIsLinkedAndABorrowedOneCopied) {
  const auto store = open();
  const std::string text(10'000, 'x');
  must(store->put_if_absent("given", file("g", text, SourceFile::given)));
  must(store->put_if_absent("borrowed", file("b", text, SourceFile::borrowed)));
  EXPECT_EQ(status("store/given").st_ino, status("g").st_ino);
  EXPECT_NE(status("store/borrowed").st_ino, status("b").st_ino);
}

TEST_F(LocalStoreTest, AGivenFileWithAnotherNameIsCopied) {
  const auto store = open();
  const auto source = file("g", "text", SourceFile::given);
  std::filesystem::create_hard_link(dir / "g", dir / "also");
  must(store->put_if_absent("k", source));
  EXPECT_NE(status("store/k").st_ino, status("g").st_ino);
}

TEST_F(LocalStoreTest, ModesFollowTheUmaskWhateverTheSourceHad) {
  const mode_t old = ::umask(027);
  const auto store = open();
  must(store->put_if_absent("a/bytes", bytes("x")));
  must(store->put_if_absent("a/given", file("g", "text", SourceFile::given)));
  must(store->put("a/alias", bytes("x"), std::nullopt));
  ::umask(old);
  for (const char* name : {"store/a/bytes", "store/a/given", "store/a/alias"}) {
    EXPECT_EQ(status(name).st_mode & 0777U, 0640U) << name;
  }
  EXPECT_EQ(status("store/a").st_mode & 0777U, 0750U);
}

TEST_F(LocalStoreTest, EmptyDirectoriesAreNoFolders) {
  const auto store = open();
  must(make_directories(dir / "store/p/q/r", Durability::none));
  EXPECT_THAT(must(store->list_folder("p/")), IsEmpty());
  must(store->put_if_absent("p/q/r/s/t", bytes("x")));
  EXPECT_EQ(must(store->list_folder("p/")).size(), 1U);
}

TEST_F(LocalStoreTest, SymlinksAreFollowedToFilesAndNotInCircles) {
  const auto store = open();
  must(make_directories(dir / "store/p", Durability::none));
  must(write_file(dir / "elsewhere", "there"));
  std::filesystem::create_symlink(dir / "elsewhere", dir / "store/p/link");
  std::filesystem::create_symlink("nowhere", dir / "store/p/dangling");
  EXPECT_EQ(must(read_object(*store, "p/link", 100)), "there");
  EXPECT_EQ(must(store->list_folder("p/")).size(), 1U);
  std::filesystem::create_directory_symlink(dir / "store", dir / "store/p/circle");
  const auto result = store->list("", [](const ObjectInfo&) { return Result<void>(); });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::rejected);
}

TEST_F(LocalStoreTest, AFileInTheWayOfAFolderIsRejected) {
  const auto store = open();
  must(store->put_if_absent("a", bytes("x")));
  const auto under = store->put_if_absent("a/b", bytes("y"));
  ASSERT_FALSE(under);
  EXPECT_THAT(under.error().message, HasSubstr("a/b"));
  must(store->put_if_absent("c/d", bytes("x")));
  EXPECT_FALSE(store->put_if_absent("c", bytes("y")));
}

TEST_F(LocalStoreTest, AReadOnlyStoreIsRejectedWithWords) {
  must(make_directories(dir / "store", Durability::none));
  std::filesystem::permissions(dir.path(), std::filesystem::perms(0755));
  const bool is_root = ::geteuid() == 0;
  std::filesystem::permissions(dir / "store", std::filesystem::perms(0555));
  if (is_root && ::seteuid(65534) != 0) {  // root may write anywhere
    GTEST_SKIP() << "can't become another user here";
  }
  const auto store = must(open_store((dir / "store").string(), CreateStore::no));
  const auto result = store->put_if_absent("k", bytes("x"));
  if (is_root) {
    ASSERT_EQ(::seteuid(0), 0);
  }
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::rejected);
  EXPECT_THAT(result.error().to_string(), HasSubstr((dir / "store").string()));
  EXPECT_THAT(result.error().hint, HasSubstr("permissions"));
}

TEST_F(LocalStoreTest, AStopWhileCopyingLeavesNothing) {
  const auto store = open();
  std::stop_source source;
  source.request_stop();
  const auto result = store->put_if_absent(
      "k", file("b", std::string(100, 'x'), SourceFile::borrowed), source.get_token());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::canceled);
  EXPECT_THAT(must(list_directory(dir / "store/.athanor/tmp")), IsEmpty());
}

TEST(OpenStore, PathsAndUrlsNameTheSameDirectory) {
  const test::ScratchDir dir;
  const std::string path = (dir / "a b").string();
  const auto store = must(open_store(path, CreateStore::yes));
  EXPECT_EQ(store->url(), "file://" + dir.path().string() + "/a%20b");
  must(store->put_if_absent("k", ObjectSource::from_bytes("x")));
  const auto same = must(open_store(store->url(), CreateStore::no));
  EXPECT_EQ(must(read_object(*same, "k", 10)), "x");
}

TEST(OpenStore, WhatCannotBeOpenedIsExplained) {
  const test::ScratchDir dir;
  must(write_file(dir / "f", ""));
  struct Row {
    std::string url;
    ErrorKind kind;
    const char* words;
  };
  const Row rows[] = {
      {(dir / "none").string(), ErrorKind::not_found, "none"},
      {(dir / "f").string(), ErrorKind::invalid, "not a directory"},
      {"ftp://host/x", ErrorKind::invalid, "file://"},
      {"file://host/x", ErrorKind::invalid, "another machine"},
      {"", ErrorKind::invalid, "no directory"},
  };
  for (const Row& row : rows) {
    const auto store = open_store(row.url, CreateStore::no);
    ASSERT_FALSE(store) << row.url;
    EXPECT_EQ(store.error().kind, row.kind) << row.url;
    EXPECT_THAT(store.error().to_string(), HasSubstr(row.words));
  }
}

}  // namespace
}  // namespace athanor

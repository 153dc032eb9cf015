#include "worker/workspace/workspace.hpp"

#include "shared/os/files.hpp"
#include "shared/os/machine.hpp"
#include "tests/support/results.hpp"
#include "tests/support/scratch_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace athanor::worker {
namespace {

namespace fs = std::filesystem;
using test::must;
using test::ScratchDir;
using testing::HasSubstr;

void write(const fs::path& path, std::string_view text) {
  std::ofstream(path) << text;
}

std::size_t folders(const fs::path& parent) {
  std::size_t count = 0;
  for (const auto& root : fs::directory_iterator(parent)) {
    for (const auto& entry : fs::directory_iterator(root.path())) {
      count += entry.path().filename().string().starts_with("process-") ? 1U : 0U;
    }
  }
  return count;
}

TEST(Workspace, AScratchFolderIsPrivateAndGoesWithItsObject) {
  const ScratchDir parent;
  auto workspace = must(Workspace::open({.parent = parent.path()}));
  fs::path path;
  {
    Scratch scratch = must(workspace->make_scratch());
    path = scratch.path();
    struct stat status {};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0700U);
    fs::create_directories(path / "a/b");
    write(path / "a/b/c", "x");
    const Scratch moved = std::move(scratch);
    EXPECT_TRUE(fs::exists(path));
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST(Workspace, NothingIsLeftWhenAWorkerEnds) {
  const ScratchDir parent;
  must(Workspace::open({.parent = parent.path()}));
  EXPECT_EQ(folders(parent.path()), 0U);
}

TEST(Workspace, WhatADeadProcessLeftIsSweptAndWhatALivingOneHasIsNot) {
  const ScratchDir parent;
  const pid_t child = ::fork();
  if (child == 0) {
    auto workspace = Workspace::open({.parent = parent.path()});
    auto scratch = (*workspace)->make_scratch();
    write(scratch->path() / "half", "written");
    ::_exit(0);  // as kill -9 would: no destructor runs
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(folders(parent.path()), 1U);
  auto first = must(Workspace::open({.parent = parent.path()}));
  EXPECT_EQ(folders(parent.path()), 1U) << "the dead one's is gone";
  auto second = must(Workspace::open({.parent = parent.path()}));
  EXPECT_EQ(folders(parent.path()), 2U);
  EXPECT_TRUE(fs::exists(first->path()));
}

TEST(Workspace, ARootThatIsOpenToOthersIsRefused) {
  const ScratchDir parent;
  const fs::path root = parent / ("athanor-scratch-" + std::to_string(::geteuid()));
  fs::create_directory(root);
  ASSERT_EQ(::chmod(root.c_str(), 0777), 0);
  const auto workspace = Workspace::open({.parent = parent.path()});
  ASSERT_FALSE(workspace.ok());
  EXPECT_EQ(workspace.error().kind, ErrorKind::rejected);
  fs::remove(root);
  fs::create_directory_symlink("/tmp", root);
  EXPECT_FALSE(Workspace::open({.parent = parent.path()}).ok());
}

TEST(Workspace, AMissingParentIsSaid) {
  const ScratchDir parent;
  const auto workspace = Workspace::open({.parent = parent / "none"});
  ASSERT_FALSE(workspace.ok());
  EXPECT_EQ(workspace.error().kind, ErrorKind::not_found);
}

TEST(Workspace, JobsShareOneDiskBudget) {
  const ScratchDir parent;
  auto workspace = must(Workspace::open({.parent = parent.path()}));
  const std::uint64_t free = must(disk_space(parent.path())).free_bytes;
  Scratch one = must(workspace->make_scratch());
  must(one.reserve(free / 2));
  {
    Scratch two = must(workspace->make_scratch());
    const Result<void> refused = two.reserve(free * 3 / 4);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().kind, ErrorKind::retry);
    EXPECT_THAT(refused.error().message, HasSubstr("free"));
    must(two.reserve(free / 4));
  }
  must(one.reserve(free / 4));
  Scratch three = must(workspace->make_scratch());
  must(three.reserve(free / 2));
}

TEST(Workspace, QuarantineKeepsTheNewestAndEachOnce) {
  const ScratchDir parent;
  auto workspace = must(Workspace::open({.parent = parent.path()}));
  Scratch scratch = must(workspace->make_scratch());
  fs::path last;
  for (std::size_t i = 0; i < Workspace::k_quarantined + 5; ++i) {
    write(scratch.path() / "bad", std::to_string(i));
    last = must(workspace->quarantine(scratch.path() / "bad", "../" + std::to_string(i)));
    write(scratch.path() / "bad", std::to_string(i));
    EXPECT_EQ(must(workspace->quarantine(scratch.path() / "bad", "../" + std::to_string(i))), last);
  }
  const auto entries = must(list_directory(last.parent_path()));
  EXPECT_EQ(entries.size(), Workspace::k_quarantined);
  EXPECT_EQ(last.parent_path().filename(), "quarantine");
  EXPECT_EQ(must(read_file(last, 100)), std::to_string(Workspace::k_quarantined + 4));
}

}  // namespace
}  // namespace athanor::worker

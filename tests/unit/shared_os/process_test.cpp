#include "shared/os/process.hpp"

#include "shared/os/files.hpp"
#include "shared/os/signals.hpp"
#include "tests/support/results.hpp"
#include "tests/support/scratch_dir.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <thread>

namespace athanor {
namespace {

using test::must;
using ::testing::HasSubstr;

SpawnOptions shell(std::string script) {
  return {.program = "sh", .arguments = {"-c", std::move(script)}};
}

TEST(ChildProcess, ItsExitCodeIsSeen) {
  ChildProcess child = must(ChildProcess::spawn(shell("exit 3")));
  const ExitStatus status = child.wait();
  EXPECT_EQ(status.code, 3);
  EXPECT_FALSE(status.success());
  EXPECT_EQ(status.to_string(), "exited with code 3");
  EXPECT_FALSE(child.signal(SIGTERM));
}

TEST(ChildProcess, AProgramThatDoesNotExistIsNotFound) {
  for (const char* program : {"no-such-program-at-all", "/no/such/program"}) {
    const auto child = ChildProcess::spawn({.program = program});
    ASSERT_FALSE(child);
    EXPECT_EQ(child.error().kind, ErrorKind::not_found);
    EXPECT_THAT(child.error().message, HasSubstr(program));
  }
}

TEST(ChildProcess, AFileThatCannotBeRunIsRejected) {
  const test::ScratchDir dir;
  must(write_file(dir / "f", "x", 0644));
  EXPECT_EQ(ChildProcess::spawn({.program = dir / "f"}).error().kind, ErrorKind::rejected);
}

TEST(ChildProcess, ArgumentsEnvironmentAndOutputArriveAsGiven) {
  const test::ScratchDir dir;
  const Fd out = must(open_file(dir / "out", O_WRONLY | O_CREAT));
  SpawnOptions options = shell("printf '%s|%s|%s' \"$1\" \"$ATHANOR_X\" \"$(cat)\"");
  options.arguments.insert(options.arguments.end(), {"sh", "a b'\"$c"});
  options.environment = {{"ATHANOR_X", "y z"}};
  options.stdout_fd = out.get();
  EXPECT_TRUE(must(ChildProcess::spawn(options)).wait().success());
  EXPECT_EQ(must(read_file(dir / "out", 100)), "a b'\"$c|y z|");
}

TEST(ChildProcess, AKilledChildSaysSo) {
  ChildProcess child = must(ChildProcess::spawn({.program = "sleep", .arguments = {"1000"}}));
  EXPECT_FALSE(child.poll().has_value());
  EXPECT_FALSE(child.wait_for(std::chrono::milliseconds(1)).has_value());
  EXPECT_TRUE(child.signal(SIGKILL));
  const ExitStatus status = child.wait();
  EXPECT_EQ(status.signal, SIGKILL);
  EXPECT_THAT(status.to_string(), HasSubstr("signal 9"));
}

TEST(ChildProcess, ItsPidfdIsReadableWhenItHasEnded) {
  ChildProcess child = must(ChildProcess::spawn({.program = "true"}));
  pollfd item{.fd = child.pidfd(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&item, 1, 30'000), 1);
  EXPECT_TRUE(child.poll().has_value());
}

TEST(ChildProcess, DiesWithItsParentWhenAskedTo) {
  // The thread that spawns is the parent that counts.
  std::optional<ChildProcess> child;
  std::thread([&] {
    child = must(ChildProcess::spawn(
        {.program = "sleep", .arguments = {"1000"}, .with_parent = WithParent::die}));
  }).join();
  const auto status = child->wait_for(std::chrono::seconds(30));
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(status->signal, SIGKILL);
}

TEST(ChildProcess, InheritsNoDescriptorAndNoBlockedSignal) {
  const test::ScratchDir dir;
  const Fd mine = must(open_file(dir / "mine", O_WRONLY | O_CREAT));
  const Fd out = must(open_file(dir / "out", O_WRONLY | O_CREAT));
  SignalQueue queue = must(SignalQueue::open({SIGUSR1}));
  SpawnOptions options = shell("test ! -e /proc/self/fd/" + std::to_string(mine.get()) +
                               " || echo leaked; grep SigBlk /proc/self/status");
  options.stdout_fd = out.get();
  EXPECT_TRUE(must(ChildProcess::spawn(options)).wait().success());
  EXPECT_EQ(must(read_file(dir / "out", 1000)), "SigBlk:\t0000000000000000\n");
}

TEST(SignalQueue, SignalsBecomeReadableAndAreCounted) {
  SignalQueue queue = must(SignalQueue::open({SIGUSR1, SIGUSR2}));
  EXPECT_TRUE(queue.take().empty());
  ::kill(::getpid(), SIGUSR2);
  pollfd item{.fd = queue.fd(), .events = POLLIN, .revents = 0};
  ASSERT_EQ(::poll(&item, 1, 30'000), 1);
  EXPECT_EQ(queue.take(), std::vector<int>{SIGUSR2});
  EXPECT_EQ(queue.count(), 1U);
  EXPECT_TRUE(queue.take().empty());
}

TEST(CurrentExecutable, IsThisProgram) {
  EXPECT_THAT(must(current_executable()).filename().string(), HasSubstr("unit_"));
}

}  // namespace
}  // namespace athanor

#include "shared/cli/exit_status.hpp"

#include <gtest/gtest.h>

namespace athanor::cli {
namespace {

TEST(ExitStatus, TheNumbersAreAContract) {
  EXPECT_EQ(code(ExitStatus::ready), 0);
  EXPECT_EQ(code(ExitStatus::partial), 1);
  EXPECT_EQ(code(ExitStatus::usage), 2);
  EXPECT_EQ(code(ExitStatus::refused), 3);
  EXPECT_EQ(code(ExitStatus::work_to_do), 10);
  EXPECT_EQ(code(ExitStatus::try_later), 75);
  EXPECT_EQ(code(ExitStatus::interrupted), 130);
  EXPECT_EQ(code(ExitStatus::terminated), 143);
}

TEST(ExitStatus, ACommandThatFailsEndsByWhatThePersonMayDo) {
  EXPECT_EQ(exit_status_of(ErrorKind::invalid), ExitStatus::usage);
  EXPECT_EQ(exit_status_of(ErrorKind::not_found), ExitStatus::usage);
  EXPECT_EQ(exit_status_of(ErrorKind::unsupported), ExitStatus::usage);
  EXPECT_EQ(exit_status_of(ErrorKind::corrupt), ExitStatus::refused);
  EXPECT_EQ(exit_status_of(ErrorKind::rejected), ExitStatus::refused);
  EXPECT_EQ(exit_status_of(ErrorKind::retry), ExitStatus::try_later);
  EXPECT_EQ(exit_status_of(ErrorKind::canceled), ExitStatus::interrupted);
  EXPECT_EQ(exit_status_of(ErrorKind::bug), ExitStatus::partial);
}

}  // namespace
}  // namespace athanor::cli

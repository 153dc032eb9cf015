#include "coordinator/server/failure_status.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace athanor::coordinator {
namespace {

using cli::ExitStatus;

struct Row {
  const char* name;
  std::vector<ErrorKind> kinds;
  ExitStatus status;
};

class StatusOfFailures : public testing::TestWithParam<Row> {};

TEST_P(StatusOfFailures, IsWhatThePersonMayDo) {
  EXPECT_EQ(status_of_failures(GetParam().kinds), GetParam().status);
}

using enum ErrorKind;

INSTANTIATE_TEST_SUITE_P(
    Kinds, StatusOfFailures,
    testing::Values(
        Row{"none", {}, ExitStatus::ready}, Row{"hash_mismatch", {corrupt}, ExitStatus::refused},
        Row{"no_permission", {rejected}, ExitStatus::refused},
        Row{"one_refusal_among_others", {retry, not_found, corrupt}, ExitStatus::refused},
        Row{"throttled", {retry, retry}, ExitStatus::try_later},
        Row{"canceled", {retry, canceled}, ExitStatus::try_later},
        Row{"gone", {not_found}, ExitStatus::partial},
        Row{"gone_and_throttled", {retry, not_found}, ExitStatus::partial},
        Row{"unsupported", {unsupported}, ExitStatus::partial},
        Row{"our_own_mistake", {bug}, ExitStatus::partial}),
    [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace athanor::coordinator

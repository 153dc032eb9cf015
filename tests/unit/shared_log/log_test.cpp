#include "shared/log/log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace athanor {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::Not;

std::string logged(LogOptions options, std::string_view message,
                   std::initializer_list<LogField> fields) {
  std::ostringstream out;
  Logger logger(options, out);
  logger.info(message, fields);
  return out.str();
}

TEST(Log, TextLinesNameTimeLevelAndFields) {
  const std::string line = logged({}, "worker joined", {{"name", "host/7"}, {"slots", 4}});
  EXPECT_THAT(line, MatchesRegex("....-..-..T..:..:..\\....Z info    worker joined name=host/7 "
                                 "slots=4\n"));
}

TEST(Log, JsonLinesAreObjects) {
  const std::string line = logged({.form = LogForm::json}, "it \"works\"",
                                  {{"path", "a\\b"}, {"bytes", 12U}, {"ok", true}});
  EXPECT_THAT(line, EndsWith("\"level\":\"info\",\"message\":\"it \\\"works\\\"\","
                             "\"path\":\"a\\\\b\",\"bytes\":12,\"ok\":true}\n"));
}

TEST(Log, NobodyCanForgeALine) {
  for (const LogForm form : {LogForm::text, LogForm::json}) {
    const std::string line = logged({.form = form}, "a\nb", {{"key", "x\r\ny \x1b[31m {} %v"}});
    EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
    EXPECT_THAT(line, Not(HasSubstr("\x1b")));
    EXPECT_THAT(line, HasSubstr("{} %v"));
  }
}

TEST(Log, ValuesWithBlanksAreQuotedInText) {
  EXPECT_THAT(logged({}, "m", {{"key", "two words"}, {"empty", ""}}),
              EndsWith("m key=\"two words\" empty=\"\"\n"));
}

TEST(Log, LesserLevelsAreDropped) {
  EXPECT_THAT(logged({.level = LogLevel::warning}, "m", {}), IsEmpty());
  EXPECT_THAT(logged({.level = LogLevel::off}, "m", {}), IsEmpty());
}

TEST(Log, SecretsAreNotPrinted) {
  const Redacted<std::string> secret("hunter2");
  std::ostringstream stream;
  stream << secret;
  EXPECT_EQ(stream.str(), "***");
  EXPECT_THAT(logged({}, "m", {{"token", secret}}), EndsWith("m token=***\n"));
  EXPECT_EQ(secret.reveal(), "hunter2");
}

TEST(Log, LevelsHaveNames) {
  EXPECT_EQ(log_level_from_string("warning"), LogLevel::warning);
  EXPECT_EQ(log_level_from_string("loud"), std::nullopt);
  EXPECT_EQ(to_string(LogLevel::error), "error");
}

}  // namespace
}  // namespace athanor

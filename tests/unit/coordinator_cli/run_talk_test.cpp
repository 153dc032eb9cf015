#include "coordinator/cli/run_talk.hpp"

#include "tests/support/manual_clock.hpp"
#include "tests/support/results.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <sstream>
#include <string>

namespace athanor::coordinator {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::must;
using testing::HasSubstr;
using testing::Not;

class RunTalkTest : public testing::Test {
 protected:
  RunTalk& talk(RunTalkOptions options) {
    talk_.emplace(options, std::make_shared<Plan>(), context_,
                  [] { return cli::ScreenSize{.columns = 80, .rows = 24}; });
    talk_->on_event(BatchAccepted{.batch = BatchId{1}, .name = "run", .new_jobs = 2});
    return *talk_;
  }

  test::ManualClock clock_;
  std::istringstream in_;
  std::ostringstream out_;
  std::ostringstream err_;
  VerbContext context_{.in = in_,
                       .out = out_,
                       .err = err_,
                       .out_terminal = {},
                       .err_terminal = {},
                       .environment = [](std::string_view) { return std::nullopt; },
                       .clock = clock_,
                       .program = {},
                       .working_directory = {},
                       .common = {}};
  std::optional<RunTalk> talk_;
};

TEST_F(RunTalkTest, WithoutATerminalAHeartbeatComesEveryThirtySeconds) {
  RunTalk& quiet = talk({});
  quiet.tick();
  clock_.advance(seconds(29));
  quiet.tick();
  EXPECT_THAT(err_.str(), Not(HasSubstr("[00:")));
  clock_.advance(seconds(1));
  quiet.tick();
  quiet.tick();
  EXPECT_THAT(err_.str(), HasSubstr("[00:30] 0/2 packages"));
  clock_.advance(seconds(30));
  quiet.tick();
  EXPECT_THAT(err_.str(), HasSubstr("[01:00]"));
  EXPECT_EQ(err_.str().find('\x1b'), std::string::npos);
}

TEST_F(RunTalkTest, AShortRunShowsNoBar) {
  RunTalk& bar = talk({.style = ProgressStyle::bar});
  clock_.advance(milliseconds(999));
  bar.tick();
  EXPECT_THAT(err_.str(), Not(HasSubstr("0/2 packages")));
  clock_.advance(milliseconds(1));
  bar.tick();
  EXPECT_THAT(err_.str(), HasSubstr("0/2 packages"));
}

TEST_F(RunTalkTest, TheBarGoesWithTheRunAndTheCursorComesBack) {
  RunTalk& bar = talk({.style = ProgressStyle::bar});
  clock_.advance(seconds(2));
  bar.tick();
  bar.stop_requested(1);
  bar.finish();
  EXPECT_THAT(err_.str(), testing::EndsWith("\x1b[?25h"));
  const std::string before = err_.str();
  bar.tick();
  bar.stop_requested(2);
  EXPECT_EQ(err_.str(), before);
}

TEST_F(RunTalkTest, TheEventStreamIsTheResultAndNothingElseIs) {
  RunTalk& stream = talk({.output = OutputFormat::jsonl});
  stream.on_event(Totals{.jobs_waiting = 2});
  std::istringstream lines(out_.str());
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(*must(parse_json(line)).find("event")->as_string(), "accepted");
  std::getline(lines, line);
  EXPECT_EQ(*must(parse_json(line)).find("event")->as_string(), "progress");
  EXPECT_THAT(err_.str(), HasSubstr("working on 2 packages"));
}

TEST_F(RunTalkTest, QuietSaysOnlyWhatIsWrong) {
  RunTalk& quiet = talk({.style = ProgressStyle::none, .detail = Detail::problems});
  clock_.advance(seconds(60));
  quiet.tick();
  EXPECT_EQ(err_.str(), "");
  JobFailed failed;
  failed.source_url = "https://a/x-1-0.conda";
  failed.failure.message = "gone";
  quiet.on_event(failed);
  EXPECT_THAT(err_.str(), HasSubstr("failed: https://a/x-1-0.conda"));
}

TEST_F(RunTalkTest, SizesThatWorkersSawAreKept) {
  RunTalk& sizes = talk({});
  JobFinished finished;
  finished.source_url = "https://a/x-1-0.conda";
  finished.success.source_digest = Digest{};
  finished.success.source_digest->size = 42;
  sizes.on_event(finished);
  EXPECT_EQ(sizes.source_sizes().at("https://a/x-1-0.conda"), 42U);
}

}  // namespace
}  // namespace athanor::coordinator

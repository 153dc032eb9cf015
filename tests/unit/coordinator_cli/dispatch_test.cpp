#include "coordinator/cli/dispatch.hpp"

#include "shared/json/json.hpp"
#include "shared/os/files.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/results.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

namespace athanor::coordinator {
namespace {

using cli::ExitStatus;
using test::must;
using testing::HasSubstr;

// One command line in a world without files, variables and terminal.
struct Ran {
  ExitStatus status = ExitStatus::ready;
  std::string out;
  std::string err;
};

Ran run(const std::vector<std::string>& arguments) {
  const test::ManualClock clock;
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  VerbContext context{.in = in,
                      .out = out,
                      .err = err,
                      .out_terminal = {},
                      .err_terminal = {},
                      .environment = [](std::string_view) { return std::nullopt; },
                      .clock = clock,
                      .program = {},
                      .working_directory = "/nonexistent",
                      .common = {}};
  Ran ran;
  ran.status = dispatch(arguments, context);
  ran.out = out.str();
  ran.err = err.str();
  return ran;
}

TEST(Dispatch, NothingTypedShowsTheOverviewAsAnError) {
  const Ran ran = run({});
  EXPECT_EQ(ran.status, ExitStatus::usage);
  EXPECT_TRUE(ran.out.empty());
  EXPECT_EQ(ran.err, overview_text());
}

TEST(Dispatch, HelpAndVersionGoToTheResult) {
  EXPECT_EQ(run({"--help"}).out, overview_text());
  EXPECT_EQ(run({"help"}).out, overview_text());
  EXPECT_THAT(run({"-V"}).out, HasSubstr("athanor "));
  EXPECT_EQ(run({"--version"}).out, run({"version"}).out);
}

TEST(Dispatch, AVerbsHelpIsTheSameByEveryWayAndBeatsOtherMistakes) {
  const std::string help = run({"help", "config", "show"}).out;
  EXPECT_THAT(help, HasSubstr("Usage: athanor config show"));
  EXPECT_EQ(run({"config", "show", "--help"}).out, help);
  EXPECT_EQ(run({"config", "show", "--frobnicate", "-h"}).out, help);
  EXPECT_EQ(run({"-h", "config", "show"}).out, help);
}

TEST(Dispatch, AnUnknownCommandIsAnsweredWithTheNearest) {
  const Ran ran = run({"vresion"});
  EXPECT_EQ(ran.status, ExitStatus::usage);
  EXPECT_THAT(ran.err, HasSubstr("error: 'vresion' is not a command"));
  EXPECT_THAT(ran.err, HasSubstr("hint: did you mean 'version'?"));
}

TEST(Dispatch, AnUnknownSecondWordIsAnsweredWithinItsNoun) {
  EXPECT_THAT(run({"config", "shwo"}).err, HasSubstr("did you mean 'config show'?"));
  EXPECT_THAT(run({"config"}).err, HasSubstr("known: config show, config validate"));
}

TEST(Dispatch, CommonOptionsMayStandBeforeTheVerb) {
  const Ran ran = run({"--color", "never", "--json", "version"});
  EXPECT_EQ(ran.status, ExitStatus::ready);
  EXPECT_NE(must(parse_json(ran.out)).find("version"), nullptr);
}

TEST(Dispatch, WhoAskedForJsonGetsItsFailuresAsJsonToo) {
  const Ran ran = run({"config", "show", "--json", "--config-file", "/nonexistent/x.toml"});
  EXPECT_EQ(ran.status, ExitStatus::usage);
  const Json object = must(parse_json(ran.out));
  EXPECT_EQ(object.find("ok")->as_bool(), false);
  EXPECT_EQ(object.find("exit_code")->as_int(), 2);
  EXPECT_EQ(*object.find("error")->find("kind")->as_string(), "not_found");
  EXPECT_THAT(ran.err, HasSubstr("/nonexistent/x.toml"));
}

TEST(Dispatch, CredentialsInAStoreUrlAreNotShown) {
  for (const char* format : {"text", "json"}) {
    const Ran ran =
        run({"config", "show", "--output", format, "--store", "s3://key:swordfish@bucket/x",
             "--origin", "https://u:swordfish@a/t/swordfish/x=https://b/?swordfish=swordfish"});
    EXPECT_EQ(ran.status, ExitStatus::ready) << ran.err;
    EXPECT_THAT(ran.out, HasSubstr("bucket"));
    EXPECT_THAT(ran.out + ran.err, testing::Not(HasSubstr("swordfish")));
  }
}

std::string run_help(std::string_view verb) {
  std::vector<std::string> words = {"help"};
  std::istringstream names{std::string(verb)};
  for (std::string word; names >> word;) {
    words.push_back(word);
  }
  return run(words).out;
}

// The help of every verb, and the overview, as it was last accepted.
std::filesystem::path golden(const std::string& name) {
  return std::filesystem::path(ATHANOR_SOURCE_DIR) / "tests/golden/help" / (name + ".txt");
}

void expect_golden(const std::string& name, const std::string& text) {
  if (std::getenv("ATHANOR_ACCEPT") != nullptr) {
    must(write_file(golden(name), text));
    return;
  }
  EXPECT_EQ(must(read_file(golden(name), 1 << 20)), text) << "run again with ATHANOR_ACCEPT=1";
}

TEST(Help, IsAsItWasAccepted) {
  expect_golden("overview", overview_text());
  for (const VerbEntry& entry : verbs()) {
    std::string file(entry.name);
    std::replace(file.begin(), file.end(), ' ', '_');
    expect_golden(file, run_help(entry.name));
  }
}

TEST(Help, IsPlainTextOfAtMostAHundredColumns) {
  for (const VerbEntry& entry : verbs()) {
    std::istringstream text(run_help(entry.name));
    for (std::string line; std::getline(text, line);) {
      EXPECT_LE(line.size(), 100U) << entry.name << ": " << line;
      EXPECT_TRUE(std::all_of(line.begin(), line.end(), [](char c) {
        return c >= ' ' && c <= '~';
      })) << line;
    }
  }
}

}  // namespace
}  // namespace athanor::coordinator

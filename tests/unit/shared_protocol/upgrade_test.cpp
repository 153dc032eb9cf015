#include "shared/base/strings.hpp"
#include "shared/protocol/codec.hpp"
#include "shared/protocol/version.hpp"
#include "tests/unit/shared_protocol/wire_text.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

// Peers of other versions. tests/golden/protocol/<version> holds what programs of that version say,
// recorded from the program itself when the version came into being: those files are never written
// again, because those programs are out there.
namespace athanor::protocol::test {
namespace {

struct Recorded {
  std::string name;
  std::string header;
  std::string body;
};

std::vector<Recorded> recorded_messages(std::uint32_t version) {
  std::vector<Recorded> messages;
  const auto folder =
      std::filesystem::path(ATHANOR_SOURCE_DIR) / "tests/golden/protocol" / std::to_string(version);
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream file(entry.path());
    std::ostringstream text;
    text << file.rdbuf();
    std::string digits = text.str();
    std::erase(digits, '\n');
    const auto bytes = from_hex(digits);
    if (!bytes || bytes->size() < 6) {
      ADD_FAILURE() << entry.path() << " is no recording";
      continue;
    }
    messages.push_back({.name = entry.path().stem(),
                        .header = std::string(bytes->begin(), bytes->begin() + 6),
                        .body = std::string(bytes->begin() + 6, bytes->end())});
  }
  std::sort(messages.begin(), messages.end(),
            [](const Recorded& a, const Recorded& b) { return a.name < b.name; });
  return messages;
}

TEST(Upgrade, EveryMessageOfEachVersionThatIsSpokenIsStillUnderstood) {
  for (std::uint32_t version = k_version_min; version <= k_version_max; ++version) {
    const auto messages = recorded_messages(version);
    EXPECT_GE(messages.size(), std::size_t{12}) << "version " << version << " was never recorded";
    for (const Recorded& recorded : messages) {
      SCOPED_TRACE(std::to_string(version) + "/" + recorded.name);
      const auto message = decode(recorded.header, recorded.body);
      ASSERT_TRUE(message.ok()) << message.error().to_string();
      EXPECT_TRUE(recorded.name.starts_with(type_name(*message)));
      // Nothing was lost or understood as something else, and an older reader would read from us
      // what it would have written itself.
      const auto again = encode(*message);
      ASSERT_TRUE(again.ok()) << again.error().to_string();
      EXPECT_EQ(wire_text(again->body), wire_text(recorded.body));
      EXPECT_EQ(again->header.substr(0, 4), recorded.header.substr(0, 4));
      EXPECT_EQ(again->header[5], recorded.header[5]);
    }
  }
}

TEST(Upgrade, GreetingAndRefusalAreUnderstoodFromAnyVersion) {
  for (const Recorded& recorded : recorded_messages(1)) {
    if (recorded.name != "hello" && recorded.name != "reject") {
      continue;
    }
    for (const int version : {1, 2, 3, 200, 255}) {
      SCOPED_TRACE(recorded.name + " of version " + std::to_string(version));
      std::string header = recorded.header;
      header[4] = static_cast<char>(version);
      EXPECT_TRUE(decode(header, recorded.body).ok());
    }
  }
}

TEST(Upgrade, WhatOnlyANewerVersionSaysIsIgnoredNotPunished) {
  for (const Recorded& recorded : recorded_messages(1)) {
    std::string header = recorded.header;
    header[4] = static_cast<char>(k_version_max + 1);
    const auto message = decode(header, recorded.body);
    if (!message.ok()) {
      EXPECT_EQ(message.error().kind, ErrorKind::unsupported) << recorded.name;
    }
    header = recorded.header;
    header[5] = static_cast<char>(250);  // a message type that nobody has thought of yet
    const auto unknown = decode(header, recorded.body);
    ASSERT_FALSE(unknown.ok());
    EXPECT_EQ(unknown.error().kind, ErrorKind::unsupported) << recorded.name;
  }
}

TEST(Upgrade, TwoProgramsSpeakTheHighestVersionThatBothKnow) {
  const struct {
    const char* name;
    Versions ours;
    Versions theirs;
    std::optional<std::uint32_t> spoken;
  } rows[] = {
      {"alike", {1, 1}, {1, 1}, 1},
      {"the coordinator was upgraded first", {1, 2}, {1, 1}, 1},
      {"the worker was upgraded first", {1, 1}, {1, 2}, 1},
      {"both upgraded", {1, 2}, {1, 2}, 2},
      {"one step further: the oldest is forgotten", {2, 3}, {1, 2}, 2},
      {"a fleet that skipped a release", {2, 3}, {1, 1}, std::nullopt},
      {"a worker from the far future", {1, 1}, {7, 9}, std::nullopt},
      {"a range that ends before it begins", {1, 2}, {2, 1}, std::nullopt},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(negotiate(row.ours, row.theirs), row.spoken) << row.name;
    EXPECT_EQ(negotiate(row.theirs, row.ours), row.spoken) << row.name;
  }
}

TEST(Upgrade, TheVersionBeforeOursIsAlwaysSpoken) {
  EXPECT_LE(k_versions.min, std::max(1U, k_versions.max - 1));
}

}  // namespace
}  // namespace athanor::protocol::test

#include "shared/protocol/codec.hpp"

#include "shared/base/limits.hpp"
#include "shared/protocol/version.hpp"
#include "tests/unit/shared_protocol/samples.hpp"
#include "tests/unit/shared_protocol/wire_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace athanor::protocol::test {
namespace {

using testing::HasSubstr;

std::filesystem::path golden_dir() {
  return std::filesystem::path(ATHANOR_SOURCE_DIR) / "tests/golden/messages";
}

bool accepting() {
  return std::getenv("ATHANOR_ACCEPT") != nullptr;
}

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void write(const std::filesystem::path& path, const std::string& bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

// A golden .bin is header and body, one after the other.
std::string joined(const Frames& frames) {
  return frames.header + frames.body;
}

Frames must_encode(const Message& message) {
  Result<Frames> frames = encode(message);
  EXPECT_TRUE(frames.ok()) << (frames.ok() ? "" : frames.error().to_string());
  return frames.ok() ? *frames : Frames{};
}

TEST(Codec, EveryMessageIsOnTheWireAsTheGoldenFilesSay) {
  for (const auto& [name, message] : sample_messages()) {
    SCOPED_TRACE(name);
    const Frames frames = must_encode(message);
    const std::string text = wire_text(frames.body);
    if (accepting()) {
      write(golden_dir() / (name + ".bin"), joined(frames));
      write(golden_dir() / (name + ".json"), text);
    }
    EXPECT_EQ(joined(frames), read(golden_dir() / (name + ".bin")));
    EXPECT_EQ(text, read(golden_dir() / (name + ".json")));
  }
}

TEST(Codec, GoldenBytesDecodeToTheMessageThatWroteThem) {
  for (const auto& [name, message] : sample_messages()) {
    SCOPED_TRACE(name);
    const std::string bytes = read(golden_dir() / (name + ".bin"));
    ASSERT_GE(bytes.size(), 6U);
    const Result<Message> decoded = decode(bytes.substr(0, 6), bytes.substr(6));
    ASSERT_TRUE(decoded.ok()) << decoded.error().to_string();
    EXPECT_EQ(decoded->index(), message.index());
    EXPECT_EQ(joined(must_encode(*decoded)), bytes);
  }
}

TEST(Codec, AGrantKeepsEveryFieldOfItsJobs) {
  const LeaseKey lease{.epoch = 7, .job = {UINT64_MAX}, .attempt = UINT32_MAX};
  const Frames frames = must_encode(Grant{.jobs = {{.lease = lease, .spec = sample_spec()}}});
  const Result<Message> decoded = decode(frames.header, frames.body);
  ASSERT_TRUE(decoded.ok()) << decoded.error().to_string();
  const auto& grant = std::get<Grant>(*decoded);
  ASSERT_EQ(grant.jobs.size(), 1U);
  EXPECT_EQ(grant.jobs[0].lease, lease);
  EXPECT_EQ(grant.jobs[0].spec, sample_spec());
}

TEST(Codec, UnknownKeysAreIgnored) {
  // {"session": 9, "mood": [1, {"x": nil}]}
  const std::string body("\x82\xa7session\x09\xa4mood\x92\x01\x81\xa1x\xc0", 21);
  const Result<Message> decoded = decode(std::string("ATHN\x01\x05", 6), body);
  ASSERT_TRUE(decoded.ok()) << decoded.error().to_string();
  EXPECT_EQ(std::get<Goodbye>(*decoded).session, 9U);
}

TEST(Codec, HostileBytesAreRefusedWithWords) {
  const std::string goodbye("ATHN\x01\x05", 6);
  const std::string grant("ATHN\x01\x08", 6);
  const std::string deep = "\x81\xa1x" + std::string(200'000, '\x91') + "\xc0";
  const struct {
    const char* name;
    std::string header;
    std::string body;
    ErrorKind kind;
    const char* says;
  } rows[] = {
      {"no header", "", "", ErrorKind::corrupt, "header"},
      {"wrong magic", std::string("HTTP\x01\x05", 6), "\x80", ErrorKind::corrupt, "magic"},
      {"endless header", "ATHN" + std::string(100, '\x01'), "\x80", ErrorKind::corrupt, "header"},
      {"version 0", std::string("ATHN\x00\x05", 6), "\x80", ErrorKind::corrupt, "version 0"},
      {"newer version", std::string("ATHN\x09\x05", 6), "\x80", ErrorKind::unsupported, "unknown"},
      {"unknown type", std::string("ATHN\x01\x7f", 6), "\x80", ErrorKind::unsupported, "127"},
      {"empty body", goodbye, "", ErrorKind::corrupt, "MessagePack"},
      {"truncated", goodbye, std::string("\x81\xa7sess", 6), ErrorKind::corrupt, "MessagePack"},
      {"trailing bytes", goodbye, "\x80\x80", ErrorKind::corrupt, "follow"},
      {"not a map", goodbye, "\x90", ErrorKind::corrupt, "not a map"},
      {"missing field", goodbye, "\x80", ErrorKind::corrupt, "'session' is missing"},
      {"nil field", goodbye, "\x81\xa7session\xc0", ErrorKind::corrupt, "'session' is missing"},
      {"negative number", goodbye, "\x81\xa7session\xff", ErrorKind::corrupt, "unsigned integer"},
      {"zero session", goodbye, std::string("\x81\xa7session\x00", 10), ErrorKind::corrupt,
       "range"},
      {"four billion items", grant, "\x81\xa4jobs\xdd\xff\xff\xff\xff", ErrorKind::corrupt,
       "MessagePack"},
      {"four billion members", grant, "\xdf\xff\xff\xff\xff", ErrorKind::corrupt, "MessagePack"},
      {"four billion bytes", grant, "\xdb\xff\xff\xff\xff", ErrorKind::corrupt, "MessagePack"},
      {"deep nesting", grant, deep, ErrorKind::corrupt, "MessagePack"},
      {"extension type", grant, "\xd4\x01\x02", ErrorKind::corrupt, "MessagePack"},
      {"wrong item type", grant, "\x81\xa4jobs\x91\x07", ErrorKind::corrupt,
       "'jobs[0]' is not a map"},
      {"giant body", grant, std::string(limits::k_message_bytes + 1, '\xc0'), ErrorKind::corrupt,
       "too large"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    const Result<Message> decoded = decode(row.header, row.body);
    ASSERT_FALSE(decoded.ok());
    EXPECT_EQ(decoded.error().kind, row.kind);
    EXPECT_THAT(decoded.error().message, HasSubstr(row.says));
  }
}

TEST(Codec, EveryTruncationAndEveryFlippedByteIsHandled) {
  for (const auto& [name, message] : sample_messages()) {
    const Frames frames = must_encode(message);
    for (std::size_t i = 0; i < frames.body.size(); ++i) {
      EXPECT_FALSE(decode(frames.header, frames.body.substr(0, i)).ok()) << name << " at " << i;
      std::string flipped = frames.body;
      flipped[i] = static_cast<char>(~flipped[i]);
      const Result<Message> decoded = decode(frames.header, flipped);
      if (decoded.ok()) {
        EXPECT_TRUE(encode(*decoded).ok()) << name << " at " << i;
      }
    }
  }
}

TEST(Codec, WhatBreaksARuleIsNotSent) {
  JobSpec no_format = sample_spec();
  no_format.wanted.clear();
  JobSpec wrong_format = sample_spec();
  wrong_format.wanted = {Format::whl};
  JobSpec twice = sample_spec();
  twice.wanted = {Format::conda, Format::conda};
  JobSpec control = sample_spec();
  control.source_url += "\r\nHost: x";
  JobSpec long_url = sample_spec();
  long_url.fetch_url.append(limits::k_url_bytes, 'x');
  const LeaseKey lease{.epoch = 1, .job = {1}, .attempt = 1};
  const struct {
    const char* name;
    Message message;
    const char* says;
  } rows[] = {
      {"no wanted format", Grant{.jobs = {{lease, no_format}}}, "wants nothing"},
      {"another type's format", Grant{.jobs = {{lease, wrong_format}}}, "package type"},
      {"a format twice", Grant{.jobs = {{lease, twice}}}, "twice"},
      {"control characters", Grant{.jobs = {{lease, control}}}, "source"},
      {"a long URL", Grant{.jobs = {{lease, long_url}}}, "fetch"},
      {"no session", Goodbye{}, "session"},
      {"no lease", ReportAck{}, "lease"},
      {"an empty protocol range",
       Hello{.protocol_min = 2,
             .protocol_max = 1,
             .name = "n",
             .version = "1",
             .features = {},
             .capacity = {1, 1},
             .running = {}},
       "range"},
      {"too many leases", Revoke{.leases = std::vector(limits::k_worker_jobs + 1, lease)},
       "leases"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    const Result<Frames> frames = encode(row.message);
    ASSERT_FALSE(frames.ok());
    EXPECT_EQ(frames.error().kind, ErrorKind::invalid);
    EXPECT_THAT(frames.error().message, HasSubstr(row.says));
  }
}

TEST(Codec, AMessageLargerThanTheSocketTakesIsNotSent) {
  JobSpec spec = sample_spec();
  spec.source_url.append(8000, 'x');
  spec.fetch_url = spec.source_url;
  const LeaseKey lease{.epoch = 1, .job = {1}, .attempt = 1};
  const Result<Frames> frames =
      encode(Grant{.jobs = std::vector<GrantedJob>(400, {.lease = lease, .spec = spec})});
  ASSERT_FALSE(frames.ok());
  EXPECT_THAT(frames.error().message, HasSubstr("larger than"));
}

TEST(Codec, WordsForPeopleAreClippedAndMadePrintableOnBothSides) {
  const LeaseKey lease{.epoch = 1, .job = {1}, .attempt = 1};
  JobFailure failure;
  failure.message = "\x1b[31m" + std::string(100'000, 'x');
  failure.hint = "a\nb";
  const Frames frames = must_encode(Report{.session = 1, .lease = lease, .outcome = failure});
  EXPECT_LT(frames.body.size(), 5000U);
  const Result<Message> decoded = decode(frames.header, frames.body);
  ASSERT_TRUE(decoded.ok()) << decoded.error().to_string();
  const auto& got = std::get<JobFailure>(std::get<Report>(*decoded).outcome);
  EXPECT_TRUE(got.message.starts_with("\\x1b[31mxxx"));
  EXPECT_TRUE(got.message.ends_with("x..."));
  EXPECT_EQ(got.hint, "a\\x0ab");
}

TEST(Codec, HelloAndRejectCanBeReadInEveryVersion) {
  const Frames hello = must_encode(sample_messages()[0].second);
  std::string header = hello.header;
  header[4] = '\x20';
  EXPECT_TRUE(decode(header, hello.body).ok());
}

TEST(Version, TheHighestSharedVersionIsSpoken) {
  EXPECT_EQ(negotiate(1, 1), 1U);
  EXPECT_EQ(negotiate(1, 9), 1U);
  EXPECT_EQ(negotiate(2, 9), std::nullopt);
}

}  // namespace
}  // namespace athanor::protocol::test

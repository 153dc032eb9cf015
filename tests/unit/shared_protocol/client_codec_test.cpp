#include "shared/protocol/client_codec.hpp"

#include "shared/base/limits.hpp"
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

std::vector<std::pair<std::string, ClientMessage>> client_samples() {
  return {
      {"client_hello", ClientHello{.protocol_min = 1,
                                   .protocol_max = 1,
                                   .name = "ana@build-7/4711",
                                   .version = "0.1.0",
                                   .features = {"requests"}}},
      {"submit", Submit{.request = 7, .document_bytes = 812, .secret_bytes = 90}},
      {"part", Part{.request = 7, .offset = 512, .bytes = std::string("\0\x01\xff", 3)}},
      {"ask", Ask{.request = 8, .question = Question::explain, .subject = "zlib-1.3-0.conda"}},
      {"command", Command{.request = 9, .order = Order::drain, .subject = "builder-*"}},
      {"watch", Watch{.request = 10, .batch = 3}},
      {"unwatch", Unwatch{.request = 10}},
      {"client_welcome",
       ClientWelcome{.protocol = 1, .epoch = 3, .version = "0.1.0", .features = {"requests"}}},
      {"refused", Refused{.reason = "protocol 9 is not spoken here"}},
      {"credit", Credit{.request = 7, .offset = 902}},
      {"answer", Answer{.request = 8, .last = true, .bytes = R"({"schema":1})"}},
      {"failure", Failure{.request = 9,
                          .kind = ErrorKind::not_found,
                          .message = "there is no batch 9",
                          .hint = "athanor batch list shows them"}},
      {"events", Events{.request = 10, .events = {R"({"event":"totals"})", "{}"}}},
  };
}

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(ClientCodec, EveryMessageIsOnTheWireAsTheGoldenFilesSay) {
  const auto folder = std::filesystem::path(ATHANOR_SOURCE_DIR) / "tests/golden/messages";
  for (const auto& [name, message] : client_samples()) {
    SCOPED_TRACE(name);
    const Result<Frames> frames = encode(message);
    ASSERT_TRUE(frames.ok()) << frames.error().to_string();
    const std::string bytes = frames->header + frames->body;
    if (std::getenv("ATHANOR_ACCEPT") != nullptr) {
      std::ofstream(folder / (name + ".bin"), std::ios::binary) << bytes;
      std::ofstream(folder / (name + ".json"), std::ios::binary) << wire_text(frames->body);
    }
    EXPECT_EQ(bytes, read(folder / (name + ".bin")));
    EXPECT_EQ(wire_text(frames->body), read(folder / (name + ".json")));
    const Result<ClientMessage> decoded = decode_client(frames->header, frames->body);
    ASSERT_TRUE(decoded.ok()) << decoded.error().to_string();
    const Result<Frames> again = encode(*decoded);
    ASSERT_TRUE(again.ok());
    EXPECT_EQ(again->body, frames->body);
  }
}

TEST(ClientCodec, TheTwoFamiliesDoNotReadEachOther) {
  for (const auto& [name, message] : client_samples()) {
    const Result<Frames> frames = encode(message);
    const auto read_as_worker = decode(frames->header, frames->body);
    ASSERT_FALSE(read_as_worker.ok()) << name;
    EXPECT_EQ(read_as_worker.error().kind, ErrorKind::unsupported) << name;
  }
  for (const auto& [name, message] : sample_messages()) {
    const Result<Frames> frames = encode(message);
    EXPECT_FALSE(decode_client(frames->header, frames->body).ok()) << name;
  }
}

TEST(ClientCodec, WhatExceedsTheLimitsIsRefusedOnBothSides) {
  const std::string large(limits::k_message_bytes_field + 1, 'x');
  EXPECT_FALSE(encode(Part{.request = 1, .offset = 0, .bytes = large}).ok());
  EXPECT_FALSE(
      encode(
          Submit{.request = 1, .document_bytes = limits::k_document_bytes + 1, .secret_bytes = 0})
          .ok());
  EXPECT_FALSE(encode(Ask{.request = 0, .question = Question::status, .subject = {}}).ok());
  const Frames part = *encode(Part{.request = 1, .offset = 0, .bytes = "abc"});
  for (std::size_t size = 0; size < part.body.size(); ++size) {
    EXPECT_FALSE(decode_client(part.header, part.body.substr(0, size)).ok()) << size;
  }
}

}  // namespace
}  // namespace athanor::protocol::test

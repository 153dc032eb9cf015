#include "shared/store/sigv4.hpp"

#include "shared/net/http_date.hpp"
#include "shared/store/encoding.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace athanor {
namespace {

std::string authorization(const HttpHeaders& headers) {
  return headers.back().first == "Authorization" ? headers.back().second : std::string();
}

// The worked examples in AWS's documentation of S3's signatures.
const AwsKeys k_example_keys{.access_key_id = "AKIAIOSFODNN7EXAMPLE",
                             .secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                             .session_token = {}};
const std::string k_empty = sha256_of("").hex();

TEST(SigV4, GivesTheDocumentedSignatures) {
  struct Row {
    const char* name;
    SigV4Request request;
    const char* signature;
  };
  const std::string host = "examplebucket.s3.amazonaws.com";
  const Row rows[] = {
      {"get object",
       {.method = "GET",
        .host = host,
        .encoded_path = "/test.txt",
        .headers = {{"Range", "bytes=0-9"}},
        .payload_sha256 = k_empty},
       "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
      {"put object",
       {.method = "PUT",
        .host = host,
        .encoded_path = "/test%24file.text",
        .headers = {{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
                    {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
        .payload_sha256 = sha256_of("Welcome to Amazon S3.").hex()},
       "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
      {"bucket lifecycle",
       {.method = "GET",
        .host = host,
        .encoded_path = "/",
        .query = {{"lifecycle", ""}},
        .payload_sha256 = k_empty},
       "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
      {"list objects",
       {.method = "GET",
        .host = host,
        .encoded_path = "/",
        .query = {{"prefix", "J"}, {"max-keys", "2"}},
        .payload_sha256 = k_empty},
       "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
  };
  for (const Row& row : rows) {
    const auto headers = sign_sigv4(row.request, {.region = "us-east-1", .service = "s3"},
                                    k_example_keys, *parse_iso_date("2013-05-24T00:00:00Z"));
    EXPECT_THAT(authorization(headers), ::testing::HasSubstr(row.signature)) << row.name;
  }
}

TEST(SigV4, ATokenIsSentAndSigned) {
  AwsKeys keys = k_example_keys;
  keys.session_token = "token";
  const auto headers =
      sign_sigv4({.method = "GET", .host = "h", .encoded_path = "/", .payload_sha256 = k_empty},
                 {.region = "r", .service = "s3"}, keys, WallTime());
  EXPECT_THAT(headers, ::testing::Contains(::testing::Pair("x-amz-security-token", "token")));
  EXPECT_THAT(authorization(headers), ::testing::HasSubstr("x-amz-security-token"));
}

TEST(SigV4, AQueryIsSortedAfterItWasEncoded) {
  EXPECT_EQ(canonical_query({{"b", "2"}, {"a", "x y/+"}, {"a", ""}, {"uploads", ""}}),
            "a=&a=x%20y%2F%2B&b=2&uploads=");
  EXPECT_EQ(canonical_query({}), "");
}

TEST(Encoding, Base64IsThatOfTheStandard) {
  const std::pair<const char*, const char*> rows[] = {{"", ""},
                                                      {"f", "Zg=="},
                                                      {"fo", "Zm8="},
                                                      {"foo", "Zm9v"},
                                                      {"foob", "Zm9vYg=="},
                                                      {"fooba", "Zm9vYmE="},
                                                      {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : rows) {
    EXPECT_EQ(base64_encode(as_bytes(plain)), encoded);
    const auto decoded = base64_decode(encoded);
    ASSERT_TRUE(decoded.has_value());
    EXPECT_EQ(std::string(decoded->begin(), decoded->end()), plain);
  }
  EXPECT_EQ(base64url_encode(as_bytes("\xff\xfe\xfd?")), "__79Pw");
  for (const char* bad : {"Z", "Zg=a", "Z g=", "Zm9v!"}) {
    EXPECT_EQ(base64_decode(bad), std::nullopt) << bad;
  }
}

TEST(Encoding, HmacIsThatOfTheStandard) {
  EXPECT_EQ(hmac_sha256(as_bytes("Jefe"), "what do ya want for nothing?").hex(),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(Encoding, AKeyThatIsNoneCantSign) {
  EXPECT_EQ(sign_rs256("no key", "x").error().kind, ErrorKind::invalid);
}

}  // namespace
}  // namespace athanor

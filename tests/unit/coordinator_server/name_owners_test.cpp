#include "coordinator/server/name_owners.hpp"

#include <gtest/gtest.h>

namespace athanor::coordinator {
namespace {

using std::chrono::seconds;

class NameOwnersTest : public testing::Test {
 protected:
  NameOwners owners{seconds(8)};
  TimePoint now{seconds(1000)};
};

TEST_F(NameOwnersTest, ANameIsItsKeysAlone) {
  EXPECT_TRUE(owners.claim("host/1", "key", now));
  EXPECT_TRUE(owners.claim("host/1", "key", now)) << "it may come back on another connection";
  EXPECT_FALSE(owners.claim("host/1", "other", now));
  EXPECT_FALSE(owners.claim("host/1", "", now));
  EXPECT_TRUE(owners.claim("host/2", "other", now));
}

TEST_F(NameOwnersTest, ItIsKeptWhileItsOwnerMayComeBack) {
  ASSERT_TRUE(owners.claim("host/1", "key", now));
  owners.leave("host/1", now);
  EXPECT_FALSE(owners.claim("host/1", "other", now + seconds(7)));
  EXPECT_TRUE(owners.claim("host/1", "other", now + seconds(8)));
  EXPECT_FALSE(owners.claim("host/1", "key", now + seconds(8)));
}

TEST_F(NameOwnersTest, ASecondConnectionKeepsItToo) {
  ASSERT_TRUE(owners.claim("host/1", "key", now));
  ASSERT_TRUE(owners.claim("host/1", "key", now));
  owners.leave("host/1", now);
  EXPECT_FALSE(owners.claim("host/1", "other", now + seconds(100)));
}

TEST_F(NameOwnersTest, NamesThatComeAndGoDoNotPileUp) {
  for (int i = 0; i < 100'000; ++i) {
    const std::string name = "host/" + std::to_string(i);
    ASSERT_TRUE(owners.claim(name, "key", now));
    owners.leave(name, now);
    now += std::chrono::milliseconds(100);
  }
  EXPECT_LE(owners.size(), 2'048U);
}

}  // namespace
}  // namespace athanor::coordinator

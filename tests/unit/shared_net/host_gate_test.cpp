#include "shared/net/host_gate.hpp"

#include <gtest/gtest.h>

namespace athanor {
namespace {

using namespace std::chrono_literals;
using Outcome = HostGate::Outcome;

class HostGateTest : public testing::Test {
 protected:
  bool is_open() const { return gate.opens("a.example", now) == now; }
  void fail(unsigned times) {
    for (unsigned i = 0; i < times; ++i) {
      gate.tell("a.example", now, Outcome::failed);
    }
  }

  HostGate gate;
  TimePoint now{std::chrono::hours(1)};
};

TEST_F(HostGateTest, AHostThatFailsInARowIsGivenARestThatGrows) {
  fail(HostGate::k_failures - 1);
  EXPECT_TRUE(is_open());
  fail(1);
  EXPECT_FALSE(is_open());
  EXPECT_EQ(gate.opens("b.example", now), now);
  for (const auto rest : {2s, 4s, 8s, 8s}) {
    EXPECT_EQ(gate.opens("a.example", now), now + rest);
    now += rest;
    EXPECT_TRUE(is_open());
    fail(1);
  }
}

TEST_F(HostGateTest, WhatWasUnderWayWhenTheRestBeganDoesntMakeItLonger) {
  fail(HostGate::k_failures + 20);
  EXPECT_EQ(gate.opens("a.example", now), now + HostGate::k_rest);
}

TEST_F(HostGateTest, OneGoodAnswerMakesEverythingGood) {
  fail(HostGate::k_failures);
  gate.tell("a.example", now, Outcome::answered);
  EXPECT_TRUE(is_open());
  fail(HostGate::k_failures - 1);
  EXPECT_TRUE(is_open());
}

TEST_F(HostGateTest, AHostThatNamesATimeIsLeftAloneUntilThen) {
  gate.tell("a.example", now, Outcome::busy, 90s);
  EXPECT_EQ(gate.opens("a.example", now), now + 90s);
  gate.tell("a.example", now, Outcome::busy, 5s);
  EXPECT_EQ(gate.opens("a.example", now), now + 90s) << "the longest time counts";
}

TEST_F(HostGateTest, ManyHostsDontMakeItGrowForEver) {
  for (int i = 0; i < 5'000; ++i) {
    gate.tell("host" + std::to_string(i), now, Outcome::failed);
  }
  fail(HostGate::k_failures);
  EXPECT_FALSE(is_open());
}

}  // namespace
}  // namespace athanor

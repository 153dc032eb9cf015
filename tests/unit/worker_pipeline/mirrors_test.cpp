#include "shared/net/host_gate.hpp"
#include "tests/unit/worker_pipeline/workshop.hpp"

namespace athanor::worker::test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using Then = OriginResponse::Then;

constexpr const char* k_file = "/linux-64/demo-1.0-h0_0.tar.bz2";

// A source with one mirror before it.
class Mirrored : public Workshop {
 protected:
  Mirrored()
      : bytes_(build_package({}, Format::tar_bz2)),
        spec_(job(std::string("/main") + k_file, bytes_, {Format::tar_bz2})) {
    settings_.mirrors = {{origin_.url("/main"), mirror_.url("/copy")}};
    origin_.serve(std::string("/main") + k_file, bytes_);
  }

  static std::string host(const ImposterOrigin& origin) {
    return "127.0.0.1:" + std::to_string(origin.port());
  }
  auto at(const ImposterOrigin& origin, AttemptEnd end) const {
    return AllOf(Field(&FetchAttempt::host, host(origin)), Field(&FetchAttempt::end, end));
  }
  void mirror_does(OriginResponse response) {
    mirror_.script(std::string("/copy") + k_file, {std::move(response)});
  }

  ImposterOrigin mirror_;
  const std::string bytes_;
  JobSpec spec_;
};

TEST_F(Mirrored, TheFirstInTheOrderIsAskedAndKeysKeepTheSource) {
  mirror_.serve(std::string("/copy") + k_file, bytes_);
  EXPECT_THAT(succeed(spec_).attempts, ElementsAre(at(mirror_, AttemptEnd::done)));
  EXPECT_EQ(origin_.total_requests(), 0U);
  EXPECT_TRUE(packages().contains(key(spec_, Format::tar_bz2, bytes_)));
}

TEST_F(Mirrored, WhatIsMissingHereAndThereElsewhereLags) {
  EXPECT_THAT(succeed(spec_).attempts,
              ElementsAre(at(mirror_, AttemptEnd::lagging), at(origin_, AttemptEnd::done)));
  EXPECT_TRUE(naps_.empty()) << "the next origin is asked at once";
}

TEST_F(Mirrored, AnOriginThatRefusesOrFailsIsPassedOver) {
  const struct {
    OriginResponse response;
    AttemptEnd end;
  } rows[] = {{answer(503), AttemptEnd::busy},
              {answer(429), AttemptEnd::busy},
              {answer(403), AttemptEnd::refused},
              {answer(401), AttemptEnd::refused},
              {{.then = Then::without_answer}, AttemptEnd::broken}};
  for (const auto& row : rows) {
    SCOPED_TRACE(to_string(row.end));
    mirror_does(row.response);
    EXPECT_THAT(succeed(spec_).attempts,
                ElementsAre(at(mirror_, row.end), at(origin_, AttemptEnd::done)));
    must(store_.remove(key(spec_, Format::tar_bz2, bytes_)));
  }
}

TEST_F(Mirrored, AlteredBytesAreKeptAsideWithBothDigestsAndTheNextOriginIsAsked) {
  std::string flipped = bytes_;
  flipped.back() = static_cast<char>(flipped.back() ^ 1);
  mirror_does(answer(200, flipped));
  const JobSuccess done = succeed(spec_);
  ASSERT_THAT(done.attempts,
              ElementsAre(at(mirror_, AttemptEnd::altered), at(origin_, AttemptEnd::done)));
  EXPECT_THAT(done.attempts[0].error,
              AllOf(HasSubstr(digest_of(bytes_).sha256.hex()),
                    HasSubstr(digest_of(flipped).sha256.hex()), HasSubstr("kept in")));
}

TEST_F(Mirrored, ATransferGoesOnAtTheNextOriginWhereItBroke) {
  OriginResponse cut = answer(200, bytes_);
  cut.then = Then::cut;
  cut.cut_after = bytes_.size() * 9 / 10;
  mirror_does(cut);
  const JobSuccess done = succeed(spec_);
  EXPECT_THAT(done.attempts,
              ElementsAre(at(mirror_, AttemptEnd::broken), at(origin_, AttemptEnd::done)));
  EXPECT_EQ(done.fetched_bytes, bytes_.size());
  EXPECT_EQ(done.attempts[1].bytes, bytes_.size() - cut.cut_after);
}

TEST_F(Mirrored, WithoutAHashOnlyTheSourceItselfIsBelieved) {
  mirror_.serve(std::string("/copy") + k_file, "something else");
  spec_.expected = {ExpectedDigest{.md5 = {}, .sha256 = {}, .size = bytes_.size()}};
  succeed(spec_);
  EXPECT_EQ(mirror_.total_requests(), 0U);
}

TEST_F(Mirrored, WhenNobodyHasItItDependsOnItsAge) {
  origin_.script(std::string("/main") + k_file, {answer(404)});
  JobFailure failed = fail(spec_);
  EXPECT_EQ(failed.kind, ErrorKind::not_found);
  EXPECT_FALSE(failed.lagging);
  EXPECT_THAT(failed.attempts,
              ElementsAre(at(mirror_, AttemptEnd::missing), at(origin_, AttemptEnd::missing)));

  const auto now =
      std::chrono::duration_cast<std::chrono::milliseconds>(clock_.wall_now().time_since_epoch());
  spec_.built_ms = static_cast<std::uint64_t>((now - std::chrono::hours(2)).count());
  failed = fail(spec_);
  EXPECT_EQ(failed.kind, ErrorKind::retry);
  EXPECT_TRUE(failed.lagging);
  EXPECT_EQ(failed.retry_after, std::chrono::minutes(1));
  EXPECT_THAT(failed.message, HasSubstr("index is newer"));

  spec_.built_ms = static_cast<std::uint64_t>((now - std::chrono::hours(25)).count());
  EXPECT_EQ(fail(spec_).kind, ErrorKind::not_found);
}

TEST_F(Mirrored, HopeAtOneOriginOutweighsAnOtherwiseCertainFailure) {
  mirror_does(answer(503));
  origin_.script(std::string("/main") + k_file, {answer(404)});
  EXPECT_EQ(fail(spec_).kind, ErrorKind::retry);
}

TEST_F(Mirrored, AMirrorThatFailsAgainAndAgainIsLeftAloneForAWhile) {
  mirror_does({.then = Then::without_answer});
  const auto pipeline = make();
  for (unsigned i = 0; i < HostGate::k_failures; ++i) {
    success(run(*pipeline, spec_));
    must(store_.remove(key(spec_, Format::tar_bz2, bytes_)));
  }
  const std::size_t asked = mirror_.total_requests();
  EXPECT_THAT(success(run(*pipeline, spec_)).attempts,
              ElementsAre(at(mirror_, AttemptEnd::skipped), at(origin_, AttemptEnd::done)));
  EXPECT_EQ(mirror_.total_requests(), asked);
  must(store_.remove(key(spec_, Format::tar_bz2, bytes_)));

  clock_.advance(HostGate::k_rest);
  mirror_.serve(std::string("/copy") + k_file, bytes_);
  EXPECT_THAT(success(run(*pipeline, spec_)).attempts, ElementsAre(at(mirror_, AttemptEnd::done)));
}

TEST_F(Mirrored, TheOnlyOriginIsWaitedForWhenItIsGivenARest) {
  settings_.mirrors.clear();
  origin_.script(std::string("/main") + k_file, {{.then = Then::without_answer}});
  const auto pipeline = make();
  failure(run(*pipeline, spec_));
  failure(run(*pipeline, spec_));
  naps_.clear();
  origin_.serve(std::string("/main") + k_file, bytes_);
  EXPECT_THAT(success(run(*pipeline, spec_)).attempts,
              ElementsAre(at(origin_, AttemptEnd::skipped), at(origin_, AttemptEnd::done)));
  ASSERT_EQ(naps_.size(), 1U);
  EXPECT_LE(naps_[0], HostGate::k_rest_max);
}

}  // namespace
}  // namespace athanor::worker::test

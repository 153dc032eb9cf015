#include "tests/unit/worker_pipeline/workshop.hpp"

namespace athanor::worker::test {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::SizeIs;
using Then = OriginResponse::Then;

constexpr const char* k_path = "/main/linux-64/demo-1.0-h0_0.tar.bz2";

class Fetch : public Workshop {
 protected:
  Fetch()
      : bytes_(build_package({}, Format::tar_bz2)),
        spec_(job(k_path, bytes_, {Format::tar_bz2})) {}

  OriginResponse good() const { return answer(200, bytes_); }

  const std::string bytes_;
  JobSpec spec_;
};

TEST_F(Fetch, WhatMayPassIsTriedAgain) {
  // A kept connection that is closed before any answer is tried again by the client itself.
  const struct {
    const char* name;
    OriginResponse first;
    std::size_t naps;
  } rows[] = {
      {"503", answer(503), 1},
      {"429", answer(429), 1},
      {"500", answer(500), 1},
      {"a cut body", {.body = bytes_, .then = Then::cut, .cut_after = bytes_.size() / 2}, 1},
      {"no answer", {.then = Then::without_answer}, 0},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    origin_.script(k_path, {row.first, good()});
    naps_.clear();
    succeed(spec_);
    EXPECT_GE(naps_.size(), row.naps);
    must(store_.remove(key(spec_, Format::tar_bz2, bytes_)));
  }
}

TEST_F(Fetch, EachAttemptsReasonIsTold) {
  origin_.script(
      k_path,
      {answer(503), {.body = bytes_, .then = Then::cut, .cut_after = 10}, answer(500), good()});
  const JobFailure failed = fail(spec_);
  EXPECT_EQ(failed.stage, Stage::fetch);
  EXPECT_EQ(failed.kind, ErrorKind::retry);
  EXPECT_THAT(failed.message, HasSubstr("3 attempts failed"));
  EXPECT_THAT(failed.message, HasSubstr("503"));
  EXPECT_THAT(failed.message, HasSubstr("500"));
  EXPECT_EQ(failed.fetched_bytes, 10U);
  EXPECT_EQ(origin_.requests(k_path), 3U);
}

TEST_F(Fetch, WhatWontPassIsNotTriedAgain) {
  const struct {
    int status;
    ErrorKind kind;
  } rows[] = {{404, ErrorKind::not_found},
              {410, ErrorKind::not_found},
              {401, ErrorKind::rejected},
              {403, ErrorKind::rejected}};
  std::size_t asked = 0;
  for (const auto& row : rows) {
    SCOPED_TRACE(row.status);
    origin_.script(k_path, {answer(row.status), good()});
    EXPECT_EQ(fail(spec_).kind, row.kind);
    EXPECT_EQ(origin_.requests(k_path), ++asked);
  }
}

TEST_F(Fetch, AShortRetryAfterIsWaitedForHere) {
  OriginResponse busy = answer(429);
  busy.headers["Retry-After"] = "3";
  origin_.script(k_path, {busy, good()});
  succeed(spec_);
  ASSERT_THAT(naps_, SizeIs(1));
  EXPECT_GE(naps_[0], milliseconds(3000));
}

TEST_F(Fetch, ALongRetryAfterIsTheCoordinatorsToWait) {
  OriginResponse busy = answer(503);
  busy.headers["Retry-After"] = "300";
  origin_.script(k_path, {busy, good()});
  const JobFailure failed = fail(spec_);
  EXPECT_EQ(failed.kind, ErrorKind::retry);
  EXPECT_EQ(failed.retry_after, milliseconds(300'000));
  EXPECT_THAT(naps_, SizeIs(0));
  EXPECT_EQ(origin_.requests(k_path), 1U);
}

TEST_F(Fetch, MoreBytesThanExpectedAreNotWaitedFor) {
  origin_.script(k_path, {{.body = std::string(100'000, 'x'), .then = Then::endless}});
  const JobFailure failed = fail(spec_);
  EXPECT_EQ(failed.kind, ErrorKind::corrupt);
  EXPECT_THAT(failed.message, HasSubstr("more than the expected"));
  EXPECT_LT(failed.fetched_bytes, 10'000'000U);
}

TEST_F(Fetch, RedirectsAreFollowedButNotInACircle) {
  origin_.serve("/elsewhere/demo", bytes_);
  origin_.script(k_path, {redirect_to("/elsewhere/demo")});
  succeed(spec_);
  must(store_.remove(key(spec_, Format::tar_bz2, bytes_)));
  origin_.script(k_path, {redirect_to(k_path)});
  EXPECT_EQ(fail(spec_).kind, ErrorKind::rejected);
}

TEST_F(Fetch, NobodyAtTheOriginIsAReasonToTryAgainLater) {
  spec_.source_url = "http://127.0.0.1:1/main/linux-64/demo-1.0-h0_0.tar.bz2";
  spec_.fetch_url = spec_.source_url;
  const JobFailure failed = fail(spec_);
  EXPECT_EQ(failed.kind, ErrorKind::retry);
  EXPECT_THAT(failed.message, HasSubstr("127.0.0.1"));
}

TEST_F(Fetch, ALocallyBuiltPackageHasNoOrigin) {
  spec_.source_url = "https://_fake/main/linux-64/demo-1.0-h0_0.tar.bz2";
  spec_.fetch_url = spec_.source_url;
  EXPECT_EQ(fail(spec_).kind, ErrorKind::not_found);
}

}  // namespace
}  // namespace athanor::worker::test

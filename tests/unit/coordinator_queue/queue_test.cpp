#include "coordinator/queue/backoff.hpp"
#include "coordinator/queue/job_state.hpp"
#include "coordinator/queue/job_table.hpp"
#include "coordinator/queue/lease_book.hpp"
#include "coordinator/queue/packed.hpp"
#include "coordinator/queue/ready_queue.hpp"
#include "shared/base/limits.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace athanor::coordinator {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

JobSpec spec(const std::string& name) {
  JobSpec spec;
  spec.source_url = "https://conda.test/channel/linux-64/" + name + "-1-0.conda";
  spec.fetch_url = spec.source_url;
  spec.wanted = {Format::conda};
  return spec;
}

std::string packed(const std::string& name) {
  return pack_spec(spec(name), FetchUrl::keep);
}

// --- States
// ---------------------------------------------------------------------------------------

struct Transition {
  const char* name;
  JobState from;
  JobEvent event;
  std::optional<JobState> to;
};
class JobTransitionTest : public testing::TestWithParam<Transition> {};
TEST_P(JobTransitionTest, LeadsWhereTheTableSays) {
  EXPECT_EQ(next_job_state(GetParam().from, GetParam().event), GetParam().to);
}
INSTANTIATE_TEST_SUITE_P(
    Job, JobTransitionTest,
    testing::Values(
        Transition{"granted", JobState::ready, JobEvent::grant, JobState::leased},
        Transition{"granted_twice", JobState::leased, JobEvent::grant, JobState::leased},
        Transition{"given_back", JobState::leased, JobEvent::come_back, JobState::ready},
        Transition{"done", JobState::leased, JobEvent::succeed, JobState::done},
        Transition{"late_success", JobState::done, JobEvent::succeed, std::nullopt},
        Transition{"success_without_lease", JobState::waiting, JobEvent::succeed, std::nullopt},
        Transition{"failure_that_passes", JobState::leased, JobEvent::fail_for_now,
                   JobState::waiting},
        Transition{"backoff_over", JobState::waiting, JobEvent::wake, JobState::ready},
        Transition{"canceled_job_wakes", JobState::canceled, JobEvent::wake, std::nullopt},
        Transition{"asked_again", JobState::done, JobEvent::ask, JobState::ready},
        Transition{"poison_asked_again", JobState::quarantined, JobEvent::ask,
                   JobState::quarantined},
        Transition{"poison_released", JobState::quarantined, JobEvent::retry, JobState::ready}),
    [](const auto& param_info) { return param_info.param.name; });

// --- Packed specs
// ---------------------------------------------------------------------------------

TEST(PackedSpec, ComesBackAsItWas) {
  JobSpec whole = spec("zlib");
  whole.fetch_url = "https://user:secret@conda.test/zlib-1-0.conda";
  whole.wanted = {Format::conda, Format::tar_bz2};
  whole.expected.push_back({.md5 = md5_of("x"), .sha256 = sha256_of("x"), .size = 300});
  whole.expected.push_back({.md5 = std::nullopt, .sha256 = sha256_of("y"), .size = std::nullopt});
  whole.present.push_back({.format = Format::tar_bz2, .hash = "00ff", .size = 7, .key = "a/b"});
  const std::string bytes = pack_spec(whole, FetchUrl::keep);
  const auto again = unpack_spec(bytes);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(*again, whole);
  EXPECT_EQ(packed_url(bytes), whole.source_url);
  EXPECT_EQ(packed_size(bytes), 300U);
  EXPECT_TRUE(packed_has_present(bytes));
}

TEST(PackedSpec, DropsWhatMayHoldCredentials) {
  JobSpec secret = spec("zlib");
  secret.fetch_url = "https://user:secret@conda.test/zlib-1-0.conda";
  const std::string bytes = pack_spec(secret, FetchUrl::drop);
  EXPECT_EQ(bytes.find("secret"), std::string::npos);
  EXPECT_EQ(unpack_spec(bytes)->fetch_url, secret.source_url);
}

TEST(PackedSpec, ASolveComesBackAndItsKeyIgnoresCredentials) {
  SolveRequest request;
  request.channels = {
      {.url = "https://conda.test/main", .fetch_url = "https://user:secret@conda.test/main"}};
  request.platform = "linux-64";
  request.specs = {"zlib"};
  const JobSpec job = make_solve_job(request);
  const std::string kept = pack_spec(job, FetchUrl::keep);
  EXPECT_EQ(*unpack_spec(kept), job);
  const std::string dropped = pack_spec(job, FetchUrl::drop);
  EXPECT_EQ(dropped.find("secret"), std::string::npos);
  EXPECT_EQ(packed_key(dropped), packed_key(kept));
  request.channels.front().fetch_url.clear();
  EXPECT_EQ(packed_key(pack_spec(make_solve_job(request), FetchUrl::keep)), packed_key(kept));
  request.specs = {"zlib >1"};
  EXPECT_NE(packed_key(pack_spec(make_solve_job(request), FetchUrl::keep)), packed_key(kept));
}

TEST(PackedSpec, KeyIsTheUrlAndTheSetOfFormats) {
  JobSpec one = spec("zlib");
  one.wanted = {Format::conda, Format::tar_bz2};
  JobSpec other = one;
  other.wanted = {Format::tar_bz2, Format::conda};
  other.expected.push_back({.md5 = std::nullopt, .sha256 = std::nullopt, .size = 1});
  const auto key = [](const JobSpec& s) {
    const std::string bytes = pack_spec(s, FetchUrl::keep);
    return std::string(packed_key(bytes));
  };
  EXPECT_EQ(key(one), key(other));
  other.wanted = {Format::conda};
  EXPECT_NE(key(one), key(other));
}

TEST(PackedSpec, AnyDamageIsNoticedOrHarmless) {
  JobSpec whole = spec("zlib");
  whole.expected.push_back({.md5 = md5_of("x"), .sha256 = std::nullopt, .size = 300});
  const std::string bytes = pack_spec(whole, FetchUrl::keep);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(unpack_spec(bytes.substr(0, size)).ok()) << "cut at " << size;
  }
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string altered = bytes;
    altered[i] = static_cast<char>(altered[i] ^ 0xff);
    static_cast<void>(unpack_spec(altered));  // never reads past the end, never allocates wildly
  }
}

TEST(PackedOutcomes, ComeBackAsTheyWere) {
  JobSuccess success;
  success.formats.push_back({.format = Format::conda, .hash = "ab", .size = 3, .key = "k"});
  success.source_digest = Digest{.md5 = md5_of("x"), .sha256 = sha256_of("x"), .size = 1};
  success.provenance = Provenance::local;
  success.fetched_bytes = 1U << 30U;
  success.warnings = {"odd"};
  success.stage_times.emplace_back(Stage::fetch, 12ms);
  success.attempts = {
      {.host = "a.example",
       .end = AttemptEnd::busy,
       .status = 503,
       .bytes = 0,
       .error = "it is busy"},
      {.host = "b.example", .end = AttemptEnd::done, .status = 206, .bytes = 7, .error = {}}};
  const auto again = unpack_success(pack_success(success));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->formats, success.formats);
  EXPECT_EQ(again->source_digest, success.source_digest);
  EXPECT_EQ(again->provenance, success.provenance);
  EXPECT_EQ(again->fetched_bytes, success.fetched_bytes);
  EXPECT_EQ(again->warnings, success.warnings);
  EXPECT_EQ(again->stage_times, success.stage_times);
  EXPECT_EQ(again->attempts, success.attempts);

  JobFailure failure;
  failure.stage = Stage::verify;
  failure.kind = ErrorKind::corrupt;
  failure.message = "wrong digest";
  failure.retry_after = 5s;
  failure.lagging = true;
  failure.attempts = {success.attempts[0]};
  const auto failed = unpack_failure(pack_failure(failure));
  ASSERT_TRUE(failed.ok());
  EXPECT_EQ(failed->kind, failure.kind);
  EXPECT_EQ(failed->message, failure.message);
  EXPECT_EQ(failed->retry_after, failure.retry_after);
  EXPECT_TRUE(failed->lagging);
  EXPECT_EQ(failed->attempts, failure.attempts);

  JobSpec young = spec("zlib");
  young.built_ms = 1'769'821'323'000;
  EXPECT_EQ(unpack_spec(pack_spec(young, FetchUrl::keep))->built_ms, young.built_ms);
}

// --- Job table
// ------------------------------------------------------------------------------------

TEST(JobTable, OneKeyIsOneJob) {
  JobTable table;
  const auto first = table.insert(packed("a"));
  const auto second = table.insert(packed("a"));
  EXPECT_TRUE(first.inserted);
  EXPECT_FALSE(second.inserted);
  EXPECT_EQ(first.id, second.id);
  EXPECT_NE(table.insert(packed("b")).id, first.id);
}

TEST(JobTable, FindsEveryJobWhateverIsInsertedAndErased) {
  JobTable table;
  Random random(42);
  std::map<std::string, JobId> model;
  for (int step = 0; step < 20'000; ++step) {
    const std::string name = "p" + std::to_string(random.below(3'000));
    if (random.below(3) != 0) {
      const auto inserted = table.insert(packed(name));
      EXPECT_EQ(inserted.inserted, model.count(name) == 0);
      model.emplace(name, inserted.id);
    } else if (const auto known = model.find(name); known != model.end()) {
      table.apply(known->second, JobEvent::cancel);
      table.erase(known->second);
      model.erase(known);
    }
  }
  EXPECT_EQ(table.size(), model.size());
  for (const auto& [name, id] : model) {
    const std::string bytes = packed(name);
    ASSERT_EQ(table.find_key(packed_key(bytes)), id) << name;
  }
}

TEST(JobTable, KeepsWaitersInOrderAndEachOnItsOwn) {
  JobTable table;
  const JobId a = table.insert(packed("a")).id;
  const JobId b = table.insert(packed("b")).id;
  for (std::uint64_t i = 1; i <= 3; ++i) {
    table.add_waiter(a, EnvironmentId{i});
    table.add_waiter(b, EnvironmentId{10 + i});
  }
  EXPECT_TRUE(table.remove_waiter(a, EnvironmentId{2}));
  EXPECT_FALSE(table.remove_waiter(a, EnvironmentId{2}));
  table.add_waiter(a, EnvironmentId{4});
  EXPECT_THAT(table.take_waiters(a),
              ElementsAre(EnvironmentId{1}, EnvironmentId{3}, EnvironmentId{4}));
  EXPECT_THAT(table.waiters(a), IsEmpty());
  EXPECT_THAT(table.waiters(b),
              ElementsAre(EnvironmentId{11}, EnvironmentId{12}, EnvironmentId{13}));
}

TEST(JobTable, CountsByState) {
  JobTable table;
  const JobId a = table.insert(packed("a")).id;
  table.insert(packed("b"));
  table.apply(a, JobEvent::grant);
  EXPECT_EQ(table.count(JobState::ready), 1U);
  EXPECT_EQ(table.count(JobState::leased), 1U);
}

TEST(JobTableDeathTest, AnEventThatCannotHappenIsABug) {
  JobTable table;
  const JobId a = table.insert(packed("a")).id;
  EXPECT_DEATH(table.apply(a, JobEvent::succeed), "");
}

// --- Ready queue
// ----------------------------------------------------------------------------------

bool all_open(OriginId /*origin*/) {
  return true;
}

TEST(ReadyQueue, GivesTheLargestFirstAndEqualOnesInOrder) {
  ReadyQueue queue;
  queue.add_batch(BatchId{1}, 0);
  queue.push(BatchId{1}, JobId{1}, 1, 0);
  queue.push(BatchId{1}, JobId{2}, 2, 50);
  queue.push(BatchId{1}, JobId{3}, 1, 70);
  queue.push(BatchId{1}, JobId{4}, 1, 50);
  std::vector<std::uint64_t> order;
  while (const auto entry = queue.pop(all_open)) {
    order.push_back(entry->job.value);
  }
  EXPECT_THAT(order, ElementsAre(3, 2, 4, 1));
  EXPECT_EQ(queue.size(), 0U);
}

TEST(ReadyQueue, PassesOverClosedOriginsWithoutLosingTheirJobs) {
  ReadyQueue queue;
  queue.add_batch(BatchId{1}, 0);
  queue.push(BatchId{1}, JobId{1}, 1, 100);
  queue.push(BatchId{1}, JobId{2}, 2, 10);
  const auto only_2 = [](OriginId origin) { return origin == 2; };
  EXPECT_EQ(queue.pop(only_2)->job, JobId{2});
  EXPECT_FALSE(queue.pop(only_2));
  EXPECT_EQ(queue.pop(all_open)->job, JobId{1});
}

TEST(ReadyQueue, SharesByWeightAndStarvesNobody) {
  ReadyQueue queue;
  queue.add_batch(BatchId{1}, 0);
  queue.add_batch(BatchId{2}, 200);  // a quarter of the share
  for (std::uint64_t i = 1; i <= 100; ++i) {
    queue.push(BatchId{1}, JobId{i}, 0, 0);
    queue.push(BatchId{2}, JobId{1000 + i}, 0, 0);
  }
  for (int i = 0; i < 50; ++i) {
    queue.begin_executing(queue.pop(all_open)->batch);
  }
  EXPECT_EQ(queue.executing(BatchId{1}), 40U);
  EXPECT_EQ(queue.executing(BatchId{2}), 10U);
}

TEST(ReadyQueue, ARemovedBatchTakesItsEntriesAlong) {
  ReadyQueue queue;
  queue.add_batch(BatchId{1}, 0);
  queue.add_batch(BatchId{2}, 0);
  queue.push(BatchId{1}, JobId{1}, 0, 0);
  queue.push(BatchId{2}, JobId{1}, 0, 0);
  queue.remove_batch(BatchId{1});
  queue.end_executing(BatchId{1});
  EXPECT_EQ(queue.pop(all_open)->batch, BatchId{2});
  EXPECT_FALSE(queue.pop(all_open));
}

// --- Leases
// ---------------------------------------------------------------------------------------

class LeaseBookTest : public testing::Test {
 protected:
  Lease lease(std::uint64_t job, std::uint32_t attempt) const {
    Lease lease;
    lease.key = {.epoch = 3, .job = JobId{job}, .attempt = attempt};
    lease.worker = WorkerId{1};
    lease.granted = now;
    lease.progressed = now;
    lease.expires = now + 8s;
    return lease;
  }
  LeaseBook book;
  TimePoint now = TimePoint(1h);
};

TEST_F(LeaseBookTest, KnowsALeaseByEpochJobAndAttempt) {
  book.add(lease(1, 2));
  EXPECT_NE(book.find({.epoch = 3, .job = JobId{1}, .attempt = 2}), nullptr);
  EXPECT_EQ(book.find({.epoch = 2, .job = JobId{1}, .attempt = 2}), nullptr);
  EXPECT_EQ(book.find({.epoch = 3, .job = JobId{1}, .attempt = 1}), nullptr);
  EXPECT_EQ(book.find({.epoch = 3, .job = JobId{2}, .attempt = 2}), nullptr);
}

TEST_F(LeaseBookTest, ARenewedLeaseExpiresLater) {
  book.add(lease(1, 1));
  book.add(lease(2, 1));
  book.find(lease(1, 1).key)->expires = now + 10s;
  EXPECT_THAT(book.expired(now + 8s - 1ms), IsEmpty());
  EXPECT_THAT(book.expired(now + 8s), ElementsAre(lease(2, 1).key));
  book.remove(lease(2, 1).key);
  EXPECT_THAT(book.expired(now + 10s - 1ms), IsEmpty());
  EXPECT_THAT(book.expired(now + 10s), ElementsAre(lease(1, 1).key));
}

TEST_F(LeaseBookTest, ALeaseWithoutProgressEndsAlthoughItIsRenewed) {
  book.add(lease(1, 1));
  book.find(lease(1, 1).key)->expires = now + 24h;
  EXPECT_THAT(book.expired(now + limits::k_progress_timeout - 1ms), IsEmpty());
  EXPECT_EQ(book.expired(now + limits::k_progress_timeout).size(), 1U);
}

TEST_F(LeaseBookTest, FindsAllLeasesOfAJob) {
  book.add(lease(1, 1));
  book.add(lease(2, 7));
  book.add(lease(1, 2));
  EXPECT_THAT(book.of_job(JobId{1}), ElementsAre(lease(1, 1).key, lease(1, 2).key));
  EXPECT_TRUE(book.has_any(JobId{2}));
  EXPECT_FALSE(book.has_any(JobId{3}));
}

// --- Backoff
// --------------------------------------------------------------------------------------

struct BackoffCase {
  const char* name;
  std::uint32_t failures;
  std::optional<std::chrono::milliseconds> retry_after;
  std::chrono::milliseconds low;
  std::chrono::milliseconds high;
};
class BackoffTest : public testing::TestWithParam<BackoffCase> {};
TEST_P(BackoffTest, StaysWithinItsBounds) {
  Random random(1);
  std::set<std::chrono::milliseconds> seen;
  for (int i = 0; i < 1000; ++i) {
    const auto delay = backoff_delay(GetParam().failures, GetParam().retry_after, random);
    EXPECT_GE(delay, GetParam().low);
    EXPECT_LE(delay, GetParam().high);
    seen.insert(delay);
  }
  EXPECT_GT(seen.size(), 100U) << "a thousand jobs must not come back together";
}
INSTANTIATE_TEST_SUITE_P(Cases, BackoffTest,
                         testing::Values(BackoffCase{"first", 1, std::nullopt, 0ms, 1s},
                                         BackoffCase{"third", 3, std::nullopt, 0ms, 4s},
                                         BackoffCase{"ceiling", 1000, std::nullopt, 0ms, 60s},
                                         BackoffCase{"origin_says_when", 1, 30s, 30s, 31s},
                                         BackoffCase{"origin_says_tomorrow", 1, 24h, 600s, 601s}),
                         [](const auto& param_info) { return param_info.param.name; });

TEST(Backoff, OnlyWhatMayPassIsTriedAgain) {
  EXPECT_TRUE(is_worth_retrying(ErrorKind::retry));
  EXPECT_TRUE(is_worth_retrying(ErrorKind::bug));
  for (const ErrorKind kind : {ErrorKind::not_found, ErrorKind::corrupt, ErrorKind::rejected,
                               ErrorKind::unsupported, ErrorKind::invalid, ErrorKind::canceled}) {
    EXPECT_FALSE(is_worth_retrying(kind)) << to_string(kind);
  }
}

}  // namespace
}  // namespace athanor::coordinator

#include "tests/unit/worker_pipeline/workshop.hpp"

#include <thread>

namespace athanor::worker::test {
namespace {

using testing::HasSubstr;
using testing::SizeIs;
using testing::StartsWith;

const std::vector<Format> k_both{Format::tar_bz2, Format::conda};
constexpr const char* k_path = "/main/linux-64/demo-1.0-h0_0.tar.bz2";

class Publish : public Workshop {
 protected:
  Publish()
      : bytes_(build_package({}, Format::tar_bz2)),
        spec_(job(k_path, bytes_, k_both)),
        source_(must(SourceUrl::parse(spec_.source_url, PackageType::conda))),
        claim_(layout_.claim_key(source_, Format::conda)) {
    origin_.serve(k_path, bytes_);
  }

  std::string slot_key(const std::string& bytes) const {
    return layout_.artifact_key(source_, Format::conda, digest_of(bytes));
  }
  std::size_t objects_in_slot(Format format) const {
    std::size_t count = 0;
    for (const auto& [name, bytes] : store_.objects()) {
      count += name.starts_with(layout_.slot_prefix(source_, format)) ? 1U : 0U;
    }
    return count;
  }

  const std::string bytes_;
  JobSpec spec_;
  const SourceUrl source_;
  const std::string claim_;
};

TEST_F(Publish, AnotherHashInTheSourceSlotIsAConflict) {
  const std::string older = build_package({.files = {}}, Format::tar_bz2);
  put(key(spec_, Format::tar_bz2, older), older);
  JobFailure failed = fail(spec_);
  EXPECT_EQ(failed.kind, ErrorKind::rejected);
  EXPECT_THAT(failed.message, StartsWith("slot conflict"));
  EXPECT_EQ(origin_.total_requests(), 0U) << "known before anything is fetched";
  spec_.expected.clear();
  EXPECT_THAT(succeed(spec_).formats, SizeIs(2)) << "no input contradicts the store";
}

TEST_F(Publish, TwoHashesInOneSlotAreAConflict) {
  put(slot_key("a"), "a");
  put(slot_key("b"), "b");
  const JobFailure failed = fail(spec_);
  EXPECT_EQ(failed.kind, ErrorKind::rejected);
  EXPECT_THAT(failed.message, HasSubstr("same format of one source"));
}

TEST_F(Publish, AnObjectWhereAFolderBelongsIsAConflict) {
  put(layout_.source_prefix(source_) + "notes.txt", "x");
  const JobFailure failed = fail(spec_);
  EXPECT_EQ(failed.kind, ErrorKind::rejected);
  EXPECT_THAT(failed.message, HasSubstr("notes.txt"));
}

TEST_F(Publish, TheSourceIsPublishedBeforeWhatIsMadeOfIt) {
  std::vector<std::string> order;
  faulty_.after([&](StoreCall call, std::string_view name) -> Result<void> {
    if (call == StoreCall::put_if_absent && name.starts_with("packages/")) {
      order.emplace_back(name);
    }
    return {};
  });
  succeed(spec_);
  ASSERT_THAT(order, SizeIs(2));
  EXPECT_THAT(order[0], HasSubstr(".tar.bz2/" + md5_of(bytes_).hex()));
  EXPECT_EQ(store_.objects().at(claim_), order[1]);
}

TEST_F(Publish, AClaimIsRespectedUntilItsObjectIsThere) {
  const std::string theirs = slot_key("theirs");
  must(store_.put_if_absent(claim_, ObjectSource::from_bytes(theirs)));
  int looks = 0;
  faulty_.before([&](StoreCall call, std::string_view name) -> Result<void> {
    if (call == StoreCall::list && name == layout_.slot_prefix(source_, Format::conda) &&
        ++looks == 4) {
      put(theirs, "theirs");
    }
    return {};
  });
  const JobSuccess result = succeed(spec_);
  EXPECT_EQ(result.adopted, 1U);
  EXPECT_EQ(objects_in_slot(Format::conda), 1U);
  EXPECT_THAT(result.formats, testing::Contains(testing::Field(&StoredFormat::key, theirs)));
}

TEST_F(Publish, AClaimWhoseObjectDoesNotComeIsTakenOver) {
  must(store_.put_if_absent(claim_, ObjectSource::from_bytes(slot_key("never"))));
  const auto before = clock_.now();
  const JobSuccess result = succeed(spec_);
  EXPECT_EQ(result.adopted, 0U);
  EXPECT_GE(clock_.now() - before, std::chrono::seconds(60));
  EXPECT_EQ(objects_in_slot(Format::conda), 1U);
}

TEST_F(Publish, AClaimThatNamesNothingIsTakenOver) {
  must(store_.put_if_absent(claim_, ObjectSource::from_bytes("")));
  succeed(spec_);
  EXPECT_EQ(objects_in_slot(Format::conda), 1U);
}

TEST_F(Publish, AnInterruptedJobIsContinuedUnderItsOwnClaim) {
  faulty_.before([&](StoreCall call, std::string_view name) -> Result<void> {
    if (call == StoreCall::put_if_absent && name.ends_with(".conda")) {
      return make_error(ErrorKind::retry, "the store is down");
    }
    return {};
  });
  EXPECT_EQ(fail(spec_).kind, ErrorKind::retry);
  EXPECT_TRUE(store_.objects().contains(claim_));
  faulty_.before({});
  const auto before = clock_.now();
  succeed(spec_);
  EXPECT_LT(clock_.now() - before, std::chrono::seconds(1)) << "the same bytes need no waiting";
}

TEST_F(Publish, WhoeverWasOvertakenWhileUploadingWithdraws) {
  const std::string theirs = slot_key("theirs");
  faulty_.before([&](StoreCall call, std::string_view name) -> Result<void> {
    if (call == StoreCall::put_if_absent && name.ends_with(".conda") && name != theirs) {
      clock_.advance(std::chrono::minutes(30));
      must(store_.put(claim_, ObjectSource::from_bytes(theirs), std::nullopt));
      put(theirs, "theirs");
    }
    return {};
  });
  const JobSuccess result = succeed(spec_);
  EXPECT_EQ(result.adopted, 1U);
  EXPECT_EQ(objects_in_slot(Format::conda), 1U);
  EXPECT_TRUE(store_.objects().contains(theirs));
}

TEST_F(Publish, ManyWorkersOfSeveralCoordinatorsLeaveOneObjectPerSlot) {
  // Each makes other bytes of the same package, as other versions and levels would.
  std::vector<std::jthread> threads;
  std::vector<JobOutcome> outcomes(6);
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    threads.emplace_back([&, i] {
      protocol::WorkSettings settings = settings_;
      settings.zstd_level = static_cast<int>(1 + i * 3);
      auto store = store_.another_client();
      auto pipeline = make_pipeline({.store = *store,
                                     .http = *http_,
                                     .workspace = *workspace_,
                                     .clock = clock_,
                                     .random = Random(i),
                                     .sleeper =
                                         [](std::chrono::milliseconds, std::stop_token) {
                                           std::this_thread::yield();
                                           return Result<void>();
                                         },
                                     .settings = settings,
                                     .cpu = 1});
      ProgressCell progress;
      outcomes[i] = pipeline->run(spec_, progress, {});
    });
  }
  threads.clear();
  for (const JobOutcome& outcome : outcomes) {
    EXPECT_THAT(success(outcome).formats, SizeIs(2));
  }
  EXPECT_EQ(objects_in_slot(Format::conda), 1U);
  EXPECT_EQ(objects_in_slot(Format::tar_bz2), 1U);
}

TEST_F(Publish, AStoreThatRefusesIsToldWithItsWords) {
  faulty_.before([&](StoreCall call, std::string_view) -> Result<void> {
    return call == StoreCall::put_if_absent
               ? Result<void>(make_error(ErrorKind::rejected, "the store is read-only"))
               : Result<void>();
  });
  const JobFailure failed = fail(spec_);
  EXPECT_EQ(failed.stage, Stage::publish);
  EXPECT_EQ(failed.kind, ErrorKind::rejected);
  EXPECT_THAT(failed.message, HasSubstr("read-only"));
}

}  // namespace
}  // namespace athanor::worker::test

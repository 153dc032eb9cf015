#include "coordinator/assemble/publish.hpp"

#include "coordinator/check/check.hpp"
#include "coordinator/intake/intake.hpp"
#include "shared/base/units.hpp"
#include "shared/os/files.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/memory_store.hpp"
#include "tests/support/results.hpp"
#include "tests/support/test_data.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>

// From the reader's own packages and what it had resolved, we must publish the store that it
// published.
namespace athanor::coordinator {
namespace {

using test::must;

using Objects = std::map<std::string, std::string>;

Objects read_store(const std::filesystem::path& root) {
  Objects objects;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (entry.is_regular_file()) {
      objects[entry.path().lexically_relative(root).generic_string()] =
          must(read_file(entry.path(), 64_MiB));
    }
  }
  return objects;
}

class ReaderPublishes : public testing::Test {
 protected:
  void SetUp() override {
    const auto directory = test::test_data_dir();
    if (!directory || !std::filesystem::exists(*directory / "golden/store")) {
      GTEST_SKIP() << test::k_no_test_data;
    }
    golden_ = read_store(*directory / "golden/store");
    const std::string inputs[] = {*directory / "golden/environments.json"};
    intake_ = must(read_inputs(inputs, {}));
    const auto aliased = std::ranges::find(intake_.environments, std::string("zlib-linux-bz2"),
                                           &EnvironmentRequest::name);
    ASSERT_NE(aliased, intake_.environments.end());
    aliased->aliases = {"golden/zlib:v1", "golden/zlib:latest"};
    clock_.set_wall(WallTime(std::chrono::seconds(1'767'323'045)));  // 2026-01-02T03:04:05
  }

  Plan plan() {
    return make_plan(intake_,
                     must(survey_store(store_, layout_, distinct_sources(intake_, layout_))),
                     layout_, {});
  }

  Objects golden_;
  IntakeResult intake_;
  test::MemoryStore store_;
  test::ManualClock clock_;
  Layout layout_;
};

TEST_F(ReaderPublishes, TheSameDocumentsFromTheSamePackages) {
  for (const auto& [key, bytes] : golden_) {
    if (layout_.parse_artifact_key(key)) {
      must(store_.put(key, ObjectSource::from_bytes(bytes), std::nullopt));
    }
  }
  const Plan planned = plan();
  EXPECT_EQ(planned.totals.present, planned.totals.distinct);
  EXPECT_EQ(planned.environments.size(), 8U);
  EnvironmentPublisher publisher(store_, layout_, planned, clock_, {.user = "golden"});
  for (std::size_t i = 0; i < planned.environments.size(); ++i) {
    must(publisher.publish(i, [](std::size_t) { return nullptr; }));
  }
  const Objects ours = store_.objects();
  for (const auto& [key, bytes] : golden_) {
    ASSERT_TRUE(ours.contains(key)) << key;
    EXPECT_EQ(ours.at(key), bytes) << key;
  }
  EXPECT_EQ(ours.size(), golden_.size());
}

TEST_F(ReaderPublishes, ItsStoreStartsEveryEnvironment) {
  for (const auto& [key, bytes] : golden_) {
    must(store_.put(key, ObjectSource::from_bytes(bytes), std::nullopt));
  }
  for (const CheckReport& report :
       {must(check_all(store_, layout_)), must(check_requests(store_, layout_, intake_))}) {
    EXPECT_EQ(report.environments.size(), 8U);
    EXPECT_TRUE(report.all_ready()) << show_check(report);
  }
}

}  // namespace
}  // namespace athanor::coordinator

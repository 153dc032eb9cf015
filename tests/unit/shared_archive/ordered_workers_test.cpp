#include "shared/archive/ordered_workers.hpp"

#include <gtest/gtest.h>

namespace athanor {
namespace {

struct Square {
  int value = 0;
  int result = -1;
};

class Squarer {
 public:
  void run(Square& job) { job.result = job.value * job.value; }
};

std::unique_ptr<Square> square_of(int value) {
  auto job = std::make_unique<Square>();
  job->value = value;
  return job;
}

TEST(OrderedWorkers, GiveJobsBackInTheOrderOfTheirSubmission) {
  for (const unsigned threads : {0U, 1U, 2U, 5U}) {
    OrderedWorkers<Square, Squarer> workers(threads);
    int taken = 0;
    for (int i = 0; i < 1'000; ++i) {
      workers.submit(square_of(i));
      while (workers.size() > 7) {
        const auto job = workers.take();
        EXPECT_EQ(job->value, taken);
        EXPECT_EQ(job->result, taken * taken);
        ++taken;
      }
    }
    while (!workers.empty()) {
      EXPECT_EQ(workers.take()->result, taken * taken);
      ++taken;
    }
    EXPECT_EQ(taken, 1'000);
  }
}

TEST(OrderedWorkers, DontRunWhatIsDiscardedBeforeItsTurn) {
  OrderedWorkers<Square, Squarer> workers(0);
  workers.submit(square_of(2));
  workers.submit(square_of(3));
  EXPECT_EQ(workers.discard()->result, -1);
  EXPECT_EQ(workers.take()->result, 9);
  EXPECT_TRUE(workers.empty());
}

TEST(OrderedWorkers, CanBeDestroyedWithJobsUnderWay) {
  OrderedWorkers<Square, Squarer> workers(3);
  for (int i = 0; i < 100; ++i) {
    workers.submit(square_of(i));
  }
  EXPECT_EQ(workers.discard()->value, 0);
}

}  // namespace
}  // namespace athanor

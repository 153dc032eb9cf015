#include "coordinator/fleet/worker_table.hpp"
#include "shared/base/limits.hpp"

#include <gtest/gtest.h>

namespace athanor::coordinator {
namespace {

Worker worker(std::uint64_t number, std::uint32_t jobs) {
  Worker worker;
  worker.id = WorkerId{number};
  worker.session = 100 + number;
  worker.peer = PeerId{number};
  worker.name = "host/" + std::to_string(number);
  worker.capacity = {.jobs = jobs, .cpu = jobs};
  return worker;
}

TEST(WorkerState, ADrainIsTakenBackOnlyWhileTheWorkerIsThere) {
  EXPECT_EQ(next_worker_state(WorkerState::draining, WorkerEvent::resume), WorkerState::active);
  EXPECT_EQ(next_worker_state(WorkerState::left, WorkerEvent::resume), std::nullopt);
  EXPECT_EQ(next_worker_state(WorkerState::active, WorkerEvent::drain), WorkerState::draining);
  EXPECT_EQ(next_worker_state(WorkerState::draining, WorkerEvent::drain), WorkerState::draining);
  EXPECT_EQ(next_worker_state(WorkerState::left, WorkerEvent::drain), std::nullopt);
  EXPECT_EQ(next_worker_state(WorkerState::lost, WorkerEvent::goodbye), std::nullopt);
}

TEST(Worker, HasCreditForWhatItAnnouncedMinusWhatItHolds) {
  Worker one = worker(1, 2);
  EXPECT_EQ(one.credit(), 2U);
  one.held.insert({.epoch = 1, .job = JobId{1}, .attempt = 1});
  EXPECT_EQ(one.credit(), 1U);
  one.held.insert({.epoch = 1, .job = JobId{2}, .attempt = 1});
  one.held.insert({.epoch = 1, .job = JobId{3}, .attempt = 1});  // adopted beyond its capacity
  EXPECT_EQ(one.credit(), 0U);
  one.held.clear();
  one.state = WorkerState::draining;
  EXPECT_EQ(one.credit(), 0U);
  one.state = WorkerState::active;
  one.capacity.jobs = UINT32_MAX;
  EXPECT_EQ(one.credit(), limits::k_worker_jobs);
}

TEST(WorkerTable, FindsByNumberConnectionAndName) {
  WorkerTable table;
  table.add(worker(1, 1));
  table.add(worker(2, 1));
  EXPECT_EQ(table.find_peer(PeerId{2})->id, WorkerId{2});
  EXPECT_EQ(table.find_name("host/1")->id, WorkerId{1});
  table.apply(WorkerId{1}, WorkerEvent::lose);
  table.remove(WorkerId{1});
  EXPECT_EQ(table.find(WorkerId{1}), nullptr);
  EXPECT_EQ(table.find_peer(PeerId{1}), nullptr);
  EXPECT_EQ(table.find_name("host/1"), nullptr);
}

TEST(WorkerTable, ANewerSessionOfTheSameNameKeepsTheName) {
  WorkerTable table;
  table.add(worker(1, 1));
  Worker again = worker(2, 1);
  again.name = "host/1";
  table.add(again);
  table.apply(WorkerId{1}, WorkerEvent::lose);
  table.remove(WorkerId{1});
  EXPECT_EQ(table.find_name("host/1")->id, WorkerId{2});
}

TEST(WorkerTable, OffersWorkersInTurnsAndEachOnce) {
  WorkerTable table;
  Worker& one = table.add(worker(1, 2));
  Worker& two = table.add(worker(2, 2));
  table.offer(one);
  table.offer(two);
  table.offer(one);
  EXPECT_EQ(table.next_offer(), WorkerId{1});
  table.offer(one);
  EXPECT_EQ(table.next_offer(), WorkerId{2});
  EXPECT_EQ(table.next_offer(), WorkerId{1});
  EXPECT_EQ(table.next_offer(), std::nullopt);
}

TEST(WorkerTable, OffersWorkersWithAFreeSlotFirst) {
  WorkerTable table;
  Worker& busy = table.add(worker(1, 4));
  Worker& idle = table.add(worker(2, 4));
  busy.capacity.slots = idle.capacity.slots = 1;
  table.offer(busy);
  busy.held.insert({.epoch = 1, .job = JobId{1}, .attempt = 1});
  table.offer(idle);
  EXPECT_EQ(table.next_offer(), WorkerId{2}) << "the other one has filled up meanwhile";
  EXPECT_EQ(table.next_offer(), WorkerId{1});
  EXPECT_EQ(table.next_offer(), std::nullopt);
}

}  // namespace
}  // namespace athanor::coordinator

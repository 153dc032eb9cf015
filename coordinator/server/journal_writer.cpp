#include "coordinator/server/journal_writer.hpp"

#include "coordinator/server/wake.hpp"

#include <iterator>
#include <utility>

namespace athanor::coordinator {

Result<std::unique_ptr<JournalWriter>> JournalWriter::start(std::unique_ptr<Journal> journal) {
  ATHANOR_ASSIGN(Fd wake, make_wake());
  std::unique_ptr<JournalWriter> writer(new JournalWriter(std::move(journal), std::move(wake)));
  writer->thread_ = std::thread([&self = *writer] { self.run(); });
  return writer;
}

JournalWriter::JournalWriter(std::unique_ptr<Journal> journal, Fd wake)
    : journal_(std::move(journal)),
      wake_(std::move(wake)) {}

JournalWriter::~JournalWriter() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) {
    thread_.join();
  }
}

void JournalWriter::write(std::vector<Record> records) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.empty()) {
      waiting_ = std::move(records);
    } else {
      waiting_.insert(waiting_.end(), std::make_move_iterator(records.begin()),
                      std::make_move_iterator(records.end()));
    }
    waiting_turn_ = ++handed_over_;
  }
  changed_.notify_all();
}

JournalWriter::Progress JournalWriter::progress() {
  const std::lock_guard lock(mutex_);
  return progress_;
}

Result<void> JournalWriter::flush() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return progress_.error || progress_.durable == handed_over_; });
  if (progress_.error) {
    return *progress_.error;
  }
  return {};
}

void JournalWriter::take_wake() {
  take_ring(wake_);
}

void JournalWriter::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return stopping_ || waiting_turn_ != progress_.durable; });
    if (waiting_turn_ == progress_.durable) {
      return;
    }
    const std::vector<Record> records = std::exchange(waiting_, {});
    const std::uint64_t turn = waiting_turn_;
    lock.unlock();
    const Result<void> written = journal_->commit(records);
    lock.lock();
    if (!written.ok()) {
      progress_.error = written.error();
    } else {
      progress_.durable = turn;
    }
    changed_.notify_all();
    ring(wake_);
    if (!written.ok()) {
      return;
    }
  }
}

}  // namespace athanor::coordinator

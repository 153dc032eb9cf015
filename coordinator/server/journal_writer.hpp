#pragma once

#include "coordinator/core/record.hpp"
#include "coordinator/journal/journal.hpp"
#include "shared/base/result.hpp"
#include "shared/os/fd.hpp"

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace athanor::coordinator {

// The journal's own thread: the loop goes on while a turn becomes durable, and turns that pile up
// meanwhile share the next transaction. Called by one thread.
class JournalWriter {
 public:
  static Result<std::unique_ptr<JournalWriter>> start(std::unique_ptr<Journal> journal);
  // Writes what was handed over, then ends the thread.
  ~JournalWriter();

  // Hands a turn's records over. Turns are numbered from 1, without gaps.
  void write(std::vector<Record> records);
  std::uint64_t handed_over() const { return handed_over_; }
  // The last turn that is on disk, or why none after it ever will be.
  struct Progress {
    std::uint64_t durable = 0;
    std::optional<Error> error;
  };
  Progress progress();
  // Waits until everything handed over is on disk.
  Result<void> flush();
  // Readable after progress() would say something new; take_wake() makes it unreadable.
  int wake_fd() const { return wake_.get(); }
  void take_wake();

 private:
  JournalWriter(std::unique_ptr<Journal> journal, Fd wake);
  void run();

  std::unique_ptr<Journal> journal_;  // used by the thread only
  Fd wake_;
  std::uint64_t handed_over_ = 0;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Record> waiting_;
  std::uint64_t waiting_turn_ = 0;  // the last turn in `waiting_`
  Progress progress_;
  bool stopping_ = false;

  std::thread thread_;
};

}  // namespace athanor::coordinator

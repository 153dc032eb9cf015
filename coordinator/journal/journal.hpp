#pragma once

#include "coordinator/core/record.hpp"
#include "coordinator/core/restore.hpp"
#include "coordinator/journal/database.hpp"
#include "shared/base/clock.hpp"
#include "shared/base/ids.hpp"
#include "shared/base/result.hpp"
#include "shared/os/file_lock.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace athanor::coordinator {

// A batch as the server knows it.
struct JournaledBatch {
  BatchId id;
  std::string name;
  std::string document;
  struct Extension {
    std::uint32_t first_environment = 0;
    std::string document;
  };
  std::vector<Extension> extensions;  // in the order they came
  // Environments that are over, by index.
  struct Ended {
    std::uint32_t environment = 0;
    std::vector<std::string> keys;
    std::string error;
  };
  std::vector<Ended> ended;
  bool finished = false;
  bool canceled = false;
};

// The durable log and snapshot of one coordinator. Errors are those of Database, and: rejected
// (another coordinator has it), unsupported (a newer version wrote it). Not thread-safe; may be
// handed from thread to thread.
class Journal {
 public:
  // Opens or makes the file, locks it, migrates it, and begins a new epoch, which is durable when
  // this returns.
  static Result<std::unique_ptr<Journal>> open(const std::filesystem::path& path,
                                               const Clock& clock);
  ~Journal();

  // Larger than that of any coordinator before, also of those whose journal was lost.
  std::uint64_t epoch() const { return epoch_; }

  // Everything that was committed before, into an empty reactor. Returns the batches.
  Result<std::vector<JournaledBatch>> restore(Restorer& restorer);

  // All records of a turn, durable when this returns without an error; after an error none of them
  // is, and the journal takes nothing more.
  Result<void> commit(std::span<const Record> records);

  // Moves what was committed from the log into the tables' pages: for quiet moments.
  Result<void> checkpoint();

 private:
  struct Statements;

  Journal(FileLock lock, std::unique_ptr<Database> database, const Clock& clock);
  Result<void> prepare_schema();
  Result<void> begin_epoch();
  Result<void> write(std::span<const Record> records);
  Result<void> write_states(std::span<const Record> records);
  Result<void> restore_batches(Restorer& restorer, std::vector<JournaledBatch>& batches);
  Result<void> restore_jobs(Restorer& restorer);
  Result<void> restore_outcomes(Restorer& restorer);
  Result<void> restore_environments(Restorer& restorer, std::vector<JournaledBatch>& batches);

  FileLock lock_;
  std::unique_ptr<Database> database_;
  const Clock& clock_;
  std::unique_ptr<Statements> statements_;
  std::uint64_t epoch_ = 0;
  std::optional<Error> broken_;
};

}  // namespace athanor::coordinator

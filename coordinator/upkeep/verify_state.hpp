#pragma once

#include "coordinator/upkeep/finding.hpp"
#include "shared/os/fd.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace athanor::coordinator {

// How far the reading of objects has come.
struct VerifyCheckpoint {
  std::string through;  // every object up to this key has been read
  std::uint64_t objects_read = 0;
  std::uint64_t bytes_read = 0;
};

// What a finished pass had before it.
struct VerifyTotals {
  std::uint64_t objects = 0;
  std::uint64_t packages = 0;
  std::uint64_t environments = 0;
  std::uint64_t aliases = 0;
};

// What makes two passes the same one: only then may the second go on where the first stopped.
struct VerifyIdentity {
  std::string store_url;
  std::string chosen;  // which objects are read, in words
};

// A verification's notes in a local file: what it found and how far it came, one JSON object a
// line, on the disk at every checkpoint. Open to its owner only, because keys may hold secrets. Not
// thread-safe.
class VerifyState {
 public:
  // Begins the file, or goes on with one that a pass of the same identity left: `earlier` is given
  // its findings. What it noted after its last checkpoint is dropped and found again. invalid: the
  // file is another pass's.
  static Result<std::unique_ptr<VerifyState>> open(const std::filesystem::path& path,
                                                   const VerifyIdentity& identity,
                                                   const FindingSink& earlier);
  // Every finding of a finished pass. invalid: it isn't finished, or is of another store.
  static Result<void> read_finished(const std::filesystem::path& path, const std::string& store_url,
                                    const FindingSink& sink);

  const VerifyCheckpoint& checkpoint() const { return checkpoint_; }
  bool finished() const { return finished_; }
  const VerifyTotals& totals() const { return totals_; }  // of a finished pass

  Result<void> add(const Finding& finding);
  Result<void> set_checkpoint(VerifyCheckpoint checkpoint);
  Result<void> finish(const VerifyTotals& totals);

 private:
  VerifyState(std::filesystem::path path, Fd file)
      : path_(std::move(path)),
        file_(std::move(file)) {}
  Result<void> write(const Json& line);

  std::filesystem::path path_;
  Fd file_;
  VerifyCheckpoint checkpoint_;
  VerifyTotals totals_;
  bool finished_ = false;
};

}  // namespace athanor::coordinator

#pragma once

#include "coordinator/upkeep/upkeep.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace athanor::coordinator {

struct CopyOptions {
  unsigned parallel = 8;
  bool dry_run = false;         // only says what would be copied
  bool update_aliases = false;  // moves latest, candidate and stable where they lead elsewhere
};

struct CopyReport {
  std::uint64_t packages_copied = 0;
  std::uint64_t bytes = 0;
  std::uint64_t packages_had = 0;
  std::uint64_t packages_failed = 0;  // broken in the source, or a slot that is taken
  std::uint64_t environments_copied = 0;
  std::uint64_t environments_had = 0;
  std::uint64_t environments_failed = 0;  // that name what the target lacks
  std::uint64_t aliases_copied = 0;
  std::uint64_t aliases_had = 0;
  std::uint64_t aliases_failed = 0;
  std::uint64_t skipped = 0;  // objects of no layout, and Athanor's own
  bool harmful = false;       // a failure needs a person

  bool all_copied() const { return packages_failed + environments_failed + aliases_failed == 0; }
};

// What went wrong with one object: one printable line.
using CopyTalk = std::function<void(const std::string& line)>;

// Copies what readers use from one store into another of any kind: packages first, then
// descriptions whose packages are all there, then aliases. Each package's bytes are compared with
// its key's hash before they are written, never over anything, and never as a second hash of a
// slot. Where it is repeated it goes on: what is there is not read again. Bytes pass through
// scratch files, `parallel` at a time; memory holds 48 bytes for each object.
//
// `from.on_progress` is told. Errors: either store's.
Result<CopyReport> copy_store(const Upkeep& from, Store& to, const CopyOptions& options,
                              const CopyTalk& talk);

}  // namespace athanor::coordinator

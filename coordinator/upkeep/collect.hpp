#pragma once

#include "coordinator/upkeep/change_plan.hpp"
#include "coordinator/upkeep/key_set.hpp"
#include "coordinator/upkeep/upkeep.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace athanor::coordinator {

// What gc keeps although no description needs it. Not thread-safe while it is filled.
class KeepList {
 public:
  // Every format of a source.
  void keep_source(const Layout& layout, const SourceUrl& source);
  // A list of a person's: a line is an object's key, a folder of keys (ending in "/"), a package's
  // URL, or a comment ("#"). invalid: a line is none of these; says which.
  Result<void> add_list(const Layout& layout, std::string_view text, const std::string& name);

  bool keeps(const Layout& layout, std::string_view key, const ArtifactKey& package) const;
  bool empty() const { return entries_ == 0; }
  // After the last addition.
  void seal();

 private:
  KeySet sources_;
  KeySet keys_;
  std::vector<std::string> folders_;
  std::size_t entries_ = 0;
};

struct CollectOptions {
  std::chrono::seconds grace{0};  // objects younger than this are kept
  WallTime now{};                 // by the store's clock, or ours when only showing
  // A store without descriptions needs nothing: nearly always a wrong URL or folder name.
  bool although_nothing_is_described = false;
};

struct CollectReport {
  std::uint64_t environments = 0;
  std::uint64_t packages = 0;
  std::uint64_t needed = 0;
  std::uint64_t listed = 0;  // by keep-lists
  std::uint64_t young = 0;
  ChangePlanTotals unneeded{};  // the plan
};

// Plans what to take away: package objects of sources that no description uses and no keep-list
// names, older than the grace period. Changes nothing in the store; writes the plan file. rejected:
// a description can't be read. invalid: nothing is described.
Result<CollectReport> plan_collection(const Upkeep& upkeep, const KeepList& keep,
                                      const CollectOptions& options,
                                      const std::filesystem::path& plan);

}  // namespace athanor::coordinator

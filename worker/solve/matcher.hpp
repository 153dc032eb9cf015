#pragma once

#include "shared/base/result.hpp"
#include "shared/conda/match_spec.hpp"
#include "shared/conda/virtual_package.hpp"
#include "worker/solve/package_index.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace athanor::worker::solve {

// Which records of an index fulfil a spec, remembered: one solve asks the same specs thousands of
// times, and the next solve mostly the same ones. Memory grows with the specs that solves reach,
// never beyond those that the index holds. Not thread-safe; the index must outlive it.
class Matcher {
 public:
  explicit Matcher(const PackageIndex& index)
      : index_(index) {}

  const PackageIndex& index() const { return index_; }

  // A dependency or constraint of the index. One that can't be read matches nothing, as in conda.
  struct Dependency {
    bool readable = false;
    TextId name = k_no_text;  // k_no_text: a name that no record has, or a virtual package's
    std::string name_text;
    bool names_build = false;         // tells builds of one version apart
    std::vector<RecordId> providers;  // ascending
    MatchSpec spec;
  };
  const Dependency& dependency(TextId spec);

  // What a record needs, as the index says, and for a python also pip if that is wished.
  std::span<const TextId> depends(RecordId id, bool python_brings_pip);

  // About how much is remembered, in bytes.
  std::uint64_t remembered() const { return remembered_; }

  // The records that fulfil a spec from outside the index, ascending. The name may be a glob.
  std::vector<RecordId> matching(const MatchSpec& spec);

  // The parsed version; empty if it can't be parsed. The reference is good as long as the matcher.
  const std::optional<Version>& version(TextId text);

 private:
  bool fulfils(const MatchSpec& spec, RecordId record);

  const PackageIndex& index_;
  std::unordered_map<TextId, std::unique_ptr<Dependency>> dependencies_;
  std::unordered_map<TextId, std::optional<Version>> versions_;
  std::unordered_map<RecordId, std::vector<TextId>> with_pip_;
  std::uint64_t remembered_ = 0;
};

// Whether the virtual package fulfils a spec.
bool fulfils(const MatchSpec& spec, const VirtualPackage& package);

}  // namespace athanor::worker::solve

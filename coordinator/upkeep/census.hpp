#pragma once

#include "coordinator/upkeep/upkeep.hpp"
#include "shared/json/json.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace athanor::coordinator {

struct ObjectCount {
  std::uint64_t objects = 0;
  std::uint64_t bytes = 0;

  void add(std::uint64_t size) {
    ++objects;
    bytes += size;
  }
};

// What a store holds, counted in one listing; no object is read.
struct Census {
  ObjectCount packages;
  std::map<std::string, ObjectCount> by_format;    // ".conda", ".tar.bz2", ".whl", ...
  std::map<std::string, ObjectCount> by_platform;  // "linux-64", "noarch", ...
  std::map<std::string, ObjectCount> by_channel;   // "conda.anaconda.org/conda-forge", hosts
  std::uint64_t sources = 0;
  std::uint64_t slots = 0;
  std::uint64_t conda_sources_in_both_formats = 0;
  std::vector<std::string> conflicted_slots;  // with several hashes; the first k_kept of them
  std::uint64_t conflicts = 0;
  ObjectCount environments;
  std::map<std::string, std::uint64_t> environments_by_platform;
  ObjectCount aliases;
  ObjectCount claims;
  ObjectCount trash;  // what `gc apply` and `repair` took away and can be put back
  ObjectCount other_own;
  ObjectCount misplaced;
  ObjectCount foreign;

  static constexpr std::size_t k_kept = 100;
  // More channels than that are counted together as "others".
  static constexpr std::size_t k_channels = 10'000;

  ObjectCount all() const;
};

Result<Census> take_census(const Upkeep& upkeep);

// A few tables with a final newline.
std::string show_census(const Census& census, const std::string& store_url);
// One object, "schema": 1.
Json census_to_json(const Census& census, const std::string& store_url);

}  // namespace athanor::coordinator

#pragma once

#include "shared/digest/digest.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace athanor {

// One entry of a channel's index, as published. What the index doesn't say is empty or 0.
struct PackageRecord {
  std::string name;  // lower case
  std::string version;
  std::string build;
  std::uint64_t build_number = 0;
  std::string channel;  // the channel's URL without its subdir
  std::string subdir;
  std::string filename;
  std::string url;
  ExpectedDigest digest;
  std::vector<std::string> depends;
  std::vector<std::string> constrains;
  std::vector<std::string> track_features;
  std::string license;
  std::string license_family;
  std::uint64_t timestamp = 0;  // milliseconds since 1970
  std::string noarch;           // "python", "generic" or empty
};

}  // namespace athanor

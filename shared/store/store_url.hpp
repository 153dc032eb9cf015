#pragma once

#include "shared/base/result.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace athanor {

// "s3://bucket/some/prefix?region=eu-west-1&part_size=33554432": where a store is and how it is
// talked to. Settings are never secret, so that a store's whole description is one string.
struct StoreUrl {
  std::string scheme;
  std::string container;  // bucket or container
  std::string prefix;     // empty, or ending in "/"
  std::map<std::string, std::string> settings;

  // invalid: no container, a prefix that is no key, user and password in the URL, or a setting that
  // is not one of `known` (with a "did you mean").
  static Result<StoreUrl> parse(std::string_view text, const std::vector<std::string>& known);

  // Without settings.
  std::string text() const;
  std::optional<std::string> setting(const std::string& name) const;
  // "true"/"yes"/"1" or "false"/"no"/"0"; absent is false.
  Result<bool> flag(const std::string& name) const;
  // Absent if not set; invalid if it is no number in [least, most].
  Result<std::optional<std::uint64_t>> number(const std::string& name, std::uint64_t least,
                                              std::uint64_t most) const;
};

}  // namespace athanor

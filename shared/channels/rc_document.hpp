#pragma once

#include "shared/base/result.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace athanor {

// What a comment behind a key or a value asks for: "channels:  #!final".
enum class RcFlag {
  none,
  final,   // of a key or a map's entry: files read later can't change it
  top,     // of a list's line: before all others
  bottom,  // of a list's line: behind all others
};

// A value of a .condarc with the line it stands in and what the comment there says.
struct RcValue {
  enum class Kind { null, scalar, list, map };
  Kind kind = Kind::null;
  std::string text{};                                      // of a scalar
  std::vector<RcValue> items{};                            // of a list
  std::vector<std::pair<std::string, RcValue>> members{};  // of a map, in order
  std::size_t line = 0;                                    // from 1
  std::size_t key_line = 0;        // of a map's member: where its key stands
  RcFlag flag = RcFlag::none;      // the comment in the value's own line
  RcFlag key_flag = RcFlag::none;  // the comment in the key's line

  // Null pointer if there is none, or this is no map.
  const RcValue* find(std::string_view key) const;
};

// One YAML document that is a map, or nothing at all. Every scalar stays the text it is. invalid:
// not YAML, or no map; the message begins with "file:line: ". rejected: nested or large beyond
// reason. Aliases are refused.
Result<RcValue> parse_rc_document(std::string_view text, std::string_view file);

}  // namespace athanor

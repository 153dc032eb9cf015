#pragma once

#include "shared/base/result.hpp"

#include <memory>
#include <string_view>
#include <utility>

namespace re2 {
class RE2;
}

namespace athanor {

// A regular expression as conda lets people write it for versions and builds: "^1\.2.*$". The door
// to RE2, which takes time in proportion to the text and bounded memory whatever the expression is:
// they come from strangers, and a matcher that tries alternatives in turn could be kept busy for
// ever. So it has no back references and no looking around, which conda's own (Python's) has.
// Immutable value, thread-safe.
class Pattern {
 public:
  // Whether a text is meant as one: it begins with '^' and ends with '$'.
  static bool is_meant(std::string_view text);

  // invalid: not between '^' and '$', longer than 128 bytes, or nothing that RE2 reads; the message
  // is a clause that says why.
  static Result<Pattern> compile(std::string_view text);

  // Whether all of the text matches.
  bool matches(std::string_view text) const;

 private:
  explicit Pattern(std::shared_ptr<const re2::RE2> expression)
      : expression_(std::move(expression)) {}

  std::shared_ptr<const re2::RE2> expression_;
};

}  // namespace athanor

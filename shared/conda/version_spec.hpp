#pragma once

#include "shared/base/result.hpp"
#include "shared/conda/version.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace athanor {

// The version part of a MatchSpec: relations (==, !=, <, <=, >, >=, =, ~=), prefixes ("1.2.*"),
// globs and regular expressions, joined by "," (and) and "|" (or, weaker), with parentheses. Means
// what conda means by it. Cheap to copy; immutable, so thread-safe.
class VersionSpec {
 public:
  // Matches every version.
  VersionSpec();

  // The empty text and "*" match everything. invalid: unknown or doubled operator, an operator
  // without version, unbalanced parentheses, a regular expression that isn't whole, not a version.
  static Result<VersionSpec> parse(std::string_view text);

  bool matches(const Version& version) const;
  // As given, trimmed; "*" if everything matches.
  const std::string& text() const { return text_; }
  bool matches_everything() const { return root_ == nullptr; }
  // Whether it names one version exactly ("1.2", "==1.2").
  bool is_exact() const;

  struct Node;

 private:
  std::string text_ = "*";
  std::shared_ptr<const Node> root_;
};

}  // namespace athanor

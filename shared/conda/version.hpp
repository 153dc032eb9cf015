#pragma once

#include "shared/base/result.hpp"

#include <compare>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace athanor {

// A conda version, parsed for comparison as CEP 33 (and conda's own code) orders versions: an
// epoch, dot-separated components, each a run of numbers and strings, and a local part. Value type.
//
// Within a component, numbers are greater than strings, "dev" is less than any other string and
// "post" greater than any number; missing components count as 0, so 1.1 == 1.1.0.
class Version {
 public:
  // invalid: empty, characters outside [a-z0-9_.*+!] (case folded, "-" for "_" if there is no "_"),
  // an epoch that isn't a number, a second "!" or "+", an empty component.
  static Result<Version> parse(std::string_view text);

  // As it was given, trimmed.
  const std::string& text() const { return text_; }

  // Whether `prefix` is a prefix of this version in the sense of "=1.2" and "1.2.*": component by
  // component, the last one by its own beginning (0.4.1p starts 0.4.1p1). A local part of the
  // prefix needs the same version before it.
  bool starts_with(const Version& prefix) const;
  // The rule of "~=": at least `other`, and beginning with it up to its last dot.
  bool is_compatible_with(const Version& other) const;

  friend std::strong_ordering operator<=>(const Version& a, const Version& b);
  friend bool operator==(const Version& a, const Version& b) {
    return (a <=> b) == std::strong_ordering::equal;
  }

  enum class AtomKind : unsigned char { text, number, post };
  // One run of a component. Numbers are kept as digits without leading zeros, since they may be
  // longer than any integer.
  struct Atom {
    AtomKind kind = AtomKind::number;
    std::string value;
    friend std::strong_ordering operator<=>(const Atom& a, const Atom& b);
    friend bool operator==(const Atom&, const Atom&) = default;
  };
  using Component = std::vector<Atom>;

  // Epoch first, then the components; and the local part's components.
  const std::vector<Component>& components() const { return components_; }
  const std::vector<Component>& local() const { return local_; }

 private:
  std::string text_;
  std::vector<Component> components_;
  std::vector<Component> local_;
};

}  // namespace athanor

#include "shared/conda/version.hpp"

#include "shared/base/strings.hpp"

#include <algorithm>
#include <span>
#include <utility>

namespace athanor {
namespace {

using Atom = Version::Atom;
using AtomKind = Version::AtomKind;
using Component = Version::Component;

const Atom& zero() {
  static const Atom atom{.kind = AtomKind::number, .value = "0"};
  return atom;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_version_character(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || c == '_' || c == '.' || c == '*' || c == '+' ||
         c == '!';
}

Error invalid_version(std::string_view text, std::string_view why) {
  return make_error(ErrorKind::invalid,
                    "'" + printable(text, 100) + "' is not a version: " + std::string(why));
}

enum class RunKind { digits, stars, letters };

RunKind run_kind(char c) {
  if (is_digit(c)) {
    return RunKind::digits;
  }
  return c == '*' ? RunKind::stars : RunKind::letters;
}

Atom make_atom(std::string_view run) {
  if (is_digit(run.front())) {
    const std::size_t first = std::min(run.find_first_not_of('0'), run.size() - 1);
    return Atom{.kind = AtomKind::number, .value = std::string(run.substr(first))};
  }
  if (run == "post") {
    return Atom{.kind = AtomKind::post, .value = {}};
  }
  // Capitals sort before every other character that a version may hold.
  return Atom{.kind = AtomKind::text, .value = run == "dev" ? "DEV" : std::string(run)};
}

// Runs of digits, of stars and of everything else; a component that begins with no digit gets a 0
// before it, so that numbers and strings always alternate in the same places.
Component parse_component(std::string_view text) {
  Component component;
  if (!is_digit(text.front())) {
    component.push_back(zero());
  }
  while (!text.empty()) {
    const RunKind kind = run_kind(text.front());
    std::size_t length = 1;
    while (length < text.size() && run_kind(text[length]) == kind) {
      ++length;
    }
    component.push_back(make_atom(text.substr(0, length)));
    text.remove_prefix(length);
  }
  return component;
}

// "1.2_3" → its components; a final "_" stays with the last one (openssl's 1.0.1_).
Result<std::vector<Component>> parse_components(std::string_view text, std::string_view whole,
                                                bool keep_final_underscore) {
  const bool final_underscore = keep_final_underscore && text.ends_with('_');
  std::string dotted(final_underscore ? text.substr(0, text.size() - 1) : text);
  std::replace(dotted.begin(), dotted.end(), '_', '.');
  if (final_underscore) {
    dotted += '_';
  }
  std::vector<Component> components;
  for (const std::string_view part : split(dotted, '.')) {
    if (part.empty()) {
      return invalid_version(whole, "it has an empty component");
    }
    components.push_back(parse_component(part));
  }
  return components;
}

std::strong_ordering compare(std::span<const Component> a, std::span<const Component> b) {
  static const Component missing = {zero()};
  for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    const Component& left = i < a.size() ? a[i] : missing;
    const Component& right = i < b.size() ? b[i] : missing;
    for (std::size_t j = 0; j < std::max(left.size(), right.size()); ++j) {
      const Atom& x = j < left.size() ? left[j] : zero();
      const Atom& y = j < right.size() ? right[j] : zero();
      if (const auto order = x <=> y; order != std::strong_ordering::equal) {
        return order;
      }
    }
  }
  return std::strong_ordering::equal;
}

// Whether the last component's last atom continues the prefix's: "4" starts 4 only, "p" starts
// "p1".
bool atom_starts_with(const Atom& atom, const Atom& prefix) {
  return atom.kind == AtomKind::text && prefix.kind == AtomKind::text
             ? atom.value.starts_with(prefix.value)
             : atom == prefix;
}

// As conda does it: everything before the last component, and before its last atom, must be there
// and equal; only what is missing at the very end counts as 0.
bool component_starts_with(std::span<const Atom> component, std::span<const Atom> prefix) {
  const std::size_t last = prefix.size() - 1;
  const std::span<const Atom> head = component.first(std::min(last, component.size()));
  return std::equal(head.begin(), head.end(), prefix.begin(),
                    prefix.begin() + std::ptrdiff_t(last)) &&
         atom_starts_with(last < component.size() ? component[last] : zero(), prefix[last]);
}

bool sequence_starts_with(std::span<const Component> all, std::span<const Component> prefix) {
  const std::size_t last = prefix.size() - 1;
  const std::span<const Component> head = all.first(std::min(last, all.size()));
  return std::equal(head.begin(), head.end(), prefix.begin(),
                    prefix.begin() + std::ptrdiff_t(last)) &&
         component_starts_with(last < all.size() ? all[last] : Component{}, prefix[last]);
}

}  // namespace

std::strong_ordering operator<=>(const Version::Atom& a, const Version::Atom& b) {
  // Strings are less than numbers, "post" is more than all numbers: the order of the enumerators.
  if (a.kind != b.kind) {
    return a.kind <=> b.kind;
  }
  if (a.kind == AtomKind::number && a.value.size() != b.value.size()) {
    return a.value.size() <=> b.value.size();
  }
  return a.value <=> b.value;
}

Result<Version> Version::parse(std::string_view text) {
  Version version;
  version.text_ = trim(text);
  std::string lower = to_lower(version.text_);
  if (lower.empty()) {
    return invalid_version(text, "it is empty");
  }
  if (lower.find('_') == std::string::npos) {
    std::replace(lower.begin(), lower.end(), '-', '_');
  }
  if (!std::all_of(lower.begin(), lower.end(), is_version_character)) {
    return invalid_version(text, "it holds a character that versions don't have");
  }
  const std::vector<std::string_view> with_epoch = split(lower, '!');
  if (with_epoch.size() > 2) {
    return invalid_version(text, "it has two epochs");
  }
  const std::string_view epoch = with_epoch.size() == 2 ? with_epoch[0] : std::string_view("0");
  if (epoch.empty() || !std::all_of(epoch.begin(), epoch.end(), is_digit)) {
    return invalid_version(text, "its epoch is not a number");
  }
  const std::vector<std::string_view> with_local = split(with_epoch.back(), '+');
  if (with_local.size() > 2) {
    return invalid_version(text, "it has two local parts");
  }
  if (with_local[0].empty()) {
    return invalid_version(text, "nothing stands before the local part");
  }
  ATHANOR_ASSIGN(version.components_, parse_components(with_local[0], text, true));
  version.components_.insert(version.components_.begin(), parse_component(epoch));
  if (with_local.size() == 2) {
    ATHANOR_ASSIGN(version.local_, parse_components(with_local[1], text, false));
  }
  return version;
}

bool Version::starts_with(const Version& prefix) const {
  if (prefix.local_.empty()) {
    return sequence_starts_with(components_, prefix.components_);
  }
  return components_ == prefix.components_ && sequence_starts_with(local_, prefix.local_);
}

bool Version::is_compatible_with(const Version& other) const {
  if (*this < other) {
    return false;
  }
  const std::size_t dot = other.text_.rfind('.');
  if (dot == std::string::npos) {
    return true;
  }
  const Result<Version> head = parse(std::string_view(other.text_).substr(0, dot));
  return head.ok() && starts_with(*head);
}

std::strong_ordering operator<=>(const Version& a, const Version& b) {
  const auto order = compare(a.components_, b.components_);
  return order != std::strong_ordering::equal ? order : compare(a.local_, b.local_);
}

}  // namespace athanor

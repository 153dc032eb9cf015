#include "coordinator/plan/expected_digests.hpp"

#include "shared/base/strings.hpp"

#include <algorithm>

namespace athanor::coordinator {
namespace {

template <typename T>
bool agree(const std::optional<T>& a, const std::optional<T>& b) {
  return !a || !b || *a == *b;
}

template <typename T>
bool both_say(const std::optional<T>& a, const std::optional<T>& b) {
  return a && b && *a == *b;
}

bool same_bytes(const ExpectedDigest& a, const ExpectedDigest& b) {
  return (both_say(a.md5, b.md5) || both_say(a.sha256, b.sha256)) && agree(a.md5, b.md5) &&
         agree(a.sha256, b.sha256) && agree(a.size, b.size);
}

bool has_hash(const ExpectedDigest& expected) {
  return expected.md5 || expected.sha256;
}

}  // namespace

void add_expected(std::vector<ExpectedDigest>& alternatives, const ExpectedDigest& expected) {
  if (!has_hash(expected)) {
    // Any bytes of that size would do: it must not weaken what another input knows.
    if (expected.size && alternatives.empty()) {
      alternatives.push_back(expected);
    }
    return;
  }
  std::erase_if(alternatives, [](const ExpectedDigest& known) { return !has_hash(known); });
  for (ExpectedDigest& known : alternatives) {
    if (known == expected) {
      return;
    }
    if (same_bytes(known, expected)) {
      known.md5 = known.md5 ? known.md5 : expected.md5;
      known.sha256 = known.sha256 ? known.sha256 : expected.sha256;
      known.size = known.size ? known.size : expected.size;
      return;
    }
  }
  alternatives.push_back(expected);
}

std::optional<std::string> object_hash(const ExpectedDigest& expected, PackageType type) {
  if (type == PackageType::conda) {
    return expected.md5 ? std::optional(expected.md5->hex()) : std::nullopt;
  }
  return expected.sha256 ? std::optional(expected.sha256->hex()) : std::nullopt;
}

std::optional<std::string> certain_hash(const std::vector<ExpectedDigest>& alternatives,
                                        PackageType type) {
  return alternatives.size() == 1 ? object_hash(alternatives.front(), type) : std::nullopt;
}

bool may_be(const StoredFormat& stored, const ExpectedDigest& expected, PackageType type) {
  const auto hash = object_hash(expected, type);
  return (!hash || *hash == stored.hash) && (!expected.size || *expected.size == stored.size);
}

std::optional<std::string> contradiction(const StoredFormat& stored,
                                         const std::vector<ExpectedDigest>& alternatives,
                                         PackageType type) {
  if (alternatives.empty() ||
      std::ranges::any_of(alternatives, [&](const auto& a) { return may_be(stored, a, type); })) {
    return std::nullopt;
  }
  std::vector<std::string> said;
  for (const ExpectedDigest& expected : alternatives) {
    said.push_back(expected.to_string());
  }
  return "the store holds '" + printable(stored.key) + "' with " + std::to_string(stored.size) +
         " bytes, but inputs say " + join(said, " or ") +
         "; the file changed at its origin after it was stored or locked, or the object is "
         "damaged: find out which, and remove the object or update the input";
}

}  // namespace athanor::coordinator

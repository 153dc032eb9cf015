#pragma once

#include "shared/json/json.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace athanor::coordinator {

enum class FindingKind {
  slot_conflict,           // one of several objects in one slot
  altered,                 // its bytes are not those of its key
  truncated,               // the same, and the archive breaks off
  misplaced,               // among the packages, where no reader expects an object
  foreign,                 // of somebody else
  unreadable_environment,  // a description that readers can't read
  missing_object,          // a description names it, and it isn't there
  dangling_alias,          // an alias of a description that isn't there, or that can't be read
  secret_in_key,           // a key that shows a credential to everybody who may list
};
std::string_view to_string(FindingKind kind);  // "slot_conflict", ...
std::optional<FindingKind> finding_kind_from_string(std::string_view name);

// What a finding asks for.
enum class Gravity {
  note,     // nobody is harmed
  lacking,  // something isn't there; `athanor run` or a person can add it
  harmful,  // readers get wrong bytes or give up, or a secret is shown
};

// Something in a store that isn't as it should be.
struct Finding {
  FindingKind kind = FindingKind::foreign;
  std::string key{};           // raw: it may hold a secret
  std::string what{};          // for a person; printable
  std::uint64_t size = 0;      // bytes of the object, where there is one
  std::string version_tag{};   // of the object that was looked at
  bool harms_readers = false;  // of `misplaced`
};
Gravity gravity_of(const Finding& finding);

using FindingSink = std::function<Result<void>(const Finding&)>;

// "altered: 'packages/...': its bytes are ...": one line for a person, without secrets.
std::string show_finding(const Finding& finding);
// For machines, without secrets.
Json finding_to_json(const Finding& finding);

}  // namespace athanor::coordinator

#include "coordinator/upkeep/finding.hpp"

#include "coordinator/upkeep/key_kind.hpp"

#include <algorithm>
#include <array>

namespace athanor::coordinator {
namespace {

struct Name {
  FindingKind kind;
  std::string_view text;
};

constexpr std::array k_names = {
    Name{FindingKind::slot_conflict, "slot_conflict"},
    Name{FindingKind::altered, "altered"},
    Name{FindingKind::truncated, "truncated"},
    Name{FindingKind::misplaced, "misplaced"},
    Name{FindingKind::foreign, "foreign"},
    Name{FindingKind::unreadable_environment, "unreadable_environment"},
    Name{FindingKind::missing_object, "missing_object"},
    Name{FindingKind::dangling_alias, "dangling_alias"},
    Name{FindingKind::secret_in_key, "secret_in_key"},
};

}  // namespace

std::string_view to_string(FindingKind kind) {
  return std::ranges::find(k_names, kind, &Name::kind)->text;
}

std::optional<FindingKind> finding_kind_from_string(std::string_view name) {
  const auto* const found = std::ranges::find(k_names, name, &Name::text);
  return found == k_names.end() ? std::nullopt : std::optional(found->kind);
}

Gravity gravity_of(const Finding& finding) {
  switch (finding.kind) {
    case FindingKind::slot_conflict:
    case FindingKind::altered:
    case FindingKind::truncated:
    case FindingKind::secret_in_key:
      return Gravity::harmful;
    case FindingKind::misplaced:
      return finding.harms_readers ? Gravity::harmful : Gravity::note;
    case FindingKind::unreadable_environment:
    case FindingKind::missing_object:
    case FindingKind::dangling_alias:
      return Gravity::lacking;
    case FindingKind::foreign:
      break;
  }
  return Gravity::note;
}

std::string show_finding(const Finding& finding) {
  std::string kind(to_string(finding.kind));
  std::replace(kind.begin(), kind.end(), '_', ' ');
  return kind + ": '" + printable_key(finding.key) + "': " + finding.what;
}

Json finding_to_json(const Finding& finding) {
  const Gravity gravity = gravity_of(finding);
  return Json::object({{"kind", to_string(finding.kind)},
                       {"gravity", gravity == Gravity::harmful   ? "harmful"
                                   : gravity == Gravity::lacking ? "lacking"
                                                                 : "note"},
                       {"key", printable_key(finding.key)},
                       {"what", finding.what},
                       {"bytes", finding.size}});
}

}  // namespace athanor::coordinator

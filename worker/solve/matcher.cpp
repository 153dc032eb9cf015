#include "worker/solve/matcher.hpp"

#include "shared/conda/glob.hpp"

#include <utility>

namespace athanor::worker::solve {

const std::optional<Version>& Matcher::version(TextId text) {
  const auto known = versions_.find(text);
  if (known != versions_.end()) {
    return known->second;
  }
  Result<Version> parsed = Version::parse(index_.texts()[text]);
  std::optional<Version> version;
  if (parsed) {
    version = std::move(parsed).value();
  }
  return versions_.emplace(text, std::move(version)).first->second;
}

bool Matcher::fulfils(const MatchSpec& spec, RecordId id) {
  const IndexedRecord& record = index_.record(id);
  if (!spec.version().matches_everything()) {
    const std::optional<Version>& parsed = version(record.version);
    if (!parsed || !spec.version().matches(*parsed)) {
      return false;
    }
  }
  const std::string_view build = index_.texts()[record.build];
  const bool plain_build = spec.build().empty() || !spec.build().starts_with('^');
  if (plain_build && !spec.build().empty() && !glob_matches(spec.build(), build)) {
    return false;
  }
  const bool needs_more =
      !plain_build || !spec.channel().empty() || !spec.subdir().empty() || !spec.other().empty();
  return !needs_more || spec.matches(index_.package(id));
}

const Matcher::Dependency& Matcher::dependency(TextId text) {
  std::unique_ptr<Dependency>& known = dependencies_[text];
  if (known == nullptr) {
    known = std::make_unique<Dependency>();
    if (Result<MatchSpec> spec = MatchSpec::parse(index_.texts()[text]); spec.ok()) {
      known->readable = true;
      known->spec = std::move(spec).value();
      known->name_text = known->spec.name();
      known->name = index_.texts().find(known->name_text);
      known->names_build = !known->spec.build().empty() || !known->spec.other().empty();
      known->providers = matching(known->spec);
    }
    remembered_ += sizeof(Dependency) + 200 + known->providers.size() * sizeof(RecordId);
  }
  return *known;
}

std::span<const TextId> Matcher::depends(RecordId id, bool python_brings_pip) {
  const std::span<const TextId> own = index_.depends(id);
  if (!python_brings_pip || index_.texts()[index_.record(id).name] != "python") {
    return own;
  }
  const TextId pip = index_.texts().find("pip");
  const PackageIndex::Run run = index_.records_of(pip);
  if (run.begin == run.end) {
    return own;
  }
  std::vector<TextId>& more = with_pip_[id];
  if (more.empty()) {
    more.assign(own.begin(), own.end());
    more.push_back(pip);
  }
  return more;
}

std::vector<RecordId> Matcher::matching(const MatchSpec& spec) {
  std::vector<RecordId> found;
  if (!spec.name_is_exact()) {
    for (const PackageIndex::Name& name : index_.names()) {
      const PackageIndex::Run run = glob_matches(spec.name(), index_.texts()[name.name])
                                        ? index_.records_of(name.name)
                                        : PackageIndex::Run{};
      for (RecordId id = run.begin; id < run.end; ++id) {
        if (fulfils(spec, id)) {
          found.push_back(id);
        }
      }
    }
    return found;
  }
  const PackageIndex::Run run = index_.records_of(index_.texts().find(spec.name()));
  for (RecordId id = run.begin; id < run.end; ++id) {
    if (fulfils(spec, id)) {
      found.push_back(id);
    }
  }
  return found;
}

bool fulfils(const MatchSpec& spec, const VirtualPackage& package) {
  PackageRecord record;
  record.name = package.name;
  record.version = package.version;
  record.build = package.build;
  return spec.matches(record);
}

}  // namespace athanor::worker::solve

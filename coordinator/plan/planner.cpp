#include "coordinator/plan/expected_digests.hpp"
#include "coordinator/plan/plan.hpp"
#include "shared/base/strings.hpp"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>

namespace athanor::coordinator {
namespace {

constexpr std::string_view k_undownloadable_netloc = "_fake";

struct ChoiceName {
  FormatChoice choice;
  std::string_view name;
};
constexpr std::array<ChoiceName, 5> k_choices = {{
    {FormatChoice::source_and_conda, "default"},
    {FormatChoice::source, "source"},
    {FormatChoice::conda, "conda"},
    {FormatChoice::tar_bz2, "tar.bz2"},
    {FormatChoice::both, "both"},
}};

// The formats that the choice names, without the source's own unless it is named.
std::vector<Format> chosen_formats(FormatChoice choice, Format source) {
  switch (choice) {
    case FormatChoice::source:
      return {source};
    case FormatChoice::conda:
      return {Format::conda};
    case FormatChoice::tar_bz2:
      return {Format::tar_bz2};
    case FormatChoice::both:
      return {source, source == Format::conda ? Format::tar_bz2 : Format::conda};
    case FormatChoice::source_and_conda:
      break;
  }
  return source == Format::conda ? std::vector<Format>{source}
                                 : std::vector<Format>{source, Format::conda};
}

const StoredFormat* find_format(const std::vector<StoredFormat>& formats, Format format) {
  const auto found = std::ranges::find(formats, format, &StoredFormat::format);
  return found == formats.end() ? nullptr : &*found;
}

bool is_wanted(const JobSpec& spec, Format format) {
  return std::ranges::find(spec.wanted, format) != spec.wanted.end();
}

// What of a job is still to be done.
struct Work {
  bool fetch = false;
  std::uint64_t transmute = 0;  // formats
};

class Planner {
 public:
  Planner(const Survey& survey, const Layout& layout, const PlanOptions& options)
      : survey_(survey),
        layout_(layout),
        options_(options) {}

  Plan run(IntakeResult intake) {
    plan_.warnings = std::move(intake.warnings);
    std::size_t references = intake.loose_packages.size();
    for (const EnvironmentRequest& request : intake.environments) {
      references += request.packages.size();
    }
    by_source_.reserve(references);
    for (EnvironmentRequest& request : intake.environments) {
      add_environment(std::move(request));
    }
    for (const PackageReference& reference : intake.loose_packages) {
      loose_.push_back(add_reference(reference));
    }
    for (std::size_t i = 0; i < plan_.packages.size(); ++i) {
      decide(i);
    }
    count();
    warn();
    return std::move(plan_);
  }

 private:
  void add_environment(EnvironmentRequest request) {
    const std::size_t index = plan_.environments.size();
    PlannedEnvironment environment;
    environment.packages.reserve(request.packages.size());
    for (const PackageReference& reference : request.packages) {
      const std::size_t package = add_reference(reference);
      auto& waiting = plan_.packages[package].environments;
      if (waiting.empty() || waiting.back() != index) {
        waiting.push_back(index);
      }
      environment.packages.push_back(package);
    }
    environment.request = std::move(request);
    plan_.environments.push_back(std::move(environment));
  }

  // The package of this reference's source, made if it is the first.
  std::size_t add_reference(const PackageReference& reference) {
    const SourceUrl& source = reference.source;
    const auto [found, is_new] =
        by_source_.try_emplace(layout_.source_prefix(source), plan_.packages.size());
    if (is_new) {
      PlannedPackage package;
      package.spec.source_url = source.text();
      package.spec.fetch_url = source.fetch_url();
      package.spec.type = source.type();
      plan_.packages.push_back(std::move(package));
      sources_.push_back(source);
      prefixes_.push_back(&found->first);
    }
    JobSpec& spec = plan_.packages[found->second].spec;
    // One input may know credentials that another one doesn't.
    if (spec.fetch_url == spec.source_url && source.fetch_url() != source.text()) {
      spec.fetch_url = source.fetch_url();
    }
    add_expected(spec.expected, reference.expected);
    return found->second;
  }

  void decide(std::size_t index) {
    PlannedPackage& package = plan_.packages[index];
    JobSpec& spec = package.spec;
    const Format own = sources_[index].format();
    if (spec.type == PackageType::pypi) {
      spec.wanted = {own};
    } else {
      spec.wanted = chosen_formats(options_.formats, own);
      if (!is_wanted(spec, own) && !certain_hash(spec.expected, spec.type)) {
        spec.wanted.insert(spec.wanted.begin(), own);
      }
    }
    if (const auto surveyed = survey_.find(*prefixes_[index]); surveyed != survey_.end()) {
      spec.present = surveyed->second.formats;
      package.conflicts = surveyed->second.conflicts;
    }
    if (const StoredFormat* stored = find_format(spec.present, own)) {
      if (auto conflict = contradiction(*stored, spec.expected, spec.type)) {
        package.conflicts.push_back(std::move(*conflict));
      }
    }
    const bool complete = std::ranges::all_of(
        spec.wanted, [&](Format format) { return find_format(spec.present, format) != nullptr; });
    package.needed = package.conflicts.empty() && !complete;
    if (!work_of(index).fetch) {
      return;
    }
    if (sources_[index].netloc() == k_undownloadable_netloc) {
      ++undownloadable_;
    } else {
      ++plan_.requests_per_origin[origin_of(index)];
    }
  }

  std::string origin_of(std::size_t index) const {
    const SourceUrl& source = sources_[index];
    const auto mapped = map_origin(options_.origin_map, source.text());
    const std::string& url = mapped ? *mapped : source.text();
    const std::size_t host = url.find("://");
    if (url.starts_with("file:") || host == std::string::npos) {
      return "file://";
    }
    const std::size_t begin = host + 3;
    const std::string authority = url.substr(begin, url.find('/', begin) - begin);
    return authority.substr(authority.rfind('@') + 1);  // npos + 1 is the beginning
  }

  Work work_of(std::size_t index) const {
    const PlannedPackage& package = plan_.packages[index];
    Work work;
    if (!package.needed) {
      return work;
    }
    const Format own = sources_[index].format();
    // Bytes of another format can't stand in for the source's: what a transmuter makes of them has
    // another hash than the source.
    work.fetch = find_format(package.spec.present, own) == nullptr;
    for (const Format format : package.spec.wanted) {
      if (format != own && find_format(package.spec.present, format) == nullptr) {
        ++work.transmute;
      }
    }
    return work;
  }

  void count_package(PlanTotals& totals, std::size_t index) const {
    const PlannedPackage& package = plan_.packages[index];
    ++totals.distinct;
    const Work work = work_of(index);
    if (!package.needed && package.conflicts.empty()) {
      ++totals.present;
    }
    totals.to_transmute += work.transmute;
    if (!work.fetch) {
      return;
    }
    ++totals.to_fetch;
    const auto known =
        std::ranges::find_if(package.spec.expected,
                             [](const ExpectedDigest& digest) { return digest.size.has_value(); });
    if (known == package.spec.expected.end()) {
      ++totals.bytes_unknown;
    } else {
      totals.bytes_known += *known->size;
    }
  }

  void count() {
    std::map<std::string, std::vector<const std::vector<std::size_t>*>> platforms;
    for (const PlannedEnvironment& environment : plan_.environments) {
      platforms[environment.request.platform].push_back(&environment.packages);
    }
    if (!loose_.empty()) {
      platforms[std::string(k_no_platform)].push_back(&loose_);
    }
    // Per package, the last platform that counted it: each counts it once.
    std::vector<std::size_t> counted(plan_.packages.size(), 0);
    std::size_t stamp = 0;
    for (const auto& [platform, lists] : platforms) {
      ++stamp;
      PlanTotals& totals = plan_.by_platform[platform];
      for (const std::vector<std::size_t>* list : lists) {
        totals.references += list->size();
        for (const std::size_t index : *list) {
          if (std::exchange(counted[index], stamp) != stamp) {
            count_package(totals, index);
          }
        }
      }
      plan_.totals.references += totals.references;
    }
    for (std::size_t i = 0; i < plan_.packages.size(); ++i) {
      count_package(plan_.totals, i);
    }
  }

  void warn() {
    if (undownloadable_ > 0) {
      plan_.warnings.push_back(
          std::to_string(undownloadable_) +
          " package(s) were built elsewhere, have no URL to download from and are not in the "
          "store: only a local package directory (--pkgs-dir) can provide them.");
    }
    std::size_t exact = 0;
    std::size_t partial = 0;
    std::string example;
    for (const PlannedEnvironment& environment : plan_.environments) {
      const EnvironmentRequest& request = environment.request;
      if (request.requirement_origin == RequirementOrigin::exact_set && request.aliases.empty()) {
        ++exact;
        example = example.empty() ? request.position.file : example;
      }
      partial += request.is_whole() ? 0U : 1U;
    }
    if (partial > 0) {
      plan_.warnings.push_back(
          std::to_string(partial) + (partial == 1 ? " environment holds" : " environments hold") +
          " more than packages that can be cached (local paths, revisions of "
          "repositories): their packages will be stored, but they can't be described.");
    }
    if (exact > 0) {
      plan_.warnings.push_back(
          "What was asked for is not known for " + std::to_string(exact) +
          (exact == 1 ? " environment" : " environments") + " (for example of '" +
          printable(example, 200) +
          "'): readers find them by their exact packages only; give --requirements FILE, or "
          "--alias name:tag.");
    }
  }

  const Survey& survey_;
  const Layout& layout_;
  const PlanOptions& options_;
  Plan plan_;
  std::unordered_map<std::string, std::size_t> by_source_;  // source prefix → package
  std::vector<SourceUrl> sources_;                          // beside Plan::packages
  std::vector<const std::string*> prefixes_;                // into by_source_
  std::vector<std::size_t> loose_;                          // packages of URL lists
  std::size_t undownloadable_ = 0;
};

}  // namespace

std::string_view to_string(FormatChoice choice) {
  return std::ranges::find(k_choices, choice, &ChoiceName::choice)->name;
}

std::optional<FormatChoice> format_choice_from_string(std::string_view name) {
  const auto found = std::ranges::find(k_choices, name, &ChoiceName::name);
  return found == k_choices.end() ? std::nullopt : std::optional(found->choice);
}

Plan make_plan(IntakeResult intake, const Survey& survey, const Layout& layout,
               const PlanOptions& options) {
  return Planner(survey, layout, options).run(std::move(intake));
}

}  // namespace athanor::coordinator

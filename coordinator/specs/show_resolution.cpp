#include "coordinator/specs/resolution.hpp"
#include "shared/base/strings.hpp"
#include "shared/conda/match_spec.hpp"
#include "shared/net/url.hpp"

#include <map>

namespace athanor::coordinator {
namespace {

std::string counted(std::size_t count, std::string_view what) {
  return std::to_string(count) + " " + std::string(what) + (count == 1 ? "" : "s");
}

// Who asks for each package: "you", or names of packages.
std::map<std::string, std::vector<std::string>> askers(const ResolvedPlatform& platform) {
  std::map<std::string, std::vector<std::string>> names;
  for (const std::string& spec : platform.question.specs) {
    if (const auto parsed = MatchSpec::parse(spec)) {
      names[parsed->name()].push_back("you ask for " + spec);
    }
  }
  for (const SolvedPackage& package : platform.answer->packages) {
    for (const std::string& spec : package.depends) {
      const std::string name = to_lower(spec.substr(0, spec.find_first_of(" <>=!~[")));
      names[name].push_back(package.name + " needs " + spec);
    }
  }
  return names;
}

std::string explain_platform(const ResolvedPlatform& platform) {
  constexpr std::size_t k_most = 4;
  std::string text;
  const auto reasons = askers(platform);
  for (const SolvedPackage& package : platform.answer->packages) {
    text += "    " + package.name + " " + package.version + " " + package.build;
    if (const auto found = reasons.find(package.name); found != reasons.end()) {
      std::vector<std::string> shown = found->second;
      const std::size_t more = shown.size() > k_most ? shown.size() - k_most : 0;
      shown.resize(shown.size() - more);
      text += "  <- " + join(shown, "; ") +
              (more == 0 ? "" : "; and " + std::to_string(more) + " more");
    }
    text += "\n";
  }
  return text;
}

Json strings_json(const std::vector<std::string>& texts) {
  Json list = Json::array();
  for (const std::string& text : texts) {
    list.push_back(text);
  }
  return list;
}

Json specs_json(const SpecsByCategory& specs) {
  Json object = Json::object();
  for (const auto& [category, values] : specs) {
    object.set(category, strings_json(values));
  }
  return object;
}

Json platform_json(const ResolvedPlatform& platform) {
  Json packages = Json::array();
  for (const PackageReference& package : platform.request.packages) {
    Json item =
        Json::object({{"type", to_string(package.source.type())}, {"url", package.source.text()}});
    if (package.expected.md5) {
      item.set("md5", package.expected.md5->hex());
    }
    if (package.expected.sha256) {
      item.set("sha256", package.expected.sha256->hex());
    }
    packages.push_back(std::move(item));
  }
  Json object = Json::object({{"platform", platform.request.platform},
                              {"deps", specs_json(platform.request.requirements.deps)},
                              {"sources", specs_json(platform.request.requirements.sources)},
                              {"extras", specs_json(platform.request.requirements.extras)}});
  if (platform.answer) {
    object.set("solve_key", platform.answer->solve_key);
    object.set("solver", platform.answer->solver);
    object.set("solve_microseconds", platform.answer->solve_microseconds);
  }
  object.set("packages", std::move(packages));
  return object;
}

}  // namespace

std::string show_resolution(const Resolution& resolution, Explain explain) {
  std::string text;
  for (const ResolvedEnvironment& environment : resolution.environments) {
    text += printable(environment.name, 200) + " (" + printable(environment.input, 300) +
            "), requirement " + environment.req_id + "\n";
    if (!environment.reused.empty()) {
      text += "  in the store already: " + environment.reused + "\n";
    }
    for (const ResolvedPlatform& platform : environment.platforms) {
      text += "  " + platform.request.platform + ": " +
              counted(platform.request.packages.size(), "package");
      if (!platform.request.is_whole()) {
        text += ", and " + counted(platform.request.skipped.size(), "requirement") +
                " that can't be cached";
      }
      text += "\n";
      if (explain == Explain::yes && platform.answer) {
        text += explain_platform(platform);
      }
    }
    for (const FailedPlatform& failure : environment.failures) {
      text += "  " + failure.platform + ": can't be solved\n";
    }
  }
  return text;
}

Json resolution_to_json(const Resolution& resolution) {
  Json environments = Json::array();
  for (const ResolvedEnvironment& environment : resolution.environments) {
    Json platforms = Json::array();
    for (const ResolvedPlatform& platform : environment.platforms) {
      platforms.push_back(platform_json(platform));
    }
    Json failures = Json::array();
    for (const FailedPlatform& failure : environment.failures) {
      failures.push_back(Json::object({{"platform", failure.platform},
                                       {"kind", to_string(failure.error.kind)},
                                       {"message", failure.error.message},
                                       {"hint", failure.error.hint}}));
    }
    environments.push_back(Json::object({{"name", environment.name},
                                         {"input", environment.input},
                                         {"req_id", environment.req_id},
                                         {"reused", environment.reused},
                                         {"whole", environment.whole()},
                                         {"platforms", std::move(platforms)},
                                         {"failures", std::move(failures)}}));
  }
  return Json::object({{"schema", 1}, {"environments", std::move(environments)}});
}

}  // namespace athanor::coordinator

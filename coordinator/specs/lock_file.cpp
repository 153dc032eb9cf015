#include "coordinator/specs/lock_file.hpp"

#include "shared/base/strings.hpp"
#include "shared/digest/digest.hpp"
#include "shared/json/json.hpp"

#include <algorithm>
#include <set>
#include <unordered_map>

namespace athanor::coordinator {
namespace {

Json specs_json(const SpecsByCategory& specs) {
  Json object = Json::object();
  for (const auto& [category, values] : specs) {
    Json list = Json::array();
    for (const std::string& value : values) {
      list.push_back(value);
    }
    object.set(category, std::move(list));
  }
  return object;
}

// What was asked for, for the reader of the lock; see INPUTS.md.
std::string requirement_json(const EnvironmentRequest& request) {
  return dump_json(Json::object({{"name", request.name},
                                 {"coresolve", request.coresolve_group},
                                 {"deps", specs_json(request.requirements.deps)},
                                 {"sources", specs_json(request.requirements.sources)},
                                 {"extras", specs_json(request.requirements.extras)}}));
}

std::string replace_all(std::string text, std::string_view what, std::string_view with) {
  for (std::size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
  return text;
}

std::string explicit_text(const ResolvedPlatform& platform) {
  const EnvironmentRequest& request = platform.request;
  std::string text = "# platform: " + request.platform + "\n";
  text += "# athanor: " + requirement_json(request) + "\n@EXPLICIT\n";
  for (const PackageReference& package : request.packages) {
    if (package.source.type() == PackageType::pypi) {
      text += "# pip " + package.source.stem().substr(0, package.source.stem().find('-')) + " @ " +
              package.source.text();
      if (package.expected.sha256) {
        text += "#sha256=" + package.expected.sha256->hex();
      }
    } else {
      text += package.source.text();
      if (package.expected.md5) {
        text += "#" + package.expected.md5->hex();
      } else if (package.expected.sha256) {
        text += "#sha256:" + package.expected.sha256->hex();
      }
    }
    text += "\n";
  }
  return text;
}

// A YAML scalar: JSON's strings are YAML's.
std::string scalar(std::string_view text) {
  return dump_json(Json(text));
}

class CondaLockWriter {
 public:
  explicit CondaLockWriter(const ResolvedEnvironment& environment)
      : environment_(environment) {}

  std::string write() {
    text_ = "version: 1\nmetadata:\n  content_hash:\n";
    for (const ResolvedPlatform& platform : environment_.platforms) {
      text_ += "    " + platform.request.platform + ": " +
               sha256_of(requirement_json(platform.request)).hex() + "\n";
    }
    text_ += "  channels:\n";
    const auto& sources = environment_.platforms.front().request.requirements.sources;
    if (const auto channels = sources.find("conda"); channels != sources.end()) {
      for (const std::string& channel : channels->second) {
        text_ += "  - url: " + scalar(channel) + "\n    used_env_vars: []\n";
      }
    }
    text_ += "  platforms:\n";
    for (const ResolvedPlatform& platform : environment_.platforms) {
      text_ += "  - " + platform.request.platform + "\n";
    }
    text_ += "  sources: []\n  custom_metadata:\n";
    for (const ResolvedPlatform& platform : environment_.platforms) {
      text_ += "    athanor/" + platform.request.platform + ": " +
               scalar(requirement_json(platform.request)) + "\n";
    }
    text_ += "package:\n";
    for (const ResolvedPlatform& platform : environment_.platforms) {
      write_platform(platform);
    }
    return std::move(text_);
  }

 private:
  void write_platform(const ResolvedPlatform& platform) {
    std::unordered_map<std::string, const SolvedPackage*> solved;
    if (platform.answer) {
      for (const SolvedPackage& package : platform.answer->packages) {
        solved.emplace(package.url, &package);
      }
    }
    for (const PackageReference& package : platform.request.packages) {
      const auto found = solved.find(package.source.text());
      write_package(platform.request.platform, package,
                    found == solved.end() ? nullptr : found->second);
    }
  }

  void write_package(const std::string& platform, const PackageReference& package,
                     const SolvedPackage* solved) {
    const bool conda = package.source.type() == PackageType::conda;
    std::string name = package.source.stem();
    std::string version;
    if (const auto parsed = ArtifactName::parse(name); conda && parsed) {
      name = parsed->name;
      version = parsed->version;
    } else {
      const auto parts = split(package.source.stem(), '-');
      name = std::string(parts[0]);
      version = parts.size() > 1 ? std::string(parts[1]) : std::string();
    }
    text_ += "- name: " + scalar(name) + "\n  version: " + scalar(version) +
             "\n  manager: " + (conda ? "conda" : "pip") + "\n  platform: " + platform + "\n";
    write_dependencies(solved);
    text_ += "  url: " + scalar(package.source.text()) + "\n";
    if (package.expected.md5 || package.expected.sha256) {
      text_ += "  hash:\n";
      text_ += package.expected.md5 ? "    md5: " + package.expected.md5->hex() + "\n" : "";
      text_ +=
          package.expected.sha256 ? "    sha256: " + package.expected.sha256->hex() + "\n" : "";
    }
    text_ += "  category: main\n  optional: false\n";
  }

  void write_dependencies(const SolvedPackage* solved) {
    std::set<std::string> written;
    std::string list;
    for (std::size_t i = 0; solved != nullptr && i < solved->depends.size(); ++i) {
      const std::string& spec = solved->depends[i];
      const std::size_t end = std::min(spec.find_first_of(" <>=!~["), spec.size());
      const std::string name = spec.substr(0, end);
      if (!name.starts_with("__") && written.insert(name).second) {
        list += "    " + scalar(name) + ": " + scalar(trim(spec.substr(end))) + "\n";
      }
    }
    text_ += list.empty() ? "  dependencies: {}\n" : "  dependencies:\n" + list;
  }

  const ResolvedEnvironment& environment_;
  std::string text_;
};

}  // namespace

Result<std::vector<LockFile>> make_lock_files(const Resolution& resolution,
                                              const std::string& path) {
  std::vector<LockFile> files;
  const bool conda_lock = path.ends_with(".yml") || path.ends_with(".yaml");
  const auto add = [&](const std::string& environment, const std::string& platform,
                       std::string text) -> Result<void> {
    const std::string name =
        replace_all(replace_all(path, "{environment}", environment), "{platform}", platform);
    const bool known = std::any_of(files.begin(), files.end(),
                                   [&](const LockFile& file) { return file.path == name; });
    if (known) {
      const std::string_view key =
          path.find("{environment}") == std::string::npos && resolution.environments.size() > 1
              ? "{environment}"
              : "{platform}";
      return make_error(ErrorKind::invalid,
                        "--lock-out: '" + printable(path, 300) + "' names one file for several",
                        "put " + std::string(key) + " into the name, or choose one");
    }
    files.push_back({.path = name, .text = std::move(text)});
    return {};
  };
  for (const ResolvedEnvironment& environment : resolution.environments) {
    if (!environment.whole()) {
      continue;
    }
    if (conda_lock) {
      ATHANOR_TRY(add(environment.name, "all", CondaLockWriter(environment).write()));
      continue;
    }
    for (const ResolvedPlatform& platform : environment.platforms) {
      ATHANOR_TRY(add(environment.name, platform.request.platform, explicit_text(platform)));
    }
  }
  return files;
}

}  // namespace athanor::coordinator

#include "coordinator/intake/manifest.hpp"
#include "coordinator/intake/references.hpp"
#include "shared/base/strings.hpp"
#include "shared/net/url.hpp"

#include <toml++/toml.h>

#include <algorithm>

namespace athanor::coordinator {
namespace {

// The constraints of one package from all tables that name it, in the order of the tables.
class Collected {
 public:
  void add(const std::string& name, std::string constraint) {
    if (const std::size_t begin = constraint.find_first_not_of(" ="); begin != std::string::npos) {
      constraint.erase(0, begin);
    }
    auto& known = constraints_[name];
    if (constraint != "*" && !constraint.empty() &&
        std::find(known.begin(), known.end(), constraint) == known.end()) {
      known.push_back(std::move(constraint));
    }
  }

  std::vector<std::string> spell() const {
    std::vector<std::string> specs;
    for (const auto& [name, constraints] : constraints_) {
      specs.push_back(spell_requirement(name, join(constraints, ",")));
    }
    return specs;
  }

 private:
  std::map<std::string, std::vector<std::string>> constraints_;
};

std::string without_blanks(std::string_view text) {
  std::string kept;
  std::copy_if(text.begin(), text.end(), std::back_inserter(kept),
               [](char c) { return c != ' ' && c != '\t'; });
  return kept;
}

std::string text_of(const toml::table& table, std::string_view key) {
  return table[key].value_or(std::string());
}

// Whether `target.NAME` speaks of the platform.
bool selects(std::string_view name, const RequirementScope& scope) {
  const std::string_view platform = scope.platform;
  return name == platform || name == scope.platform_label ||
         (name == "linux" && platform.starts_with("linux-")) ||
         (name == "osx" && platform.starts_with("osx-")) ||
         (name == "win" && platform.starts_with("win-")) ||
         (name == "unix" && (platform.starts_with("linux-") || platform.starts_with("osx-")));
}

// What a solver is asked, in the notation that takes everything: "c::x[version='>=1',build='py*']".
std::string match_spec_of(std::string_view key, const toml::table& table) {
  std::string inside;
  const auto add = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) {
      inside += (inside.empty() ? "" : ",") + std::string(name) + "='" + value + "'";
    }
  };
  add("version", without_blanks(text_of(table, "version")));
  add("build", text_of(table, "build"));
  if (const auto number = table["build-number"].value<std::int64_t>()) {
    add("build_number", std::to_string(*number));
  } else {
    add("build_number", text_of(table, "build-number"));
  }
  add("subdir", text_of(table, "subdir"));
  add("fn", text_of(table, "file-name"));
  add("md5", text_of(table, "md5"));
  add("sha256", text_of(table, "sha256"));
  const std::string channel = text_of(table, "channel");
  return (channel.empty() ? "" : channel + "::") + std::string(key) +
         (inside.empty() ? "" : "[" + inside + "]");
}

// {version = …, build = …, channel = …} or a text. Absent for packages that are built from sources.
struct CondaEntry {
  std::string name;
  std::string constraint;
  std::string match_spec;
};
std::optional<CondaEntry> read_conda_entry(std::string_view key, const toml::node& node) {
  CondaEntry entry{.name = std::string(key), .constraint = {}, .match_spec = {}};
  if (const auto text = node.value<std::string>()) {
    entry.constraint = without_blanks(*text);
    entry.match_spec = std::string(key) + " " + entry.constraint;
    return entry;
  }
  const toml::table* table = node.as_table();
  if (table == nullptr || table->contains("path") || table->contains("git") ||
      table->contains("url")) {
    return std::nullopt;
  }
  entry.match_spec = match_spec_of(key, *table);
  entry.constraint = without_blanks(text_of(*table, "version"));
  if (const std::string build = text_of(*table, "build"); !build.empty()) {
    entry.constraint = (entry.constraint.empty() ? "*" : entry.constraint) + "=" + build;
  }
  if (const std::string channel = text_of(*table, "channel"); !channel.empty()) {
    entry.name = spell_channel(channel) + "::" + entry.name;
  }
  return entry;
}

// Where a pypi package that isn't on an index comes from; empty if it is.
std::string pypi_location(const toml::table& table) {
  if (const std::string url = text_of(table, "url"); !url.empty()) {
    return url;
  }
  const std::string git = text_of(table, "git");
  if (git.empty()) {
    return {};
  }
  std::string location = git.starts_with("git+") ? git : "git+" + git;
  for (const std::string_view key : {"rev", "tag", "branch"}) {
    if (const std::string revision = text_of(table, key); !revision.empty()) {
      return location + "@" + revision;
    }
  }
  return location;
}

// One pixi workspace: pixi.toml, or the tables below tool.pixi of a pyproject.toml.
class PixiManifest final : public Manifest {
 public:
  PixiManifest(std::string file, toml::table document, bool is_pyproject)
      : file_(std::move(file)),
        document_(std::move(document)),
        is_pyproject_(is_pyproject) {}

  std::vector<ManifestEnvironment> environments() const override {
    const toml::table& root = *workspace_root();
    std::vector<ManifestEnvironment> all = {{.name = "default", .platforms = platforms({&root})}};
    if (const toml::table* named = root["environments"].as_table()) {
      for (const auto& [name, node] : *named) {
        std::vector<const toml::table*> features;
        (void)find_features(root, name.str(), features);
        if (name.str() == "default") {
          all.front().platforms = platforms(features);
        } else {
          all.push_back({.name = std::string(name.str()), .platforms = platforms(features)});
        }
      }
    }
    return all;
  }

  std::optional<Wanted> wanted(const RequirementScope& scope) const override {
    const toml::table* root = workspace_root();
    std::vector<const toml::table*> features;
    if (!find_features(*root, scope.environment, features)) {
      return std::nullopt;
    }
    Builder builder{.scope = scope, .file = file_};
    for (const toml::table* feature : features) {
      builder.add_feature(*feature);
    }
    if (is_pyproject_ && !features.empty() && features.front() == root) {
      add_project(builder);
    }
    builder.build();
    add_channels(*root, features, builder.wanted);
    return std::move(builder.wanted);
  }

 private:
  struct Builder {
    const RequirementScope& scope;
    const std::string& file;
    Wanted wanted = {};
    Collected conda = {};
    Collected pypi = {};
    Collected system = {};
    std::vector<std::string> direct = {};  // pypi packages with a URL

    InputPosition position_of(const toml::node& node) const {
      return {.file = file, .line = node.source().begin.line};
    }

    void skip(PackageType type, std::string_view name, const toml::node& node) {
      wanted.unsolvable.push_back({.type = type,
                                   .text = std::string(name),
                                   .reason = type == PackageType::conda ? SkipReason::source_package
                                                                        : SkipReason::local_or_vcs,
                                   .position = position_of(node)});
    }

    void add_feature(const toml::table& feature) {
      add_tables(feature);
      if (const toml::table* targets = feature["target"].as_table()) {
        for (const auto& [name, target] : *targets) {
          if (target.is_table() && selects(name.str(), scope)) {
            add_tables(*target.as_table());
          }
        }
      }
      add_system(feature["system-requirements"].as_table());
      const auto options = feature["pypi-options"];
      if (const auto index = options["index-url"].value<std::string>()) {
        wanted.index = *index;
        wanted.requirements.sources["pypi"].push_back(spell_index(*index));
      }
      if (const toml::array* list = options["extra-index-urls"].as_array()) {
        for (const toml::node& item : *list) {
          const std::string index = item.value_or(std::string());
          wanted.extra_indexes.push_back(index);
          wanted.requirements.sources["pypi"].push_back(spell_index(index));
        }
      }
    }

    void add_tables(const toml::table& feature) {
      for (const std::string_view key :
           {"dependencies", "host-dependencies", "build-dependencies"}) {
        if (const toml::table* packages = feature[key].as_table()) {
          for (const auto& [name, node] : *packages) {
            if (auto entry = read_conda_entry(name.str(), node)) {
              conda.add(entry->name, std::move(entry->constraint));
              wanted.conda.push_back(
                  {.text = std::move(entry->match_spec), .position = position_of(node)});
            } else {
              skip(PackageType::conda, name.str(), node);
            }
          }
        }
      }
      if (const toml::table* packages = feature["pypi-dependencies"].as_table()) {
        for (const auto& [name, node] : *packages) {
          add_pypi(std::string(name.str()), node);
        }
      }
    }

    void add_pypi(std::string name, const toml::node& node) {
      if (const auto text = node.value<std::string>()) {
        pypi.add(name, sort_specifiers(*text));
        want_pypi(name, *text, node);
        return;
      }
      const toml::table* table = node.as_table();
      if (table == nullptr || table->contains("path")) {
        skip(PackageType::pypi, name, node);
        return;
      }
      std::vector<std::string> extras;
      if (const toml::array* list = (*table)["extras"].as_array()) {
        for (const toml::node& extra : *list) {
          extras.push_back(extra.value_or(std::string()));
        }
        std::sort(extras.begin(), extras.end());
        name += "[" + join(extras, ",") + "]";
      }
      if (const std::string location = pypi_location(*table); !location.empty()) {
        direct.push_back(name + "@" + location);
        if (location.starts_with("git+")) {
          skip(PackageType::pypi, redact_url(name + " @ " + location), node);
        } else {
          wanted.pypi.push_back({.text = name + " @ " + location, .position = position_of(node)});
        }
      } else {
        pypi.add(name, sort_specifiers(text_of(*table, "version")));
        want_pypi(name, text_of(*table, "version"), node);
      }
    }

    // A bare version is exactly that one.
    void want_pypi(const std::string& name, std::string_view constraint, const toml::node& node) {
      constraint = trim(constraint);
      const bool any = constraint.empty() || constraint == "*";
      const bool bare = !any && constraint.front() >= '0' && constraint.front() <= '9';
      wanted.pypi.push_back({.text = name +
                                     (any    ? ""
                                      : bare ? "=="
                                             : "") +
                                     (any ? "" : std::string(constraint)),
                             .position = position_of(node)});
    }

    // {cuda = "12", libc = "2.28" or {family = "glibc", version = "2.28"}}
    void add_system(const toml::table* table) {
      if (table == nullptr) {
        return;
      }
      const auto add = [&](const std::string& name, const std::string& version) {
        if (!version.empty()) {
          system.add(name, version + "=0");
        }
      };
      add("__cuda", text_of(*table, "cuda"));
      const auto libc = (*table)["libc"];
      const std::string family = libc["family"].value_or(std::string("glibc"));
      add("__" + family, libc["version"].value_or(libc.value_or(std::string())));
    }

    void build() {
      SpecsByCategory& deps = wanted.requirements.deps;
      deps["conda"] = conda.spell();
      deps["pypi"] = pypi.spell();
      deps["pypi"].insert(deps["pypi"].end(), direct.begin(), direct.end());
      deps["sys"] = system.spell();
    }
  };

  const toml::table* workspace_root() const {
    return is_pyproject_ ? document_["tool"]["pixi"].as_table() : &document_;
  }

  // The tables that make up an environment, the default one first. False if there is no such
  // environment.
  static bool find_features(const toml::table& root, std::string_view environment,
                            std::vector<const toml::table*>& features) {
    const auto definition = root["environments"][environment];
    if (!definition && environment != "default") {
      return false;
    }
    const toml::array* names = definition.as_array();
    bool with_default = true;
    if (const toml::table* table = definition.as_table()) {
      names = (*table)["features"].as_array();
      with_default = !(*table)["no-default-feature"].value_or(false);
    }
    if (with_default) {
      features.push_back(&root);
    }
    if (names != nullptr) {
      for (const toml::node& name : *names) {
        const auto feature = root["feature"][name.value_or(std::string())];
        if (const toml::table* table = feature.as_table()) {
          features.push_back(table);
        }
      }
    }
    if (const toml::table* table = definition.as_table()) {
      features.push_back(table);  // Newer versions let an environment hold tables of its own.
    }
    return true;
  }

  // A pyproject.toml's own dependencies belong to the default environment.
  void add_project(Builder& builder) const {
    const auto project = document_["project"];
    if (const auto python = project["requires-python"].value<std::string>()) {
      builder.conda.add("python", without_blanks(*python));
      builder.wanted.conda.push_back({.text = "python " + without_blanks(*python),
                                      .position = builder.position_of(*project.node())});
    }
    if (const toml::array* dependencies = project["dependencies"].as_array()) {
      for (const toml::node& node : *dependencies) {
        if (auto spelled = spell_pypi_requirement(node.value_or(std::string()))) {
          builder.direct.push_back(std::move(*spelled));
          builder.wanted.pypi.push_back(
              {.text = node.value_or(std::string()), .position = builder.position_of(node)});
        }
      }
    }
  }

  // Those of the features that restrict them, or the workspace's: all must agree.
  std::vector<std::string> platforms(const std::vector<const toml::table*>& features) const {
    const toml::table* root = workspace_root();
    std::vector<std::string> names;
    const toml::array* all = (*root)["workspace"]["platforms"].as_array();
    add_platforms(all == nullptr ? (*root)["project"]["platforms"].as_array() : all, names);
    for (const toml::table* feature : features) {
      std::vector<std::string> own;
      add_platforms(feature == root ? nullptr : (*feature)["platforms"].as_array(), own);
      if (!own.empty()) {
        std::erase_if(names, [&](const std::string& name) {
          return std::find(own.begin(), own.end(), name) == own.end();
        });
      }
    }
    return names;
  }

  static void add_platforms(const toml::array* list, std::vector<std::string>& names) {
    if (list == nullptr) {
      return;
    }
    for (const toml::node& node : *list) {
      const toml::table* table = node.as_table();
      std::string name = table == nullptr
                             ? node.value_or(std::string())
                             : text_of(*table, table->contains("platform") ? "platform" : "name");
      if (!name.empty()) {
        names.push_back(std::move(name));
      }
    }
  }

  // Features' channels come before the workspace's; a higher priority before both.
  static void add_channels(const toml::table& root, const std::vector<const toml::table*>& features,
                           Wanted& wanted) {
    struct Channel {
      std::string name;
      std::int64_t priority = 0;
    };
    std::vector<Channel> found;
    const auto add = [&](const toml::array* list) {
      if (list == nullptr) {
        return;
      }
      for (const toml::node& node : *list) {
        const toml::table* table = node.as_table();
        Channel channel{.name = node.value_or(std::string())};
        if (table != nullptr) {
          channel.name = text_of(*table, "channel");
          channel.priority = (*table)["priority"].value_or(std::int64_t{0});
        }
        const bool known = std::any_of(found.begin(), found.end(), [&](const Channel& other) {
          return spell_channel(other.name) == spell_channel(channel.name);
        });
        if (!channel.name.empty() && !known) {
          found.push_back(std::move(channel));
        }
      }
    };
    for (const toml::table* feature : features) {
      add(feature == &root ? nullptr : (*feature)["channels"].as_array());
    }
    for (const std::string_view key : {"workspace", "project"}) {
      add(root[key]["channels"].as_array());
    }
    for (const Channel& channel : found) {
      wanted.requirements.sources["conda"].push_back(spell_channel(channel.name));
    }
    std::stable_sort(found.begin(), found.end(),
                     [](const Channel& a, const Channel& b) { return a.priority > b.priority; });
    for (Channel& channel : found) {
      wanted.channels.push_back(std::move(channel.name));
    }
    // A pixi workspace says all that it wants.
    wanted.only_these_channels = !wanted.channels.empty();
  }

  std::string file_;
  toml::table document_;
  bool is_pyproject_;
};

}  // namespace

Result<std::unique_ptr<Manifest>> parse_pixi_manifest(const InputText& input) {
  try {
    toml::table document = toml::parse(input.text);
    if (document["tool"]["pixi"].is_table()) {
      return std::unique_ptr<Manifest>(
          std::make_unique<PixiManifest>(input.name, std::move(document), true));
    }
    if (document["workspace"].is_table() || document["project"]["channels"].is_array()) {
      return std::unique_ptr<Manifest>(
          std::make_unique<PixiManifest>(input.name, std::move(document), false));
    }
  } catch (const toml::parse_error& failure) {
    return input.error(failure.source().begin.line,
                       "not TOML: " + printable(failure.description(), 200));
  }
  if (input.text.find("[package]") != std::string::npos) {
    return input.error(0, "this describes a package that pixi builds, no workspace",
                       "hand in the pixi.toml that has a table [workspace]");
  }
  return input.error(0, "no pixi workspace stands in this file",
                     "expected a table [workspace] or [tool.pixi.workspace]");
}

}  // namespace athanor::coordinator

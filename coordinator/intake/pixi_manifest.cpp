#include "coordinator/intake/manifest.hpp"
#include "coordinator/intake/references.hpp"
#include "shared/base/strings.hpp"

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

// {version = …, build = …, channel = …} or a text. Absent for packages that are built from sources.
struct CondaEntry {
  std::string name;
  std::string constraint;
};
std::optional<CondaEntry> read_conda_entry(std::string_view key, const toml::node& node) {
  CondaEntry entry{.name = std::string(key), .constraint = {}};
  if (const auto text = node.value<std::string>()) {
    entry.constraint = without_blanks(*text);
    return entry;
  }
  const toml::table* table = node.as_table();
  if (table == nullptr || table->contains("path") || table->contains("git") ||
      table->contains("url")) {
    return std::nullopt;
  }
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
  PixiManifest(toml::table document, bool is_pyproject)
      : document_(std::move(document)),
        is_pyproject_(is_pyproject) {}

  std::optional<Requirements> requirements(const RequirementScope& scope) const override {
    const toml::table* root = workspace_root();
    std::vector<const toml::table*> features;
    if (!find_features(*root, scope.environment, features)) {
      return std::nullopt;
    }
    Builder builder{.scope = scope};
    for (const toml::table* feature : features) {
      builder.add_feature(*feature);
    }
    if (is_pyproject_ && !features.empty() && features.front() == root) {
      add_project(builder);
    }
    Requirements requirements = builder.build();
    add_channels(*root, features, requirements);
    return requirements;
  }

 private:
  struct Builder {
    const RequirementScope& scope;
    Collected conda = {};
    Collected pypi = {};
    Collected system = {};
    std::vector<std::string> direct = {};  // pypi packages with a URL
    std::vector<std::string> indexes = {};

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
      for (const std::string_view key : {"index-url", "extra-index-urls"}) {
        add_indexes(options[key].node());
      }
    }

    void add_tables(const toml::table& feature) {
      for (const std::string_view key :
           {"dependencies", "host-dependencies", "build-dependencies"}) {
        if (const toml::table* packages = feature[key].as_table()) {
          for (const auto& [name, node] : *packages) {
            if (auto entry = read_conda_entry(name.str(), node)) {
              conda.add(entry->name, std::move(entry->constraint));
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
        return;
      }
      const toml::table* table = node.as_table();
      if (table == nullptr || table->contains("path")) {
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
      } else {
        pypi.add(name, sort_specifiers(text_of(*table, "version")));
      }
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

    void add_indexes(const toml::node* node) {
      if (node == nullptr) {
        return;
      }
      if (const auto text = node->value<std::string>()) {
        indexes.push_back(*text);
      } else if (const toml::array* list = node->as_array()) {
        for (const toml::node& item : *list) {
          add_indexes(&item);
        }
      }
    }

    Requirements build() const {
      Requirements requirements;
      requirements.deps["conda"] = conda.spell();
      requirements.deps["pypi"] = pypi.spell();
      requirements.deps["pypi"].insert(requirements.deps["pypi"].end(), direct.begin(),
                                       direct.end());
      requirements.deps["sys"] = system.spell();
      requirements.sources["pypi"] = indexes;
      return requirements;
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
    }
    if (const toml::array* dependencies = project["dependencies"].as_array()) {
      for (const toml::node& node : *dependencies) {
        if (auto spelled = spell_pypi_requirement(node.value_or(std::string()))) {
          builder.direct.push_back(std::move(*spelled));
        }
      }
    }
  }

  static void add_channels(const toml::table& root, const std::vector<const toml::table*>& features,
                           Requirements& requirements) {
    auto& channels = requirements.sources["conda"];
    const auto add = [&](const toml::array* list) {
      if (list == nullptr) {
        return;
      }
      for (const toml::node& node : *list) {
        const toml::table* table = node.as_table();
        const std::string channel = spell_channel(table == nullptr ? node.value_or(std::string())
                                                                   : text_of(*table, "channel"));
        if (!channel.empty() &&
            std::find(channels.begin(), channels.end(), channel) == channels.end()) {
          channels.push_back(channel);
        }
      }
    };
    for (const toml::table* feature : features) {
      add(feature == &root ? nullptr : (*feature)["channels"].as_array());
    }
    for (const std::string_view key : {"workspace", "project"}) {
      add(root[key]["channels"].as_array());
    }
  }

  toml::table document_;
  bool is_pyproject_;
};

}  // namespace

Result<std::unique_ptr<Manifest>> parse_pixi_manifest(const InputText& input) {
  try {
    toml::table document = toml::parse(input.text);
    if (document["tool"]["pixi"].is_table()) {
      return std::unique_ptr<Manifest>(std::make_unique<PixiManifest>(std::move(document), true));
    }
    if (document["workspace"].is_table() || document["project"]["channels"].is_array()) {
      return std::unique_ptr<Manifest>(std::make_unique<PixiManifest>(std::move(document), false));
    }
  } catch (const toml::parse_error& failure) {
    return input.error(failure.source().begin.line,
                       "not TOML: " + printable(failure.description(), 200));
  }
  return input.error(0, "no pixi workspace stands in this file",
                     "expected a table [workspace] or [tool.pixi.workspace]");
}

}  // namespace athanor::coordinator

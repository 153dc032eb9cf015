#include "coordinator/intake/formats.hpp"
#include "coordinator/intake/install_order.hpp"
#include "coordinator/intake/references.hpp"
#include "coordinator/intake/stated_requirement.hpp"
#include "coordinator/intake/yaml_reader.hpp"
#include "shared/base/strings.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

namespace athanor::coordinator {
namespace {

// One item of the list `package`.
struct LockedPackage {
  Reference reference;
  std::string platform;
  std::string category;
};

struct Lock {
  std::vector<std::string> channels;
  std::vector<std::string> platforms;
  std::vector<std::string> sources;  // manifests
  std::vector<LockedPackage> packages;
  InstallOrder order;
  // By platform: what was asked for, with its line; of our own lock files.
  std::map<std::string, std::pair<std::string, std::size_t>> stated;
};

class CondaLockReader {
 public:
  CondaLockReader(const InputText& input, const IntakeOptions& options)
      : input_(input),
        yaml_(input),
        references_(input, options.file_urls) {}

  Result<Lock> read() {
    ATHANOR_TRY(yaml_.mapping("the lock file", [&](std::string_view key, std::size_t /*line*/) {
      return key == "metadata"  ? read_metadata()
             : key == "package" ? read_packages()
                                : yaml_.skip();
    }));
    ATHANOR_TRY(yaml_.expect_end());
    return std::move(lock_);
  }

  std::vector<std::string> take_warnings() { return references_.take_warnings(); }

 private:
  Result<void> read_metadata() {
    return yaml_.mapping("metadata", [&](std::string_view key, std::size_t /*line*/) {
      if (key == "channels") {
        return yaml_.sequence("metadata.channels", [&] { return read_channel(); });
      }
      if (key == "platforms") {
        return read_texts("metadata.platforms", lock_.platforms);
      }
      if (key == "custom_metadata") {
        return read_custom_metadata();
      }
      return key == "sources" ? read_texts("metadata.sources", lock_.sources) : yaml_.skip();
    });
  }

  Result<void> read_custom_metadata() {
    constexpr std::string_view k_ours = "athanor/";
    return yaml_.mapping("metadata.custom_metadata",
                         [&](std::string_view key, std::size_t line) -> Result<void> {
                           if (!key.starts_with(k_ours)) {
                             return yaml_.skip();
                           }
                           std::string platform(key.substr(k_ours.size()));
                           ATHANOR_ASSIGN(std::string text, yaml_.scalar("custom_metadata"));
                           lock_.stated[std::move(platform)] = {std::move(text), line};
                           return {};
                         });
  }

  Result<void> read_texts(std::string_view what, std::vector<std::string>& texts) {
    return yaml_.sequence(what, [&]() -> Result<void> {
      ATHANOR_ASSIGN(std::string text, yaml_.scalar(what));
      texts.push_back(std::move(text));
      return {};
    });
  }

  // "conda-forge" or {url: conda-forge, used_env_vars: []}.
  Result<void> read_channel() {
    ATHANOR_ASSIGN(const auto* event, yaml_.peek());
    if (event->kind == YamlReader::Kind::scalar) {
      ATHANOR_ASSIGN(const std::string channel, yaml_.scalar("metadata.channels"));
      lock_.channels.push_back(spell_channel(channel));
      return {};
    }
    return yaml_.mapping("a channel", [&](std::string_view key, std::size_t /*line*/) {
      return key == "url" ? read_channel() : yaml_.skip();
    });
  }

  Result<void> read_packages() {
    return yaml_.sequence("package", [&] { return read_package(); });
  }

  Result<void> read_package() {
    Fields fields;
    ATHANOR_ASSIGN(const auto* event, yaml_.peek());
    fields.line = event->line;
    ATHANOR_TRY(yaml_.mapping("an item of 'package'", [&](std::string_view key, std::size_t line) {
      return read_field(key, line, fields);
    }));
    return finish(fields);
  }

  struct Fields {
    std::size_t line = 0;
    std::size_t platform_line = 0;
    std::string manager;
    std::string platform;
    std::string category = "main";
    std::string url;
    ExpectedDigest expected;
    std::vector<std::string> dependencies;
  };

  Result<void> read_field(std::string_view key, std::size_t line, Fields& fields) {
    if (key == "hash") {
      return read_hashes(fields.expected);
    }
    if (key == "size") {
      ATHANOR_ASSIGN(const std::string text, yaml_.scalar("size"));
      std::uint64_t size = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
      if (error == std::errc{} && end == text.data() + text.size()) {
        fields.expected.size = size;
      }
      return {};
    }
    if (key == "dependencies") {
      return read_dependencies(fields.dependencies);
    }
    std::string* text = key == "manager"    ? &fields.manager
                        : key == "platform" ? &fields.platform
                        : key == "category" ? &fields.category
                        : key == "url"      ? &fields.url
                                            : nullptr;
    if (text == nullptr) {
      return yaml_.skip();
    }
    if (key == "platform") {
      fields.platform_line = line;
    }
    ATHANOR_ASSIGN(*text, yaml_.scalar(key));
    return {};
  }

  // {name: spec} or, in pixi's versions, ["name spec"].
  Result<void> read_dependencies(std::vector<std::string>& dependencies) {
    ATHANOR_ASSIGN(const auto* event, yaml_.peek());
    if (event->kind == YamlReader::Kind::sequence_begin) {
      return read_texts("dependencies", dependencies);
    }
    return yaml_.mapping("dependencies", [&](std::string_view name, std::size_t /*line*/) {
      dependencies.emplace_back(name);
      return yaml_.skip();
    });
  }

  Result<void> read_hashes(ExpectedDigest& expected) {
    return yaml_.mapping("hash", [&](std::string_view key, std::size_t line) -> Result<void> {
      if (key != "md5" && key != "sha256") {
        return yaml_.skip();
      }
      ATHANOR_ASSIGN(const std::string text, yaml_.scalar(key));
      if (key == "md5") {
        references_.read_md5(text, line, expected);
      } else {
        references_.read_sha256(text, line, expected);
      }
      return {};
    });
  }

  Result<void> finish(Fields& fields) {
    if (fields.url.empty()) {
      return input_.error(fields.line, "a package without 'url'");
    }
    if (fields.manager != "conda" && fields.manager != "pip" && fields.manager != "pypi") {
      return input_.error(fields.line, "manager: expected conda or pip, found '" +
                                           printable(fields.manager, 80) + "'");
    }
    ATHANOR_ASSIGN(std::string platform,
                   read_platform(input_, fields.platform,
                                 fields.platform_line == 0 ? fields.line : fields.platform_line));
    const auto type = fields.manager == "conda" ? PackageType::conda : PackageType::pypi;
    for (const std::string& dependency : fields.dependencies) {
      lock_.order.add(fields.url, dependency);
    }
    references_.read_fragment(fields.url, fields.line, fields.expected);
    ATHANOR_ASSIGN(
        Reference reference,
        references_.read({.type = type, .text = fields.url, .line = fields.line}, fields.expected));
    lock_.packages.push_back(
        LockedPackage{.reference = std::move(reference),
                      .platform = std::move(platform),
                      .category = fields.category.empty() ? "main" : std::move(fields.category)});
    return {};
  }

  const InputText& input_;
  YamlReader yaml_;
  ReferenceReader references_;
  Lock lock_;
};

// "main" comes first, then the other categories in their order.
std::vector<std::string> categories_of(const Lock& lock) {
  std::set<std::string> found;
  for (const LockedPackage& package : lock.packages) {
    found.insert(package.category);
  }
  std::vector<std::string> categories(found.begin(), found.end());
  std::stable_partition(categories.begin(), categories.end(),
                        [](const std::string& category) { return category == "main"; });
  return categories;
}

std::vector<std::string> platforms_of(const Lock& lock) {
  std::set<std::string> platforms;
  for (const LockedPackage& package : lock.packages) {
    platforms.insert(package.platform);
  }
  return {platforms.begin(), platforms.end()};
}

}  // namespace

Result<ReadInput> read_conda_lock(const InputText& input, const IntakeOptions& options) {
  CondaLockReader reader(input, options);
  ATHANOR_ASSIGN(const Lock lock, reader.read());
  ReadInput result;
  result.manifests = lock.sources;
  result.warnings = reader.take_warnings();
  const std::vector<std::string> platforms = platforms_of(lock);
  std::map<std::pair<std::string, std::string>, std::vector<const LockedPackage*>> groups;
  for (const LockedPackage& package : lock.packages) {
    groups[{package.category, package.platform}].push_back(&package);
  }
  for (const std::string& category : categories_of(lock)) {
    for (const std::string& platform : platforms) {
      EnvironmentBuilder builder(EnvironmentRequest{
          .name = category,
          .platform = platform,
          .platform_label = platform,
          .coresolve_group = platforms.size() > 1 ? input.name + "#" + category : std::string(),
          .position = {.file = input.name, .line = 0}});
      // A category is installed on top of main.
      if (category != "main") {
        for (const LockedPackage* package : groups[{"main", platform}]) {
          builder.add(package->reference);
        }
      }
      for (const LockedPackage* package : groups[{category, platform}]) {
        builder.add(package->reference);
      }
      EnvironmentRequest environment = std::move(builder).take();
      if (environment.packages.empty() && environment.skipped.empty()) {
        continue;
      }
      lock.order.sort(environment.packages);
      environment.requirements.sources["conda"] = lock.channels;
      if (const auto stated = lock.stated.find(platform); stated != lock.stated.end()) {
        ATHANOR_TRY(read_stated_requirement(input, stated->second.first, stated->second.second,
                                            environment));
      }
      result.environments.push_back(std::move(environment));
    }
  }
  return result;
}

}  // namespace athanor::coordinator

#include "coordinator/intake/formats.hpp"
#include "coordinator/intake/install_order.hpp"
#include "coordinator/intake/references.hpp"
#include "coordinator/intake/yaml_reader.hpp"
#include "shared/base/limits.hpp"
#include "shared/base/strings.hpp"

#include <charconv>
#include <map>
#include <set>
#include <unordered_map>

namespace athanor::coordinator {
namespace {

// `environments.NAME.packages.PLATFORM`.
struct LockedPlatform {
  std::string label = {};
  std::size_t line = 0;
  std::vector<SpelledReference> packages = {};
  std::vector<SpelledReference> source_packages = {};
};

struct LockedEnvironment {
  std::string name = {};
  std::size_t line = 0;
  std::vector<std::string> channels = {};
  std::vector<std::string> indexes = {};
  std::vector<LockedPlatform> platforms = {};
};

struct Lock {
  std::map<std::string, std::string, std::less<>> subdirs;  // platform label → conda's name
  std::vector<LockedEnvironment> environments;
  std::unordered_map<std::string, ExpectedDigest> digests;  // by the spelling of the reference
  InstallOrder order;
};

// The file has its environments, which name packages by URL, before the list of packages, which
// gives their hashes; so both are collected first.
class PixiReader {
 public:
  PixiReader(const InputText& input, ReferenceReader& references)
      : input_(input),
        yaml_(input),
        references_(references) {}

  Result<Lock> read() {
    ATHANOR_TRY(yaml_.mapping("the lock file", [&](std::string_view key, std::size_t /*line*/) {
      if (key == "platforms") {
        return yaml_.sequence("platforms", [&] { return read_platform_entry(); });
      }
      if (key == "environments") {
        return yaml_.mapping("environments", [&](std::string_view name, std::size_t line) {
          return read_environment(name, line);
        });
      }
      return key == "packages" ? yaml_.sequence("packages", [&] { return read_definition(); })
                               : yaml_.skip();
    }));
    ATHANOR_TRY(yaml_.expect_end());
    return std::move(lock_);
  }

 private:
  Result<void> read_platform_entry() {
    std::string name;
    std::string subdir;
    ATHANOR_TRY(yaml_.mapping("a platform",
                              [&](std::string_view key, std::size_t /*line*/) -> Result<void> {
                                if (key != "name" && key != "subdir") {
                                  return yaml_.skip();
                                }
                                ATHANOR_ASSIGN((key == "name" ? name : subdir), yaml_.scalar(key));
                                return {};
                              }));
    lock_.subdirs[name] = subdir.empty() ? name : subdir;
    return {};
  }

  Result<void> read_environment(std::string_view name, std::size_t line) {
    LockedEnvironment environment{.name = std::string(name), .line = line};
    ATHANOR_TRY(yaml_.mapping("an environment", [&](std::string_view key, std::size_t /*line*/) {
      if (key == "channels") {
        return yaml_.sequence("channels", [&] { return read_channel(environment); });
      }
      if (key == "indexes") {
        return yaml_.sequence("indexes", [&]() -> Result<void> {
          ATHANOR_ASSIGN(std::string index, yaml_.scalar("indexes"));
          environment.indexes.push_back(std::move(index));
          return {};
        });
      }
      if (key == "packages") {
        return yaml_.mapping("packages", [&](std::string_view label, std::size_t at) {
          return read_platform_packages(label, at, environment);
        });
      }
      return yaml_.skip();
    }));
    lock_.environments.push_back(std::move(environment));
    return {};
  }

  // {url: …} or the bare text.
  Result<void> read_channel(LockedEnvironment& environment) {
    ATHANOR_ASSIGN(const auto* event, yaml_.peek());
    if (event->kind == YamlReader::Kind::scalar) {
      ATHANOR_ASSIGN(const std::string channel, yaml_.scalar("channels"));
      environment.channels.push_back(spell_channel(channel));
      return {};
    }
    return yaml_.mapping("a channel", [&](std::string_view key, std::size_t /*line*/) {
      return key == "url" ? read_channel(environment) : yaml_.skip();
    });
  }

  Result<void> read_platform_packages(std::string_view label, std::size_t line,
                                      LockedEnvironment& environment) {
    LockedPlatform platform{.label = std::string(label), .line = line};
    ATHANOR_TRY(yaml_.sequence("packages of a platform", [&] { return read_reference(platform); }));
    environment.platforms.push_back(std::move(platform));
    return {};
  }

  // {conda: URL}, {pypi: URL or path}, {conda_source: …}; other keys tell apart what has the same
  // location.
  Result<void> read_reference(LockedPlatform& platform) {
    std::size_t found = 0;
    ATHANOR_ASSIGN(const auto* event, yaml_.peek());
    const std::size_t begin = event->line;
    if (++count_ > limits::k_input_references) {
      return input_.error(begin, "more than " + std::to_string(limits::k_input_references) +
                                     " packages in one input");
    }
    ATHANOR_TRY(
        yaml_.mapping("a package", [&](std::string_view key, std::size_t line) -> Result<void> {
          if (key != "conda_source" && key != "conda" && key != "pypi") {
            return yaml_.skip();
          }
          ++found;
          ATHANOR_ASSIGN(std::string text, yaml_.scalar(key));
          // Up to version 6 a source package is a `conda` whose location is no artifact.
          const bool source = key == "conda_source" ||
                              (key == "conda" && !names_artifact(text, PackageType::conda));
          auto& packages = source ? platform.source_packages : platform.packages;
          packages.push_back({.type = key == "pypi" ? PackageType::pypi : PackageType::conda,
                              .text = std::move(text),
                              .line = line});
          return {};
        }));
    return found == 1 ? Result<void>()
                      : input_.error(begin, "expected one of 'conda', 'pypi' and 'conda_source'");
  }

  // An item of the list `packages`. Versions 4 and 5: {kind: conda, url: …} or {kind: pypi, path:
  // …}; from 6 on {conda: URL} or {pypi: URL}.
  Result<void> read_definition() {
    std::string text;
    ExpectedDigest expected;
    std::vector<std::string> depends;
    ATHANOR_TRY(yaml_.mapping(
        "an item of 'packages'", [&](std::string_view key, std::size_t line) -> Result<void> {
          // Where versions 6 and later have a `url` or `path`, it is another's.
          const bool identity = key == "conda" || key == "pypi" || key == "conda_source";
          if (identity || (text.empty() && (key == "url" || key == "path"))) {
            ATHANOR_ASSIGN(text, yaml_.scalar(key));
            return {};
          }
          if (key == "depends") {
            return yaml_.sequence("depends", [&]() -> Result<void> {
              ATHANOR_ASSIGN(std::string dependency, yaml_.scalar("depends"));
              depends.push_back(std::move(dependency));
              return {};
            });
          }
          if (key != "md5" && key != "sha256" && key != "size") {
            return yaml_.skip();
          }
          ATHANOR_ASSIGN(const std::string value, yaml_.scalar(key));
          read_digest_field(key, value, line, expected);
          return {};
        }));
    if (lock_.digests.find(text) == lock_.digests.end()) {
      for (const std::string& dependency : depends) {
        lock_.order.add(text, dependency);
      }
    }
    // Definitions that differ in other fields may repeat; what the first doesn't say, a later may.
    ExpectedDigest& known = lock_.digests[text];
    known.md5 = known.md5 ? known.md5 : expected.md5;
    known.sha256 = known.sha256 ? known.sha256 : expected.sha256;
    known.size = known.size ? known.size : expected.size;
    return {};
  }

  void read_digest_field(std::string_view key, const std::string& value, std::size_t line,
                         ExpectedDigest& expected) {
    if (key == "md5") {
      references_.read_md5(value, line, expected);
    } else if (key == "sha256") {
      references_.read_sha256(value, line, expected);
    } else {
      std::uint64_t size = 0;
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), size);
      if (error == std::errc{} && end == value.data() + value.size()) {
        expected.size = size;
      }
    }
  }

  const InputText& input_;
  YamlReader yaml_;
  ReferenceReader& references_;
  Lock lock_;
  std::size_t count_ = 0;
};

// Makes one environment of one platform.
class Assembler {
 public:
  Assembler(const InputText& input, const Lock& lock, ReferenceReader& references)
      : input_(input),
        lock_(lock),
        references_(references) {}

  Result<void> add_environment(const LockedEnvironment& environment, ReadInput& result) {
    // Where several platforms of the file are one platform of conda's ("linux-64",
    // "linux-64-cuda"), the one that bears its name, or else the first, is resolved together with
    // the other platforms; the rest stand for themselves.
    std::map<std::string, const LockedPlatform*> leaders;
    std::vector<std::string> subdirs;
    for (const LockedPlatform& platform : environment.platforms) {
      ATHANOR_ASSIGN(std::string subdir, subdir_of(platform));
      auto& leader = leaders[subdir];
      if (leader == nullptr || platform.label == subdir) {
        leader = &platform;
      }
      subdirs.push_back(std::move(subdir));
    }
    for (std::size_t i = 0; i < environment.platforms.size(); ++i) {
      const LockedPlatform& platform = environment.platforms[i];
      const bool grouped = leaders.size() > 1 && leaders[subdirs[i]] == &platform;
      EnvironmentRequest request{
          .name = environment.name,
          .platform = subdirs[i],
          .platform_label = platform.label,
          .coresolve_group = grouped ? input_.name + "#" + environment.name : std::string(),
          .position = {.file = input_.name, .line = platform.line}};
      request.requirements.sources["conda"] = environment.channels;
      EnvironmentBuilder builder(std::move(request));
      ATHANOR_TRY(add_packages(platform, builder));
      result.environments.push_back(std::move(builder).take());
      lock_.order.sort(result.environments.back().packages);
      add_index_sources(environment, result.environments.back());
    }
    return {};
  }

 private:
  Result<std::string> subdir_of(const LockedPlatform& platform) const {
    const auto found = lock_.subdirs.find(platform.label);
    return read_platform(input_, found == lock_.subdirs.end() ? platform.label : found->second,
                         platform.line);
  }

  Result<void> add_packages(const LockedPlatform& platform, EnvironmentBuilder& builder) {
    for (const SpelledReference& spelled : platform.packages) {
      ExpectedDigest expected;
      if (const auto known = lock_.digests.find(spelled.text); known != lock_.digests.end()) {
        expected = known->second;
      }
      references_.read_fragment(spelled.text, spelled.line, expected);
      ATHANOR_ASSIGN(Reference reference, references_.read(spelled, expected));
      builder.add(std::move(reference));
    }
    for (const SpelledReference& spelled : platform.source_packages) {
      builder.add(SkippedReference{.type = PackageType::conda,
                                   .text = printable(spelled.text, 300),
                                   .reason = SkipReason::source_package,
                                   .position = {.file = input_.name, .line = spelled.line}});
    }
    return {};
  }

  static void add_index_sources(const LockedEnvironment& environment, EnvironmentRequest& request) {
    for (const PackageReference& package : request.packages) {
      if (package.source.type() == PackageType::pypi) {
        request.requirements.sources["pypi"] = environment.indexes;
        return;
      }
    }
  }

  const InputText& input_;
  const Lock& lock_;
  ReferenceReader& references_;
};

}  // namespace

Result<ReadInput> read_pixi_lock(const InputText& input, const IntakeOptions& options) {
  ReferenceReader references(input, options.file_urls);
  ATHANOR_ASSIGN(const Lock lock, PixiReader(input, references).read());
  ReadInput result;
  result.manifests = {"pixi.toml", "pyproject.toml"};
  Assembler assembler(input, lock, references);
  for (const LockedEnvironment& environment : lock.environments) {
    ATHANOR_TRY(assembler.add_environment(environment, result));
  }
  result.warnings = references.take_warnings();
  return result;
}

}  // namespace athanor::coordinator

#pragma once

#include "coordinator/upkeep/apply.hpp"
#include "coordinator/upkeep/collect.hpp"
#include "coordinator/upkeep/repair.hpp"
#include "coordinator/upkeep/trash.hpp"
#include "coordinator/upkeep/upkeep.hpp"
#include "coordinator/upkeep/verify.hpp"
#include "shared/conda/source_url.hpp"
#include "shared/environment/description.hpp"
#include "tests/support/faulty_store.hpp"
#include "tests/support/memory_store.hpp"
#include "tests/support/results.hpp"
#include "tests/support/scratch_dir.hpp"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace athanor::coordinator {

inline const std::string k_zip_tail("PK\5\6" + std::string(18, '\0'));

// A store in memory with packages whose keys are right, and descriptions of them; tests break it.
class UpkeepWorld {
 public:
  static constexpr WallTime k_then{std::chrono::seconds(1'769'821'323)};

  // The bytes of a whole .conda, as far as its end tells.
  static std::string archive(const std::string& content) { return content + k_zip_tail; }

  std::string key_of(const std::string& url, const std::string& bytes,
                     Format format = Format::conda) const {
    const SourceUrl source = test::must(SourceUrl::parse(url, PackageType::conda));
    return layout.artifact_key(source, format, md5_of(bytes).hex());
  }
  std::string add_package(const std::string& url, const std::string& content) {
    const std::string bytes = archive(content);
    std::string key = key_of(url, bytes);
    put(key, bytes);
    return key;
  }
  // A description that names these objects, and its key.
  std::string add_environment(const std::vector<std::pair<std::string, std::string>>& packages,
                              const std::string& platform = "linux-64") {
    EnvironmentDescription environment;
    environment.platform = platform;
    environment.deps = {{"conda", {"python==3.11"}}};
    environment.resolved_on = "2026-01-31T01:02:03";
    environment.resolved_by = "user";
    environment.resolved_archs = {platform};
    for (const auto& [url, key] : packages) {
      const ArtifactKey parts = *layout.parse_artifact_key(key);
      DescribedPackage package;
      package.filename = parts.filename.substr(0, parts.filename.rfind('.'));
      package.url = url;
      package.formats = {{.format = parts.format, .hash = parts.hash, .key = key}};
      environment.packages.push_back(package);
    }
    const std::string req_id =
        requirement_id(environment.deps, environment.sources, environment.extras);
    const std::string id = full_id(environment);
    std::string key = layout.environment_key(platform, req_id, id);
    put(key, write_description(environment));
    put(layout.full_id_alias_key(id), write_alias(req_id, id));
    return key;
  }
  void put(const std::string& key, const std::string& bytes) {
    test::must(store.put(key, ObjectSource::from_bytes(bytes), std::nullopt));
  }
  bool has(const std::string& key) { return test::must(store.find(key)).has_value(); }

  Upkeep upkeep() { return {.store = store, .layout = layout}; }
  Upkeep upkeep_on(Store& other) { return {.store = other, .layout = layout}; }

  std::vector<Finding> verify(const VerifyOptions& options = {}) {
    std::vector<Finding> findings;
    test::must(verify_store(upkeep(), options, [&](const Finding& finding) -> Result<void> {
      findings.push_back(finding);
      return {};
    }));
    return findings;
  }
  FindingSource findings(const VerifyOptions& options = {}) {
    return [this, options](const FindingSink& sink) -> Result<void> {
      ATHANOR_TRY(verify_store(upkeep(), options, sink));
      return {};
    };
  }
  std::filesystem::path file(std::string_view name) const { return directory_ / name; }

  test::MemoryStore store;
  Layout layout;

 private:
  test::ScratchDir directory_;
};

}  // namespace athanor::coordinator

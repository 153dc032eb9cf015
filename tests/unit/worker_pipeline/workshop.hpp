#pragma once

#include "shared/layout/layout.hpp"
#include "shared/net/curl_http_client.hpp"
#include "tests/support/faulty_store.hpp"
#include "tests/support/imposter_origin.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/memory_store.hpp"
#include "tests/support/package_builder.hpp"
#include "tests/support/results.hpp"
#include "tests/support/scratch_dir.hpp"
#include "worker/pipeline/make_pipeline.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace athanor::worker::test {

using namespace athanor::test;

inline Digest digest_of(const std::string& bytes) {
  return {.md5 = md5_of(bytes), .sha256 = sha256_of(bytes), .size = bytes.size()};
}

inline ExpectedDigest expected_of(const std::string& bytes) {
  const Digest digest = digest_of(bytes);
  return {.md5 = digest.md5, .sha256 = digest.sha256, .size = digest.size};
}

// A worker's surroundings: a store in memory, an origin on loopback, time that passes when somebody
// waits, and a pipeline over them.
class Workshop : public testing::Test {
 protected:
  Workshop() {
    settings_.store_url = "memory://test";
    settings_.packages_root = "packages";
    settings_.environments_root = "envs";
    settings_.zstd_level = 3;
    HttpClientOptions options;
    options.file_urls = FileUrls::allow;
    http_ = must(make_curl_http_client(std::move(options)));
    workspace_ = must(Workspace::open({.parent = scratch_.path()}));
  }

  std::unique_ptr<Pipeline> make() { return make(faulty_); }
  std::unique_ptr<Pipeline> make(Store& store) {
    return make_pipeline({.store = store,
                          .http = *http_,
                          .workspace = *workspace_,
                          .clock = clock_,
                          .random = Random(1),
                          .sleeper =
                              [this](std::chrono::milliseconds pause, std::stop_token) {
                                clock_.advance(pause);
                                naps_.push_back(pause);
                                return Result<void>();
                              },
                          .settings = settings_,
                          .cpu = 1});
  }

  // The job for a package at the origin, expected to be these bytes.
  JobSpec job(const std::string& path, const std::string& bytes, std::vector<Format> wanted) const {
    return {.source_url = origin_.url(path),
            .fetch_url = origin_.url(path),
            .type = PackageType::conda,
            .expected = {expected_of(bytes)},
            .wanted = std::move(wanted),
            .present = {}};
  }

  JobOutcome run(const JobSpec& spec) { return run(*make(), spec); }
  JobOutcome run(Pipeline& pipeline, const JobSpec& spec) {
    ProgressCell progress;
    JobOutcome outcome = pipeline.run(spec, progress, {});
    EXPECT_EQ(scratch_folders(), 0U) << "something is left in the scratch folder";
    return outcome;
  }
  JobSuccess succeed(const JobSpec& spec) { return success(run(spec)); }
  JobFailure fail(const JobSpec& spec) { return failure(run(spec)); }

  static JobSuccess success(const JobOutcome& outcome) {
    if (const auto* failed = std::get_if<JobFailure>(&outcome)) {
      ADD_FAILURE() << to_string(failed->stage) << ": " << failed->message;
      return {};
    }
    return std::get<JobSuccess>(outcome);
  }
  static JobFailure failure(const JobOutcome& outcome) {
    if (std::holds_alternative<JobSuccess>(outcome)) {
      ADD_FAILURE() << "it succeeded";
      return {};
    }
    return std::get<JobFailure>(outcome);
  }

  std::size_t scratch_folders() const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(workspace_->path())) {
      count += entry.is_directory() ? 1U : 0U;
    }
    return count;
  }
  std::string key(const JobSpec& spec, Format format, const std::string& bytes) const {
    const SourceUrl source = must(SourceUrl::parse(spec.source_url, spec.type));
    return layout_.artifact_key(source, format, digest_of(bytes));
  }
  void put(const std::string& key, const std::string& bytes) {
    must(store_.put_if_absent(key, ObjectSource::from_bytes(bytes)));
  }
  // The objects below the packages' root.
  std::map<std::string, std::string> packages() const {
    std::map<std::string, std::string> found;
    for (const auto& [name, bytes] : store_.objects()) {
      if (name.starts_with("packages/")) {
        found.emplace(name, bytes);
      }
    }
    return found;
  }

  ScratchDir scratch_;
  ManualClock clock_;
  MemoryStore store_;
  FaultyStore faulty_{store_};
  ImposterOrigin origin_;
  Layout layout_;
  protocol::WorkSettings settings_;
  std::unique_ptr<HttpClient> http_;
  std::unique_ptr<Workspace> workspace_;
  std::vector<std::chrono::milliseconds> naps_;
};

}  // namespace athanor::worker::test

#pragma once

#include "shared/base/random.hpp"
#include "shared/conda/source_url.hpp"
#include "shared/layout/layout.hpp"
#include "shared/net/host_gate.hpp"
#include "worker/pipeline/cpu_tokens.hpp"
#include "worker/pipeline/make_pipeline.hpp"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace athanor::worker {

// What all jobs of a worker share.
struct Shop {
  explicit Shop(PipelineParts with)
      : parts(std::move(with)),
        layout(parts.settings.packages_root, parts.settings.environments_root),
        cpu(parts.cpu) {}

  PipelineParts parts;
  Layout layout;
  CpuTokens cpu;
  HostGate hosts{};  // how the origins are, as all jobs find them
};

// A package file in the scratch folder.
struct Artifact {
  std::filesystem::path path;
  Format format = Format::conda;
  Digest digest;
};

// One job on its way through the stages: what each found and left for the next. Owned by the thread
// that runs the job.
struct JobContext {
  Shop& shop;
  const JobSpec& spec;
  SourceUrl source;
  ProgressCell& progress;
  std::stop_token stop;
  Random random;
  Scratch scratch;

  // locate
  std::map<Format, StoredFormat> stored{};   // what the store holds of this source
  std::vector<Format> missing{};             // wanted and not there
  std::optional<StoredFormat> from_store{};  // where the source's bytes can be had
  // fetch
  std::optional<Artifact> original{};  // the source's own bytes
  std::uint64_t fetched_bytes = 0;     // over the network, failed attempts included
  std::optional<std::chrono::milliseconds> retry_after{};
  std::uint32_t requests = 0;   // made of the origin
  std::uint32_t throttled = 0;  // of them: answered with "too many"
  bool lagging = false;
  std::vector<FetchAttempt> attempts{};  // at most FetchAttempt::k_told
  // transmute
  std::optional<Artifact> made{};
  // publish
  JobSuccess result{};

  const Layout& layout() const { return shop.layout; }
  Store& store() const { return shop.parts.store; }
  const protocol::WorkSettings& settings() const { return shop.parts.settings; }
  std::string filename(Format format) const {
    return source.stem() + std::string(extension(format));
  }
  // Where the source's own bytes lie while the job runs.
  std::filesystem::path original_path() const { return scratch.path() / filename(source.format()); }
  bool is_missing(Format format) const;
  // The wanted format that must be made from the source's; absent if none is missing.
  std::optional<Format> to_make() const;
  // A call that watches over its own progress begins: at most so many bytes are moved in it.
  class Silence;
};

// While it lives the job counts as moving, up to a bound that the bytes to be moved justify.
class JobContext::Silence {
 public:
  Silence(JobContext& context, std::uint64_t bytes);
  ~Silence();
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;

 private:
  ProgressCell& progress_;
};

}  // namespace athanor::worker

#pragma once

#include "shared/archive/byte_stream.hpp"
#include "shared/base/clock.hpp"
#include "shared/base/random.hpp"
#include "shared/base/result.hpp"
#include "shared/digest/digest.hpp"
#include "shared/net/http_client.hpp"
#include "shared/net/origin_map.hpp"
#include "shared/net/retry.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

namespace athanor {

// One channel's subdir.
struct SubdirSource {
  std::string url;        // without credentials and final "/": "https://host/channel/linux-64"
  std::string fetch_url;  // the same, as it is to be asked; may hold credentials
};

enum class RepodataForm {
  json,    // repodata.json: all records in one document
  shards,  // the list of shards (CEP 16): a document of its own for each name
};

// One state of one subdir's index: a file in the cache, compressed as it was served.
struct Repodata {
  std::string url;  // of the subdir, without credentials
  Sha256 digest;    // of the document, decompressed
  RepodataForm form = RepodataForm::json;
  std::filesystem::path path;
  std::uint64_t fetched_bytes = 0;  // over the network, now
};

struct RepodataCacheOptions {
  std::filesystem::path directory;  // of this user alone; made if needed
  OriginMap origin_map{};
  bool shards = true;  // take them where a channel has them
  // An index isn't asked for again within this time, or what the channel's Cache-Control says, up
  // to the second time. Indices on this machine (file URLs) are looked at each time.
  std::chrono::seconds fresh_least{60};
  std::chrono::seconds fresh_most{3600};
  RetryPolicy retry{.attempts = 4};
};

// The indices of channels on this machine, shared by processes: whoever asks first fetches, the
// others wait for it. current_repodata.json is never used: it leaves records out that solutions may
// need. Thread-safe; HTTP client and clock outlive it.
class RepodataCache {
 public:
  RepodataCache(RepodataCacheOptions options, HttpClient& http, const Clock& clock, Random random,
                Sleeper sleeper);

  // The index as the channel has it now (see `fresh_least`). Absent: the channel has no such
  // subdir. Errors: rejected (no permission, too large), retry (can't be reached), corrupt.
  Result<std::optional<Repodata>> current(const SubdirSource& subdir, std::stop_token stop);
  // That state: from the cache, where the last few states are kept, or from the channel if it still
  // has it. retry: the channel has moved on.
  Result<Repodata> pinned(const SubdirSource& subdir, const Sha256& digest, std::stop_token stop);

  // One shard's document, by its hash as the list of shards has it, decompressed; `base_url` is
  // where the list says that they are. Kept for ever: a hash names one content.
  Result<std::string> shard(const SubdirSource& subdir, const std::string& base_url,
                            const Sha256& hash, std::stop_token stop);

  // Where what is made of indices may be kept beside them.
  const std::filesystem::path& directory() const { return options_.directory; }

 private:
  struct Variant;
  struct State;

  std::filesystem::path file(const std::string& url, const std::string& rest) const;
  std::filesystem::path state_file(const SubdirSource& subdir) const;
  State read_state(const SubdirSource& subdir) const;
  Result<void> write_state(const SubdirSource& subdir, const State& state) const;
  bool is_fresh(const SubdirSource& subdir, const State& state) const;
  Result<void> refresh(const SubdirSource& subdir, State& state, std::stop_token stop);
  Result<bool> fetch(const SubdirSource& subdir, const Variant& variant, State& state,
                     std::stop_token stop);
  Result<HttpResponse> get(const std::string& fetch_url, const std::string& shown,
                           const HttpHeaders& headers, const std::filesystem::path& target,
                           std::stop_token stop);
  Result<void> keep(const SubdirSource& subdir, const Variant& variant,
                    const HttpResponse& response, const std::filesystem::path& arrived,
                    State& state) const;
  std::string mapped(const SubdirSource& subdir, const std::string& name) const;
  Repodata snapshot(const SubdirSource& subdir, const State& state, std::size_t place) const;

  const RepodataCacheOptions options_;
  HttpClient& http_;
  const Clock& clock_;
  Random random_;
  Sleeper sleeper_;
};

// Gives the decompressed document to the sink, piece by piece. corrupt: it is damaged; rejected:
// larger than limits::k_repodata_bytes.
using DocumentSink = std::function<Result<void>(std::span<const std::uint8_t>)>;
Result<void> read_document(const std::filesystem::path& path, const DocumentSink& sink);

}  // namespace athanor

#pragma once

#include "shared/base/result.hpp"
#include "shared/conda/artifact.hpp"
#include "shared/digest/digest.hpp"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string>

namespace athanor {

struct TransmuteOptions {
  int zstd_level = 6;    // 1 to 19
  unsigned threads = 0;  // helpers beside the calling thread; the bytes made don't depend on it
  // Grows by the unpacked bytes as they pass (reading, and reading back), so that others see that
  // a long conversion moves. Null: nobody looks.
  std::atomic<std::uint64_t>* progress = nullptr;
};

struct TransmuteReport {
  Digest source;
  Digest result;
  std::string index_json;  // the text of info/index.json
  std::uint64_t members = 0;
  std::uint64_t unpacked_bytes = 0;
};

// Converts an artifact between .tar.bz2 and .conda without changing its content, reads the result
// back and compares it with the source member by member. The source's format and stem are those of
// its file name; the destination must have the same stem and the other extension. The destination
// appears whole and verified, or not at all. Nothing is extracted. Memory is bounded whatever the
// package's size. Deterministic: same source bytes and same version, same result bytes.
//
// corrupt: the source is damaged; rejected: it is hostile or breaks a rule; unsupported; retry:
// disk full; canceled. Thread-safe.
Result<TransmuteReport> transmute(const std::filesystem::path& source,
                                  const std::filesystem::path& destination,
                                  const TransmuteOptions& options, std::stop_token stop = {});

// The text of info/index.json of an artifact in either format, without reading more than is needed.
// corrupt or rejected if there is none. `stem` is the package's name-version-build.
Result<std::string> read_index_json(const std::filesystem::path& artifact, Format format);

}  // namespace athanor

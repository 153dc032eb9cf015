#include "shared/base/check.hpp"
#include "worker/solve/repodata.hpp"
#include "worker/solve/shards.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace {

using namespace athanor;
using namespace athanor::worker::solve;

PackageIndexBuilder fresh() {
  PackageIndexBuilder builder;
  builder.begin_repo({.channel = "https://repo.example/main", .subdir = "noarch"});
  return builder;
}

// What was accepted becomes an index in which every record can be looked at.
void check(PackageIndexBuilder&& builder) {
  const Result<PackageIndex> index = std::move(builder).build();
  ATHANOR_CHECK(index.ok());
  for (RecordId id = 0; id < index->records().size(); ++id) {
    const PackageRecord package = index->package(id);
    ATHANOR_CHECK(!package.name.empty() && !package.version.empty());
    const PackageIndex::Run run = index->records_of(index->texts().find(package.name));
    ATHANOR_CHECK(run.begin <= id && id < run.end);
  }
}

Result<RepodataReport> read_in_pieces(std::span<const std::uint8_t> bytes, std::size_t piece,
                                      PackageIndexBuilder& builder) {
  RepodataReader reader(builder);
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    ATHANOR_TRY(reader.write(bytes.subspan(at, std::min(piece, bytes.size() - at))));
  }
  return reader.finish();
}

}  // namespace

// Any bytes as an index, as JSON in pieces of two sizes (which must come to the same) and as a
// shard.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::uint8_t> bytes(data, size);
  PackageIndexBuilder whole = fresh();
  PackageIndexBuilder pieces = fresh();
  const Result<RepodataReport> once = read_in_pieces(bytes, size + 1, whole);
  const Result<RepodataReport> again = read_in_pieces(bytes, 7, pieces);
  ATHANOR_CHECK(once.ok() == again.ok());
  if (once.ok()) {
    ATHANOR_CHECK(once->records == again->records && once->skipped == again->skipped);
    check(std::move(whole));
  }
  PackageIndexBuilder shards = fresh();
  RepodataReport report;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (read_shard(text, shards, report).ok()) {
    check(std::move(shards));
  }
  static_cast<void>(names_needed(text));
  static_cast<void>(read_shard_list(text, "https://repo.example/main/noarch"));
  return 0;
}

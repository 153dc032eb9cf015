#pragma once

#include "shared/archive/tar_entry.hpp"
#include "shared/base/result.hpp"
#include "shared/conda/artifact.hpp"
#include "shared/digest/digest.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

// What is inside an artifact of either format, without extracting it.
namespace athanor {

struct ReadOptions {
  unsigned threads = 0;  // decompressing beside the caller's
  std::stop_token stop;
};

// One member and the SHA-256 of its content (of nothing for what isn't a file).
struct Member {
  TarEntry entry;
  Sha256 content;
};

struct PackageSummary {
  Digest digest;           // of the artifact
  std::string index_json;  // the text of info/index.json
  std::uint64_t members = 0;
  std::uint64_t unpacked_bytes = 0;
  std::uint64_t outside_links = 0;  // symlinks that point outside the package
};

// Calls `visit` with every member, in the artifact's order (of a .conda: info- before pkg-), and
// stops at its first error. All rules of FORMATS.md are checked on the way; what was visited before
// an error is worth nothing.
//
// corrupt, rejected, unsupported, canceled; not_found if there is no such file.
Result<PackageSummary> visit_members(const std::filesystem::path& artifact, Format format,
                                     const ReadOptions& options,
                                     const std::function<Result<void>(const Member&)>& visit);

// What info/paths.json, which the package's builder wrote, says about its files.
enum class ManifestState {
  absent,      // old packages have none
  unreadable,  // it isn't JSON of the known shape
  agrees,
  differs,
};
struct PackageCheck {
  PackageSummary summary;
  ManifestState manifest = ManifestState::absent;
  std::uint64_t manifest_files = 0;
  std::vector<std::string> manifest_problems;  // the first few: "lib/a: its SHA-256 differs"
};

// Reads the whole artifact, checks all rules and everything that the package says about itself: the
// name in info/index.json against the file's, and info/paths.json against the files. A manifest
// that differs is no error, since clients install such packages; it is reported.
//
// As visit_members; rejected as well if info/index.json is for another package.
Result<PackageCheck> check_package(const std::filesystem::path& artifact, Format format,
                                   const ReadOptions& options);

// How two packages differ in one member. A path that occurs twice stands for its last occurrence,
// which is the one that extraction leaves behind.
struct MemberDifference {
  enum class Kind { only_first, only_second, changed };
  Kind kind = Kind::changed;
  std::string path;
  std::string what;  // what changed: "mode 0644, 0755; content"; empty for the other kinds
};

struct PackageDifference {
  PackageSummary first;
  PackageSummary second;
  std::vector<MemberDifference> members;  // sorted by path
};

enum class CompareOwners { no, yes };  // uid, gid, their names and times as well

// Compares two artifacts of any formats member by member.
Result<PackageDifference> compare_packages(const std::filesystem::path& first, Format first_format,
                                           const std::filesystem::path& second,
                                           Format second_format, const ReadOptions& options,
                                           CompareOwners owners);

}  // namespace athanor

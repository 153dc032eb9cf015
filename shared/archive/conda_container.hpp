#pragma once

#include "shared/archive/zip_directory.hpp"
#include "shared/base/result.hpp"
#include "shared/os/fd.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

// The .conda container (CEP 35): a zip with metadata.json, pkg-<stem>.tar.zst, info-<stem>.tar.zst.
namespace athanor {

struct CondaParts {
  ZipMember info;
  ZipMember pkg;
};

// Where the components are. `stem` is the file's name without ".conda"; the components must bear
// it. metadata.json may be missing, as in some old packages; if it is there its version must be 2.
//
// Errors: those of read_zip_directory; rejected (a component is missing or bears another package's
// name, members that don't belong); unsupported (another format version).
Result<CondaParts> read_conda_container(const Fd& fd, const std::filesystem::path& path,
                                        std::uint64_t file_size, std::string_view stem);

// The pieces of a .conda file that we write, in the order metadata.json, pkg-, info-: stored,
// without data descriptors, sizes in the local headers, all times 1980-01-01, so that the bytes
// depend on the components alone. zip64 fields only where a size needs them.
enum class Zip64 { no, yes };

// metadata.json whole, with its header: the front of the file.
std::string conda_front();
// How long the local header of a component is.
std::uint64_t conda_header_bytes(std::string_view name, Zip64 zip64);
// The local header of a component. REQUIRES: without zip64 its size is below 4 GiB.
std::string conda_header(const ZipMember& member, Zip64 zip64);
// The directory, which ends the file. `directory_offset` is where it will stand.
std::string conda_directory(const ZipMember& pkg, const ZipMember& info, Zip64 pkg_zip64,
                            std::uint64_t directory_offset);

std::string component_name(std::string_view component, std::string_view stem);

}  // namespace athanor

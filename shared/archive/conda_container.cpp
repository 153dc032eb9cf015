#include "shared/archive/conda_container.hpp"

#include "shared/archive/crc32.hpp"
#include "shared/archive/file_stream.hpp"
#include "shared/archive/zip_format.hpp"
#include "shared/base/check.hpp"
#include "shared/base/strings.hpp"
#include "shared/base/units.hpp"
#include "shared/json/json.hpp"
#include "shared/os/files.hpp"

#include <algorithm>
#include <optional>
#include <vector>

namespace athanor {
namespace {

constexpr std::string_view k_metadata_name = "metadata.json";
constexpr std::string_view k_metadata = R"({"conda_pkg_format_version": 2})";
constexpr std::uint64_t k_metadata_bytes_max = 64_KiB;

constexpr std::uint16_t k_version_stored = 20;
constexpr std::uint16_t k_version_zip64 = 45;
constexpr std::uint16_t k_made_by_unix = 3U << 8U;
constexpr std::uint32_t k_time = 0x21U << 16U;           // 1980-01-01 00:00:00
constexpr std::uint32_t k_attributes = 0100644U << 16U;  // a file with mode 0644
constexpr std::size_t k_local_zip64_bytes = 20;

Error refused(std::string what, std::string hint) {
  return make_error(ErrorKind::rejected, std::move(what), std::move(hint));
}

Result<void> check_metadata(const Fd& fd, const std::filesystem::path& path,
                            const ZipMember& member) {
  if (member.size > k_metadata_bytes_max) {
    return refused("metadata.json of the package is far too large", "don't use the package");
  }
  std::vector<std::uint8_t> bytes(member.size);
  if (!bytes.empty()) {
    ATHANOR_ASSIGN(const std::size_t count, read_at(fd, member.offset, bytes, path));
    if (count != bytes.size() || crc32(0, bytes) != member.crc) {
      return make_error(ErrorKind::corrupt, "metadata.json of the package is damaged",
                        "fetch the package again");
    }
  }
  const auto json = parse_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, {});
  const Json* const version = json ? json->find("conda_pkg_format_version") : nullptr;
  if (version == nullptr) {
    return refused("metadata.json of the package doesn't say conda_pkg_format_version",
                   "the file isn't a conda package that clients can read");
  }
  if (version->as_int() != 2) {
    return make_error(ErrorKind::unsupported,
                      "the package has a conda_pkg_format_version other than 2",
                      "a newer version of this program may know it");
  }
  return {};
}

void append_local(std::string& text, const ZipMember& member, Zip64 zip64) {
  const bool large = zip64 == Zip64::yes;
  ATHANOR_CHECK(large || member.size < zip::k_in_extra);
  const std::uint64_t size = large ? zip::k_in_extra : member.size;
  zip::append(text, zip::k_local_signature, 4);
  zip::append(text, large ? k_version_zip64 : k_version_stored, 2);
  zip::append(text, 0, 2);  // flags
  zip::append(text, zip::k_method_stored, 2);
  zip::append(text, k_time, 4);
  zip::append(text, member.crc, 4);
  zip::append(text, size, 4);
  zip::append(text, size, 4);
  zip::append(text, member.name.size(), 2);
  zip::append(text, large ? k_local_zip64_bytes : 0, 2);
  text += member.name;
  if (large) {
    zip::append(text, zip::k_extra_zip64, 2);
    zip::append(text, 16, 2);
    zip::append(text, member.size, 8);
    zip::append(text, member.size, 8);
  }
}

void append_central(std::string& text, const ZipMember& member, std::uint64_t header_offset,
                    Zip64 zip64) {
  const bool large = zip64 == Zip64::yes;
  const bool far_away = header_offset >= zip::k_in_extra;
  const std::uint64_t size = large ? zip::k_in_extra : member.size;
  const std::size_t extra = (large ? 16U : 0U) + (far_away ? 8U : 0U);
  zip::append(text, zip::k_central_signature, 4);
  zip::append(text, k_made_by_unix | (extra > 0 ? k_version_zip64 : k_version_stored), 2);
  zip::append(text, extra > 0 ? k_version_zip64 : k_version_stored, 2);
  zip::append(text, 0, 2);  // flags
  zip::append(text, zip::k_method_stored, 2);
  zip::append(text, k_time, 4);
  zip::append(text, member.crc, 4);
  zip::append(text, size, 4);
  zip::append(text, size, 4);
  zip::append(text, member.name.size(), 2);
  zip::append(text, extra > 0 ? extra + 4 : 0, 2);
  zip::append(text, 0, 2);  // comment
  zip::append(text, 0, 2);  // disk
  zip::append(text, 0, 2);  // internal attributes
  zip::append(text, k_attributes, 4);
  zip::append(text, far_away ? std::uint64_t{zip::k_in_extra} : header_offset, 4);
  text += member.name;
  if (extra > 0) {
    zip::append(text, zip::k_extra_zip64, 2);
    zip::append(text, extra, 2);
    if (large) {
      zip::append(text, member.size, 8);
      zip::append(text, member.size, 8);
    }
    if (far_away) {
      zip::append(text, header_offset, 8);
    }
  }
}

ZipMember metadata_member() {
  return {.name = std::string(k_metadata_name),
          .offset = zip::k_local_bytes + k_metadata_name.size(),
          .size = k_metadata.size(),
          .crc = crc32(0, bytes_of(k_metadata))};
}

}  // namespace

Result<CondaParts> read_conda_container(const Fd& fd, const std::filesystem::path& path,
                                        std::uint64_t file_size, std::string_view stem) {
  ATHANOR_ASSIGN(const auto members, read_zip_directory(fd, path, file_size));
  const std::string info_name = component_name("info", stem);
  const std::string pkg_name = component_name("pkg", stem);
  std::optional<ZipMember> info;
  std::optional<ZipMember> pkg;
  bool metadata = false;
  for (const ZipMember& member : members) {
    std::optional<ZipMember>* const part = member.name == info_name  ? &info
                                           : member.name == pkg_name ? &pkg
                                                                     : nullptr;
    if (member.name == k_metadata_name ? metadata : part != nullptr && part->has_value()) {
      return refused("the package has '" + printable(member.name) + "' twice",
                     "don't use the package");
    }
    if (member.name == k_metadata_name) {
      metadata = true;
      ATHANOR_TRY(check_metadata(fd, path, member));
    } else if (part != nullptr) {
      *part = member;
    } else {
      return refused("the package holds '" + printable(member.name) +
                         "', which doesn't belong into a conda package of this name",
                     "a package's file name and its components' names must agree");
    }
  }
  if (!info || !pkg) {
    return refused("the package lacks '" + printable(info ? pkg_name : info_name) + "'",
                   "conda clients can't read it");
  }
  return CondaParts{*std::move(info), *std::move(pkg)};
}

std::string component_name(std::string_view component, std::string_view stem) {
  return std::string(component) + "-" + std::string(stem) + ".tar.zst";
}

std::string conda_front() {
  std::string text;
  append_local(text, metadata_member(), Zip64::no);
  text += k_metadata;
  return text;
}

std::uint64_t conda_header_bytes(std::string_view name, Zip64 zip64) {
  return zip::k_local_bytes + name.size() + (zip64 == Zip64::yes ? k_local_zip64_bytes : 0);
}

std::string conda_header(const ZipMember& member, Zip64 zip64) {
  std::string text;
  append_local(text, member, zip64);
  return text;
}

std::string conda_directory(const ZipMember& pkg, const ZipMember& info, Zip64 pkg_zip64,
                            std::uint64_t directory_offset) {
  std::string text;
  append_central(text, metadata_member(), 0, Zip64::no);
  append_central(text, pkg, pkg.offset - conda_header_bytes(pkg.name, pkg_zip64), pkg_zip64);
  append_central(text, info, info.offset - conda_header_bytes(info.name, Zip64::no), Zip64::no);
  const std::uint64_t size = text.size();
  const bool far_away = directory_offset >= zip::k_in_extra;
  if (far_away) {
    const std::uint64_t end64 = directory_offset + size;
    zip::append(text, zip::k_end64_signature, 4);
    zip::append(text, zip::k_end64_bytes - 12, 8);
    zip::append(text, k_made_by_unix | k_version_zip64, 2);
    zip::append(text, k_version_zip64, 2);
    zip::append(text, 0, 4);
    zip::append(text, 0, 4);
    zip::append(text, 3, 8);
    zip::append(text, 3, 8);
    zip::append(text, size, 8);
    zip::append(text, directory_offset, 8);
    zip::append(text, zip::k_locator64_signature, 4);
    zip::append(text, 0, 4);
    zip::append(text, end64, 8);
    zip::append(text, 1, 4);
  }
  zip::append(text, zip::k_end_signature, 4);
  zip::append(text, 0, 4);
  zip::append(text, 3, 2);
  zip::append(text, 3, 2);
  zip::append(text, size, 4);
  zip::append(text, far_away ? std::uint64_t{zip::k_in_extra} : directory_offset, 4);
  zip::append(text, 0, 2);
  return text;
}

}  // namespace athanor

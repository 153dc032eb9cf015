#include "shared/archive/zip_directory.hpp"

#include "shared/archive/zip_format.hpp"
#include "shared/base/limits.hpp"
#include "shared/base/strings.hpp"
#include "shared/base/units.hpp"
#include "shared/os/files.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string_view>

namespace athanor {
namespace {

constexpr std::size_t k_most_members = 64;  // a package has two or three
constexpr std::uint64_t k_directory_bytes = 64_KiB;

Error corrupt(std::string_view what) {
  return make_error(ErrorKind::corrupt, "the zip file is damaged: " + std::string(what),
                    "fetch the package again");
}

Error refused(std::string_view what) {
  return make_error(ErrorKind::rejected, "the zip file is refused: " + std::string(what),
                    "readers of packages disagree about such a file; don't use it");
}

// What both the local and the central header say about a member.
struct Header {
  std::uint16_t flags = 0;
  std::uint16_t method = 0;
  std::uint32_t crc = 0;
  std::uint64_t stored_size = 0;
  std::uint64_t size = 0;
  std::uint64_t offset = 0;  // of the local header; central only
  std::string name;
};

struct Directory {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint64_t members = 0;
};

// Replaces the numbers that say "in the zip64 extra" by those there, in their fixed order.
Result<void> apply_zip64(std::span<const std::uint8_t> extra,
                         std::initializer_list<std::uint64_t*> numbers) {
  std::optional<std::span<const std::uint8_t>> zip64;
  while (extra.size() >= 4) {
    const std::size_t length = zip::u16_at(extra, 2);
    if (length > extra.size() - 4) {
      return corrupt("an extra field is cut off");
    }
    if (zip::u16_at(extra, 0) == zip::k_extra_zip64) {
      if (zip64) {
        return refused("a member has its sizes twice");
      }
      zip64 = extra.subspan(4, length);
    }
    extra = extra.subspan(4 + length);
  }
  for (std::uint64_t* const number : numbers) {
    if (*number != zip::k_in_extra) {
      continue;
    }
    if (!zip64 || zip64->size() < 8) {
      return corrupt("a member's zip64 sizes are missing");
    }
    *number = zip::u64_at(*zip64, 0);
    zip64 = zip64->subspan(8);
  }
  return {};
}

// One zip file being read.
class Reader {
 public:
  Reader(const Fd& fd, const std::filesystem::path& path, std::uint64_t file_size)
      : fd_(fd),
        path_(path),
        file_size_(file_size) {}

  Result<std::vector<ZipMember>> read() {
    ATHANOR_ASSIGN(const Directory directory, find_directory());
    if (directory.members > k_most_members || directory.size > k_directory_bytes) {
      return refused("it has more members than a package can have");
    }
    ATHANOR_ASSIGN(const auto bytes, read_bytes(directory.offset, directory.size));
    ATHANOR_ASSIGN(std::vector<Header> headers, parse_directory(bytes, directory.members));
    std::sort(headers.begin(), headers.end(),
              [](const Header& a, const Header& b) { return a.offset < b.offset; });
    std::vector<ZipMember> members;
    std::uint64_t position = 0;
    for (const Header& header : headers) {
      if (header.offset != position) {
        return refused(header.offset < position ? "its members overlap"
                                                : "something is hidden between its members");
      }
      ATHANOR_ASSIGN(ZipMember member, locate(header, directory.offset));
      ATHANOR_ASSIGN(position, end_of(member, header, directory.offset));
      members.push_back(std::move(member));
    }
    if (position != directory.offset) {
      return refused("something is hidden in front of its directory");
    }
    return members;
  }

 private:
  Result<std::vector<std::uint8_t>> read_bytes(std::uint64_t offset, std::uint64_t length) {
    if (offset > file_size_ || length > file_size_ - offset) {
      return corrupt("it is truncated");
    }
    std::vector<std::uint8_t> bytes(length);
    if (length > 0) {
      ATHANOR_ASSIGN(const std::size_t count, read_at(fd_, offset, bytes, path_));
      if (count != length) {
        return corrupt("it is truncated");
      }
    }
    return bytes;
  }

  Result<Directory> find_directory() {
    if (file_size_ < zip::k_end_bytes) {
      return corrupt("it is too short");
    }
    const std::uint64_t end_offset = file_size_ - zip::k_end_bytes;
    ATHANOR_ASSIGN(const auto end, read_bytes(end_offset, zip::k_end_bytes));
    if (zip::u32_at(end, 0) != zip::k_end_signature) {
      return corrupt("it doesn't end in a directory (truncated, or something follows)");
    }
    if (zip::u16_at(end, 20) != 0) {
      return refused("it has a comment");
    }
    Directory directory;
    directory.members = zip::u16_at(end, 10);
    directory.size = zip::u32_at(end, 12);
    directory.offset = zip::u32_at(end, 16);
    bool one_disk = zip::u32_at(end, 4) == 0 && zip::u16_at(end, 8) == directory.members;
    std::uint64_t directory_end = end_offset;
    if (end_offset >= zip::k_locator64_bytes) {
      const std::uint64_t locator_offset = end_offset - zip::k_locator64_bytes;
      ATHANOR_ASSIGN(const auto locator, read_bytes(locator_offset, zip::k_locator64_bytes));
      if (zip::u32_at(locator, 0) == zip::k_locator64_signature) {
        ATHANOR_ASSIGN(directory, read_end64(zip::u64_at(locator, 8), locator_offset));
        directory_end = zip::u64_at(locator, 8);
        one_disk = true;
      }
    }
    if (!one_disk) {
      return refused("it claims to be one of several");
    }
    if (directory.offset > directory_end || directory.size != directory_end - directory.offset) {
      return refused("its directory isn't where it should be");
    }
    return directory;
  }

  Result<Directory> read_end64(std::uint64_t offset, std::uint64_t locator_offset) {
    ATHANOR_ASSIGN(const auto end, read_bytes(offset, zip::k_end64_bytes));
    if (zip::u32_at(end, 0) != zip::k_end64_signature ||
        zip::u64_at(end, 4) != zip::k_end64_bytes - 12 ||
        offset + zip::k_end64_bytes != locator_offset) {
      return corrupt("its zip64 directory is malformed");
    }
    Directory directory;
    directory.members = zip::u64_at(end, 32);
    directory.size = zip::u64_at(end, 40);
    directory.offset = zip::u64_at(end, 48);
    return directory;
  }

  static Result<std::vector<Header>> parse_directory(std::span<const std::uint8_t> bytes,
                                                     std::uint64_t members) {
    std::vector<Header> headers;
    while (!bytes.empty()) {
      if (bytes.size() < zip::k_central_bytes ||
          zip::u32_at(bytes, 0) != zip::k_central_signature) {
        return corrupt("its directory is malformed");
      }
      const std::size_t name = zip::u16_at(bytes, 28);
      const std::size_t extra = zip::u16_at(bytes, 30);
      const std::size_t comment = zip::u16_at(bytes, 32);
      const std::size_t length = zip::k_central_bytes + name + extra + comment;
      if (length > bytes.size()) {
        return corrupt("its directory is malformed");
      }
      Header header;
      header.flags = zip::u16_at(bytes, 8);
      header.method = zip::u16_at(bytes, 10);
      header.crc = zip::u32_at(bytes, 16);
      header.stored_size = zip::u32_at(bytes, 20);
      header.size = zip::u32_at(bytes, 24);
      header.offset = zip::u32_at(bytes, 42);
      header.name = text(bytes.subspan(zip::k_central_bytes, name));
      ATHANOR_TRY(apply_zip64(bytes.subspan(zip::k_central_bytes + name, extra),
                              {&header.size, &header.stored_size, &header.offset}));
      headers.push_back(std::move(header));
      bytes = bytes.subspan(length);
    }
    if (headers.size() != members) {
      return corrupt("its directory doesn't have the members that it counts");
    }
    return headers;
  }

  // Reads the local header and compares it with the directory's.
  Result<ZipMember> locate(const Header& central, std::uint64_t end) {
    const std::string shown = "'" + printable(central.name) + "' ";
    if ((central.flags & zip::k_flag_encrypted) != 0) {
      return refused(shown + "is encrypted");
    }
    if (central.method != zip::k_method_stored || central.size != central.stored_size) {
      return refused(shown + "is compressed once more");
    }
    ATHANOR_ASSIGN(const auto fixed, read_bytes(central.offset, zip::k_local_bytes));
    if (zip::u32_at(fixed, 0) != zip::k_local_signature) {
      return corrupt("a member isn't where the directory says");
    }
    const std::size_t name = zip::u16_at(fixed, 26);
    const std::size_t extra = zip::u16_at(fixed, 28);
    ATHANOR_ASSIGN(const auto rest, read_bytes(central.offset + zip::k_local_bytes, name + extra));
    Header local;
    local.flags = zip::u16_at(fixed, 6);
    local.method = zip::u16_at(fixed, 8);
    local.crc = zip::u32_at(fixed, 14);
    local.stored_size = zip::u32_at(fixed, 18);
    local.size = zip::u32_at(fixed, 22);
    local.name = text(std::span(rest).first(name));
    ATHANOR_TRY(apply_zip64(std::span(rest).subspan(name), {&local.size, &local.stored_size}));
    const bool later = (local.flags & zip::k_flag_descriptor) != 0;
    const bool same_sizes = local.size == central.size &&
                            local.stored_size == central.stored_size && local.crc == central.crc;
    const bool no_sizes = later && local.size == 0 && local.stored_size == 0 && local.crc == 0;
    if (local.name != central.name || local.method != central.method ||
        local.flags != central.flags || !(same_sizes || no_sizes)) {
      return refused(shown + "is described in two ways");
    }
    ZipMember member{.name = central.name,
                     .offset = central.offset + zip::k_local_bytes + name + extra,
                     .size = central.size,
                     .crc = central.crc};
    if (member.offset > end || member.size > end - member.offset) {
      return corrupt("a member reaches beyond the directory");
    }
    return member;
  }

  // Where the next thing must stand: behind the data descriptor, if there is one.
  Result<std::uint64_t> end_of(const ZipMember& member, const Header& header, std::uint64_t end) {
    const std::uint64_t position = member.offset + member.size;
    if ((header.flags & zip::k_flag_descriptor) == 0) {
      return position;
    }
    constexpr std::size_t k_longest = 24;
    const auto length = std::min<std::uint64_t>(end - position, k_longest);
    ATHANOR_ASSIGN(const auto bytes, read_bytes(position, length));
    for (const std::size_t signature : {std::size_t{4}, std::size_t{0}}) {
      for (const std::size_t width : {std::size_t{4}, std::size_t{8}}) {
        const std::size_t needed = signature + 4 + 2 * width;
        if (needed <= bytes.size() &&
            (signature == 0 || zip::u32_at(bytes, 0) == zip::k_descriptor_signature) &&
            zip::u32_at(bytes, signature) == member.crc &&
            zip::number_at(bytes, signature + 4, width) == member.size &&
            zip::number_at(bytes, signature + 4 + width, width) == member.size) {
          return position + needed;
        }
      }
    }
    return refused("'" + printable(member.name) + "' has a malformed data descriptor");
  }

  static std::string text(std::span<const std::uint8_t> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  const Fd& fd_;
  const std::filesystem::path& path_;
  const std::uint64_t file_size_;
};

}  // namespace

Result<std::vector<ZipMember>> read_zip_directory(const Fd& fd, const std::filesystem::path& path,
                                                  std::uint64_t file_size) {
  return Reader(fd, path, file_size).read();
}

}  // namespace athanor

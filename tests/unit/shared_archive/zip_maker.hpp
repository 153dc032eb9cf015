#pragma once

#include "shared/archive/crc32.hpp"
#include "shared/archive/zip_format.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// Zip files put together byte by byte, honest or not.
namespace athanor::test {

struct RawZipMember {
  std::string name;
  std::string content = {};
  unsigned method = 0;
  unsigned flags = 0;
  std::string local_name = {};  // in the local header, if it is another
  std::string gap = {};         // between this member and the next
  bool crc_wrong = false;
  bool descriptor = false;  // sizes stand behind the member, flag bit 3
};

inline std::string make_zip(const std::vector<RawZipMember>& members,
                            std::string_view comment = {}) {
  std::string zip;
  std::string directory;
  for (const RawZipMember& member : members) {
    const std::span<const std::uint8_t> content(
        reinterpret_cast<const std::uint8_t*>(member.content.data()), member.content.size());
    const std::uint32_t crc = crc32(0, content) ^ (member.crc_wrong ? 1U : 0U);
    const std::uint64_t offset = zip.size();
    const unsigned flags = member.flags | (member.descriptor ? zip::k_flag_descriptor : 0U);
    const std::string& local_name = member.local_name.empty() ? member.name : member.local_name;
    zip::append(zip, zip::k_local_signature, 4);
    zip::append(zip, 20, 2);
    zip::append(zip, flags, 2);
    zip::append(zip, member.method, 2);
    zip::append(zip, 0x21U << 16U, 4);
    zip::append(zip, member.descriptor ? 0 : crc, 4);
    zip::append(zip, member.descriptor ? 0 : content.size(), 4);
    zip::append(zip, member.descriptor ? 0 : content.size(), 4);
    zip::append(zip, local_name.size(), 2);
    zip::append(zip, 0, 2);
    zip += local_name + member.content;
    if (member.descriptor) {
      zip::append(zip, zip::k_descriptor_signature, 4);
      zip::append(zip, crc, 4);
      zip::append(zip, content.size(), 4);
      zip::append(zip, content.size(), 4);
    }
    zip += member.gap;
    zip::append(directory, zip::k_central_signature, 4);
    zip::append(directory, 20, 2);
    zip::append(directory, 20, 2);
    zip::append(directory, flags, 2);
    zip::append(directory, member.method, 2);
    zip::append(directory, 0x21U << 16U, 4);
    zip::append(directory, crc, 4);
    zip::append(directory, content.size(), 4);
    zip::append(directory, content.size(), 4);
    zip::append(directory, member.name.size(), 2);
    directory.append(2 + 2 + 2 + 2 + 4, '\0');
    zip::append(directory, offset, 4);
    directory += member.name;
  }
  const std::uint64_t directory_offset = zip.size();
  zip += directory;
  zip::append(zip, zip::k_end_signature, 4);
  zip::append(zip, 0, 4);
  zip::append(zip, members.size(), 2);
  zip::append(zip, members.size(), 2);
  zip::append(zip, directory.size(), 4);
  zip::append(zip, directory_offset, 4);
  zip::append(zip, comment.size(), 2);
  zip += comment;
  return zip;
}

}  // namespace athanor::test

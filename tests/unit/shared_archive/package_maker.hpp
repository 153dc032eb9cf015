#pragma once

#include "shared/archive/byte_stream.hpp"
#include "shared/archive/bzip2_encoder.hpp"
#include "shared/archive/tar_block.hpp"
#include "shared/archive/tar_pax.hpp"
#include "tests/support/results.hpp"
#include "tests/unit/shared_archive/zip_maker.hpp"

#include <zstd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Packages put together byte by byte, so that tests can say things that no well-behaved writer
// says.
namespace athanor::test {

inline std::span<const std::uint8_t> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

inline std::string as_text(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// One raw tar member. Unset fields are what tar programs usually write.
struct RawMember {
  std::string name;
  std::string content = {};
  char type = '0';
  std::string link = {};
  std::uint64_t mode = 0644;
  std::uint64_t mtime = 1'600'000'000;
  std::uint64_t uid = 0;
  std::string user = {};
  std::vector<PaxRecord> pax = {};                        // in a pax header in front
  std::vector<std::pair<char, std::string>> before = {};  // whole extension members in front
  std::string magic = std::string("ustar\00000", 8);
  std::string prefix = {};
  std::string size_field = {};  // the size field's bytes, instead of the content's size
  std::string raw_header = {};  // bytes put over the header from offset 386 on
};

inline void pad_block(std::string& tar) {
  tar.resize((tar.size() + k_tar_block_bytes - 1) / k_tar_block_bytes * k_tar_block_bytes);
}

// Header blocks by hand: TarBlockBuilder always writes the right magic and checksum.
inline std::string raw_header(const RawMember& member) {
  std::string block(k_tar_block_bytes, '\0');
  const auto put = [&](TarField field, std::string_view text) {
    block.replace(field.offset, std::min(text.size(), field.length), text.substr(0, field.length));
  };
  const auto octal = [&](TarField field, std::uint64_t value) {
    std::string digits;
    for (std::size_t i = 1; i < field.length; ++i, value >>= 3U) {
      digits.insert(digits.begin(), static_cast<char>('0' + (value & 7U)));
    }
    put(field, digits);
  };
  put(tar_field::k_name, member.name);
  octal(tar_field::k_mode, member.mode);
  octal(tar_field::k_uid, member.uid);
  octal(tar_field::k_gid, 0);
  octal(tar_field::k_size, member.content.size());
  if (!member.size_field.empty()) {
    put(tar_field::k_size, member.size_field);
  }
  octal(tar_field::k_mtime, member.mtime);
  put(tar_field::k_type, std::string(1, member.type));
  put(tar_field::k_link, member.link);
  put(tar_field::k_magic, member.magic);
  put(tar_field::k_user, member.user);
  put(tar_field::k_prefix, member.prefix);
  if (!member.raw_header.empty()) {
    block.replace(386, member.raw_header.size(), member.raw_header);
  }
  put(tar_field::k_checksum, "        ");
  std::uint64_t sum = 0;
  for (const char c : block) {
    sum += static_cast<unsigned char>(c);
  }
  octal({tar_field::k_checksum.offset, 7}, sum);
  block[tar_field::k_checksum.offset + 6] = '\0';
  return block;
}

inline void append_member(std::string& tar, const RawMember& member) {
  for (const auto& [type, content] : member.before) {
    append_member(tar, {.name = "extension", .content = content, .type = type});
  }
  if (!member.pax.empty()) {
    std::string records;
    for (const auto& [key, value] : member.pax) {
      append_pax_record(records, key, value);
    }
    append_member(tar, {.name = "PaxHeader", .content = records, .type = 'x'});
  }
  tar += raw_header(member);
  tar += member.content;
  pad_block(tar);
}

enum class TarEnd { marked, missing };

inline std::string make_tar(const std::vector<RawMember>& members, TarEnd end = TarEnd::marked) {
  std::string tar;
  for (const RawMember& member : members) {
    append_member(tar, member);
  }
  if (end == TarEnd::marked) {
    tar.append(2 * k_tar_block_bytes, '\0');
  }
  return tar;
}

inline std::string bzip2(std::string_view content) {
  std::vector<std::uint8_t> out;
  MemorySink sink(out);
  Bzip2Encoder encoder(sink, {});
  must(encoder.write(as_bytes(content)));
  must(encoder.finish());
  return as_text(out);
}

inline std::string zstd(std::string_view content) {
  std::string out(ZSTD_compressBound(content.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), content.data(), content.size(), 3));
  return out;
}

inline void write_bytes(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

inline std::string read_bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline RawMember index_json() {
  return {.name = "info/index.json", .content = R"({"name":"t","version":"1","build":"0"})"};
}

// A package that has what every package must have, and these members behind it.
inline std::string make_tar_bz2(std::vector<RawMember> members) {
  members.insert(members.begin(), index_json());
  return bzip2(make_tar(members));
}

inline const std::string k_metadata = R"({"conda_pkg_format_version": 2})";

// The three members of a sound .conda file of that stem.
inline std::vector<RawZipMember> conda_members(const std::string& stem) {
  return {{.name = "metadata.json", .content = k_metadata},
          {.name = "pkg-" + stem + ".tar.zst",
           .content = zstd(make_tar({{.name = "bin/a", .content = "x"}}))},
          {.name = "info-" + stem + ".tar.zst", .content = zstd(make_tar({index_json()}))}};
}

}  // namespace athanor::test

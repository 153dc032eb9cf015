#include "shared/archive/tar_writer.hpp"

#include "shared/archive/tar_block.hpp"
#include "shared/archive/tar_pax.hpp"
#include "shared/base/check.hpp"
#include "shared/base/strings.hpp"
#include "shared/base/units.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace athanor {
namespace {

constexpr std::uint64_t k_record_bytes = 10_KiB;
constexpr std::uint64_t k_owner_max = 07777777;  // seven octal digits

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// Names that aren't ASCII go into a pax header, whose encoding is known to be UTF-8; those that are
// in no encoding at all stay raw bytes in the ustar header if they can.
bool needs_record(std::string_view text, std::size_t field_bytes) {
  return text.size() > field_bytes || (!is_ascii(text) && is_utf8(text));
}

// Where to cut a long path into prefix and name; 0 if there is no such place.
std::size_t prefix_length(std::string_view path) {
  if (path.size() > tar_field::k_prefix.length + 1 + tar_field::k_name.length) {
    return 0;
  }
  const std::size_t from =
      path.size() > tar_field::k_name.length ? path.size() - tar_field::k_name.length - 1 : 0;
  const std::size_t slash = path.find('/', std::max<std::size_t>(from, 1));
  const bool fits = slash != std::string_view::npos && slash <= tar_field::k_prefix.length &&
                    slash + 1 < path.size();
  return fits ? slash : 0;
}

char type_flag(MemberType type) {
  switch (type) {
    case MemberType::file:
      return '0';
    case MemberType::hard_link:
      return '1';
    case MemberType::symlink:
      return '2';
    case MemberType::directory:
      return '5';
  }
  ATHANOR_CHECK(false);
}

// One member's ustar header, and the pax records for what doesn't fit into it.
class HeaderWriter {
 public:
  explicit HeaderWriter(const TarEntry& entry) {
    // Python's, Rust's and libarchive's readers tell directories by the type; v7 readers by this.
    path_ = entry.type == MemberType::directory ? entry.path + "/" : entry.path;
    if (!is_utf8(path_) || !is_utf8(entry.link_target)) {
      binary_ = path_.size() > tar_field::k_name.length ||
                entry.link_target.size() > tar_field::k_link.length;
    }
    write_names(entry);
    write_numbers(entry);
    block_.text(tar_field::k_type, std::string(1, type_flag(entry.type)));
    write_owner("uname", tar_field::k_user, entry.user);
    write_owner("gname", tar_field::k_group, entry.group);
    for (const auto& [key, value] : entry.attributes) {
      append_pax_record(records_, key, value);
    }
  }

  // Empty if the header says it all.
  const std::string& records() const { return records_; }
  std::span<const std::uint8_t, k_tar_block_bytes> block() { return block_.finish(); }

 private:
  void write_names(const TarEntry& entry) {
    const std::size_t prefix = path_.size() > tar_field::k_name.length ? prefix_length(path_) : 0;
    const bool split = prefix > 0 && (is_ascii(path_) || !is_utf8(path_));
    if (split) {
      block_.text(tar_field::k_prefix, path_.substr(0, prefix));
      block_.text(tar_field::k_name, path_.substr(prefix + 1));
    } else {
      block_.text(tar_field::k_name, path_);
    }
    const bool path_record = !split && needs_record(path_, tar_field::k_name.length);
    const bool link_record = needs_record(entry.link_target, tar_field::k_link.length);
    if (binary_ && (path_record || link_record)) {
      append_pax_record(records_, "hdrcharset", "BINARY");
    }
    if (path_record) {
      append_pax_record(records_, "path", path_);
    }
    if (link_record) {
      append_pax_record(records_, "linkpath", entry.link_target);
    }
    block_.text(tar_field::k_link, entry.link_target);
  }

  void write_numbers(const TarEntry& entry) {
    block_.number(tar_field::k_mode, entry.mode);
    write_number("size", tar_field::k_size, entry.size, k_tar_octal_max);
    write_number("uid", tar_field::k_uid, entry.uid, k_owner_max);
    write_number("gid", tar_field::k_gid, entry.gid, k_owner_max);
    block_.number(tar_field::k_device_major, 0);
    block_.number(tar_field::k_device_minor, 0);
    const TarTime& time = entry.modified;
    block_.number(tar_field::k_mtime, std::min(time.seconds, k_tar_octal_max));
    if (!time.fraction.empty() || time.seconds > k_tar_octal_max) {
      std::string text = std::to_string(time.seconds);
      if (!time.fraction.empty()) {
        text += "." + time.fraction;
      }
      append_pax_record(records_, "mtime", text);
    }
  }

  void write_number(std::string_view key, TarField field, std::uint64_t value, std::uint64_t max) {
    block_.number(field, value > max ? 0 : value);
    if (value > max) {
      append_pax_record(records_, key, std::to_string(value));
    }
  }

  void write_owner(std::string_view key, TarField field, const std::string& name) {
    block_.text(field, name);
    if (needs_record(name, field.length) && is_utf8(name)) {
      append_pax_record(records_, key, name);
    }
  }

  std::string path_;
  bool binary_ = false;  // a record must hold bytes that aren't UTF-8
  std::string records_;
  TarBlockBuilder block_;
};

std::span<const std::uint8_t> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace

Result<void> TarWriter::put(std::span<const std::uint8_t> bytes) {
  written_ += bytes.size();
  return sink_.write(bytes);
}

Result<void> TarWriter::pad(std::uint64_t multiple) {
  constexpr std::array<std::uint8_t, k_record_bytes> k_zeros{};
  const std::uint64_t count = (multiple - written_ % multiple) % multiple;
  return count == 0 ? Result<void>() : put(std::span(k_zeros).first(count));
}

Result<void> TarWriter::begin(const TarEntry& entry) {
  ATHANOR_CHECK(left_ == 0);
  ATHANOR_TRY(pad(k_tar_block_bytes));
  HeaderWriter header(entry);
  if (!header.records().empty()) {
    TarBlockBuilder extension;
    extension.text(tar_field::k_name, "././@PaxHeader");
    extension.number(tar_field::k_mode, 0644);
    extension.number(tar_field::k_uid, 0);
    extension.number(tar_field::k_gid, 0);
    extension.number(tar_field::k_size, header.records().size());
    extension.number(tar_field::k_mtime, 0);
    extension.number(tar_field::k_device_major, 0);
    extension.number(tar_field::k_device_minor, 0);
    extension.text(tar_field::k_type, "x");
    ATHANOR_TRY(put(extension.finish()));
    ATHANOR_TRY(put(as_bytes(header.records())));
    ATHANOR_TRY(pad(k_tar_block_bytes));
  }
  left_ = entry.size;
  return put(header.block());
}

Result<void> TarWriter::write(std::span<const std::uint8_t> content) {
  ATHANOR_CHECK(content.size() <= left_);
  left_ -= content.size();
  return put(content);
}

Result<void> TarWriter::finish() {
  ATHANOR_CHECK(left_ == 0);
  ATHANOR_TRY(pad(k_tar_block_bytes));
  constexpr std::array<std::uint8_t, 2 * k_tar_block_bytes> k_end{};
  ATHANOR_TRY(put(k_end));
  return pad(k_record_bytes);
}

}  // namespace athanor

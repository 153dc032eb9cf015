#include "shared/archive/tar_member.hpp"

#include "shared/archive/member_path.hpp"
#include "shared/base/limits.hpp"
#include "shared/base/strings.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <utility>

namespace athanor {
namespace {

Error corrupt(std::string_view what) {
  return make_error(ErrorKind::corrupt, "the tar archive is malformed: " + std::string(what));
}

Error refused(std::string_view path, std::string_view why) {
  return make_error(ErrorKind::rejected,
                    "member '" + printable(path) + "' is refused: " + std::string(why),
                    "readers of packages disagree about such a member or are harmed by it");
}

// The records in force for one member: its own before the global ones. A record without a value
// withdraws what an earlier one said.
class Records {
 public:
  Records(const TarExtensions& extensions, const std::vector<PaxRecord>& globals)
      : own_(extensions.records ? &*extensions.records : nullptr),
        globals_(globals) {}

  const std::string* own(std::string_view key) const {
    return own_ == nullptr ? nullptr : find(*own_, key);
  }
  const std::string* any(std::string_view key) const {
    const std::string* const value = own(key);
    return value != nullptr ? value : find(globals_, key);
  }

 private:
  static const std::string* find(const std::vector<PaxRecord>& records, std::string_view key) {
    for (const PaxRecord& record : records) {
      if (record.first == key && !record.second.empty()) {
        return &record.second;
      }
    }
    return nullptr;
  }

  const std::vector<PaxRecord>* own_;
  const std::vector<PaxRecord>& globals_;
};

std::optional<std::uint64_t> decimal(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

bool all_digits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// A time before 1970 becomes 1970: clients clamp or fail there.
std::optional<TarTime> decimal_time(std::string_view text) {
  const bool negative = !text.empty() && text.front() == '-';
  if (negative) {
    text.remove_prefix(1);
  }
  const std::size_t point = std::min(text.find('.'), text.size());
  const auto seconds = decimal(text.substr(0, point));
  std::string_view fraction = text.substr(std::min(point + 1, text.size()));
  constexpr std::size_t k_most_digits = 32;
  if (!seconds || !all_digits(fraction) || fraction.size() > k_most_digits) {
    return std::nullopt;
  }
  while (!fraction.empty() && fraction.back() == '0') {
    fraction.remove_suffix(1);
  }
  return negative ? TarTime{} : TarTime{*seconds, std::string(fraction)};
}

bool is_kept_attribute(std::string_view key) {
  constexpr std::array<std::string_view, 3> k_prefixes = {"SCHILY.xattr.", "LIBARCHIVE.xattr.",
                                                          "SCHILY.acl."};
  return std::any_of(k_prefixes.begin(), k_prefixes.end(), [&](std::string_view prefix) {
    return key.substr(0, prefix.size()) == prefix;
  });
}

Result<std::string> raw_path(const TarBlock& header, const TarExtensions& extensions,
                             const Records& records) {
  std::string path;
  const std::string* const from_pax = records.own("path");
  if (from_pax != nullptr) {
    path = *from_pax;
    if (extensions.long_name && *extensions.long_name != path) {
      return refused(path, "its pax and GNU headers give it two names");
    }
  } else if (extensions.long_name) {
    path = *extensions.long_name;
  } else {
    const bool prefixed =
        header.dialect() == TarDialect::ustar && !header.text(tar_field::k_prefix).empty();
    if (prefixed) {
      path = std::string(header.text(tar_field::k_prefix)) + "/";
    }
    path += header.text(tar_field::k_name);
  }
  if (const std::string* const name = records.own("GNU.sparse.name"); name != nullptr) {
    path = *name;
  }
  if (path.empty()) {
    return corrupt("a member has no name");
  }
  return path;
}

Result<std::string> raw_link(const TarBlock& header, const TarExtensions& extensions,
                             const Records& records) {
  const std::string* const from_pax = records.own("linkpath");
  if (from_pax != nullptr && extensions.long_link && *extensions.long_link != *from_pax) {
    return refused(*from_pax, "its pax and GNU headers give it two targets");
  }
  if (from_pax != nullptr) {
    return *from_pax;
  }
  return extensions.long_link ? *extensions.long_link : std::string(header.text(tar_field::k_link));
}

Result<MemberType> member_type(char type, std::string_view path) {
  const bool slash = path.back() == '/';
  switch (type) {
    case '\0':
      // Before POSIX a directory was a file whose name ended in a slash.
      return slash ? MemberType::directory : MemberType::file;
    case '0':
    case '7':
    case 'S':
      if (slash) {
        return refused(path, "it is a file with the name of a directory");
      }
      return MemberType::file;
    case '1':
      return MemberType::hard_link;
    case '2':
      return MemberType::symlink;
    case '3':
    case '4':
      return refused(path, "it is a device");
    case '5':
      return MemberType::directory;
    case '6':
      return refused(path, "it is a named pipe");
    default:
      return refused(path, "it is of the unknown type '" + printable({&type, 1}) + "'");
  }
}

// The size that every reader takes. One in a pax record is for files whose size the header can't
// spell; where both could and disagree, a reader that ignores one of them would see other members.
Result<std::uint64_t> member_size(const TarBlock& header, const Records& records,
                                  std::string_view path) {
  const auto in_header = header.number(tar_field::k_size);
  if (!in_header) {
    return corrupt("a member's size isn't a number");
  }
  const std::string* const record = records.own("size");
  if (record == nullptr) {
    return *in_header;
  }
  const auto in_record = decimal(*record);
  if (!in_record) {
    return corrupt("a member's size isn't a number");
  }
  if (*in_record != *in_header && *in_record <= k_tar_octal_max) {
    return refused(path, "its headers give it two sizes");
  }
  return *in_record;
}

Result<std::uint64_t> owner(const TarBlock& header, TarField field, const std::string* record) {
  if (record != nullptr) {
    if (record->front() == '-' && all_digits(std::string_view(*record).substr(1))) {
      return std::uint64_t{0};
    }
    const auto value = decimal(*record);
    return value ? Result(*value) : corrupt("a member's owner isn't a number");
  }
  const auto value = header.number(field);
  return value ? Result(*value) : corrupt("a member's owner isn't a number");
}

Result<TarTime> modified(const TarBlock& header, const std::string* record) {
  if (record != nullptr) {
    auto time = decimal_time(*record);
    return time ? Result(*std::move(time)) : corrupt("a member's time isn't a number");
  }
  const auto seconds = header.number(tar_field::k_mtime);
  return seconds ? Result(TarTime{*seconds, {}}) : corrupt("a member's time isn't a number");
}

std::string name_of_owner(const TarBlock& header, TarField field, const std::string* record) {
  if (record != nullptr) {
    return record->find('\0') == std::string::npos ? *record : std::string();
  }
  return header.dialect() == TarDialect::v7 ? std::string() : std::string(header.text(field));
}

Result<void> describe_owner(const TarBlock& header, const Records& records, TarEntry& entry) {
  ATHANOR_ASSIGN(entry.uid, owner(header, tar_field::k_uid, records.any("uid")));
  ATHANOR_ASSIGN(entry.gid, owner(header, tar_field::k_gid, records.any("gid")));
  entry.user = name_of_owner(header, tar_field::k_user, records.any("uname"));
  entry.group = name_of_owner(header, tar_field::k_group, records.any("gname"));
  ATHANOR_ASSIGN(entry.modified, modified(header, records.any("mtime")));
  const auto mode = header.number(tar_field::k_mode);
  if (!mode) {
    return corrupt("a member's mode isn't a number");
  }
  entry.mode = static_cast<std::uint32_t>(*mode & 07777U);
  return {};
}

Result<void> describe_link(std::string target, TarEntry& entry) {
  if (target.empty()) {
    return corrupt("a link has no target");
  }
  if (target.size() > limits::k_member_name_bytes || target.find('\0') != std::string::npos) {
    return refused(entry.path, "its target is too long or has a NUL byte");
  }
  if (entry.type == MemberType::symlink) {
    entry.link_target = std::move(target);
    return {};
  }
  auto normalized = normalize_member_path(target);
  if (!normalized || normalized->empty()) {
    return refused(entry.path, "it is a hard link to outside the package");
  }
  entry.link_target = std::move(normalized).value();
  return {};
}

Result<void> describe_sparse(const Records& records, char type, TarMember& member) {
  if (type == 'S') {
    member.sparse = SparseKind::gnu_header;
  } else if (records.own("GNU.sparse.major") != nullptr) {
    if (*records.own("GNU.sparse.major") != "1") {
      return refused(member.entry.path, "its sparse format isn't known");
    }
    const std::string* const size = records.own("GNU.sparse.realsize");
    const auto number = size != nullptr ? decimal(*size) : std::nullopt;
    if (!number) {
      return corrupt("a sparse file has no size");
    }
    member.sparse = SparseKind::text_map;
    member.sparse_size = *number;
  } else if (records.own("GNU.sparse.size") != nullptr) {
    member.sparse = SparseKind::records;
  }
  if (member.sparse != SparseKind::none && member.entry.type != MemberType::file) {
    return refused(member.entry.path, "it is sparse without being a file");
  }
  return {};
}

}  // namespace

std::string_view to_string(MemberType type) {
  switch (type) {
    case MemberType::file:
      return "file";
    case MemberType::directory:
      return "directory";
    case MemberType::symlink:
      return "symlink";
    case MemberType::hard_link:
      return "hard link";
  }
  return "";
}

Result<void> check_global_records(const std::vector<PaxRecord>& records) {
  constexpr std::array<std::string_view, 10> k_harmless = {"comment", "mtime",     "uid",   "gid",
                                                           "uname",   "gname",     "atime", "ctime",
                                                           "charset", "hdrcharset"};
  for (const PaxRecord& record : records) {
    if (std::find(k_harmless.begin(), k_harmless.end(), record.first) == k_harmless.end()) {
      return make_error(ErrorKind::rejected,
                        "the tar archive sets '" + printable(record.first) +
                            "' for all its members at once: readers disagree about that");
    }
  }
  return {};
}

Result<TarMember> describe_member(const TarBlock& header, const TarExtensions& extensions,
                                  const std::vector<PaxRecord>& globals) {
  const Records records(extensions, globals);
  TarMember member;
  TarEntry& entry = member.entry;
  ATHANOR_ASSIGN(const std::string path, raw_path(header, extensions, records));
  ATHANOR_ASSIGN(entry.type, member_type(header.type(), path));
  ATHANOR_ASSIGN(entry.path, normalize_member_path(path));
  ATHANOR_TRY(describe_owner(header, records, entry));
  ATHANOR_ASSIGN(member.stored_bytes, member_size(header, records, path));
  if (entry.type == MemberType::file) {
    entry.size = member.stored_bytes;
  } else if (member.stored_bytes != 0) {
    return refused(path, "it has a size without being a file");
  }
  if (entry.type == MemberType::symlink || entry.type == MemberType::hard_link) {
    ATHANOR_ASSIGN(std::string target, raw_link(header, extensions, records));
    ATHANOR_TRY(describe_link(std::move(target), entry));
  }
  ATHANOR_TRY(describe_sparse(records, header.type(), member));
  if (extensions.records) {
    for (const PaxRecord& record : *extensions.records) {
      if (is_kept_attribute(record.first)) {
        entry.attributes.push_back(record);
      }
    }
    std::sort(entry.attributes.begin(), entry.attributes.end());
  }
  return member;
}

}  // namespace athanor

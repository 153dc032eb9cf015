#include "shared/archive/member_rules.hpp"

#include "shared/archive/member_path.hpp"
#include "shared/base/check.hpp"
#include "shared/base/limits.hpp"
#include "shared/base/strings.hpp"
#include "shared/base/units.hpp"

#include <algorithm>
#include <string_view>

namespace athanor {
namespace {

Error refused(std::string_view path, std::string_view why) {
  return make_error(ErrorKind::rejected,
                    "member '" + printable(path) + "' is refused: " + std::string(why),
                    "the package isn't safe to extract; don't use it");
}

Error bomb(std::string what) {
  return make_error(ErrorKind::rejected, std::move(what),
                    "it looks like a decompression bomb; don't use it");
}

}  // namespace

std::uint64_t unpacked_bytes_allowed(std::uint64_t artifact_bytes) {
  const std::uint64_t by_ratio =
      artifact_bytes > limits::k_unpacked_bytes / limits::k_unpacked_ratio
          ? limits::k_unpacked_bytes
          : artifact_bytes * limits::k_unpacked_ratio;
  return std::clamp<std::uint64_t>(by_ratio, limits::k_unpacked_ratio_floor,
                                   limits::k_unpacked_bytes);
}

Result<void> MemberRules::admit(const TarEntry& entry) {
  if (members_ >= limits::k_archive_members) {
    return bomb("the package has more than " + std::to_string(limits::k_archive_members) +
                " members");
  }
  names_bytes_ += entry.path.size();
  if (names_bytes_ > limits::k_archive_names_bytes) {
    return bomb("the names in the package take more than " +
                human_size(limits::k_archive_names_bytes));
  }
  if (entry.size > unpacked_allowed_ - unpacked_bytes_) {
    return bomb("the package unpacks to more than " + human_size(unpacked_allowed_) +
                ", far more than its size lets expect");
  }
  if (entry.path == "info" && entry.type != MemberType::directory) {
    return refused(entry.path, "it must be a directory");
  }
  if (entry.path == k_index_json_path) {
    if (entry.type != MemberType::file) {
      return refused(entry.path, "it must be a file");
    }
    if (has_index_) {
      return refused(entry.path,
                     "it stands in the package twice, and readers differ in which one "
                     "they take");
    }
    has_index_ = true;
  }
  Known known{.type = entry.type, .content_member = members_};
  ATHANOR_TRY(admit_links(entry, known));
  known_[entry.path] = known;
  unpacked_bytes_ += entry.size;
  ++members_;
  return {};
}

Result<void> MemberRules::admit_links(const TarEntry& entry, Known& known) {
  if (symlinks_ > 0) {
    for (std::size_t slash = entry.path.find('/'); slash != std::string::npos;
         slash = entry.path.find('/', slash + 1)) {
      const auto parent = known_.find(entry.path.substr(0, slash));
      if (parent != known_.end() && parent->second.type == MemberType::symlink) {
        return refused(entry.path, "it would be written through a symlink of the package");
      }
    }
  }
  const auto before = known_.find(entry.path);
  if (before != known_.end() && before->second.type == MemberType::symlink) {
    return refused(entry.path,
                   "it would replace a symlink of the package, or be written through it");
  }
  if (entry.type == MemberType::symlink) {
    ++symlinks_;
    outside_links_ += symlink_leaves_package(entry.path, entry.link_target) ? 1U : 0U;
  }
  if (entry.type == MemberType::hard_link) {
    const auto target = known_.find(entry.link_target);
    if (target == known_.end() || target->second.type == MemberType::directory) {
      return refused(entry.path, "it is a hard link to what isn't a file in front of it");
    }
    known = target->second;
  }
  return {};
}

Result<void> MemberRules::finish() const {
  if (!has_index_) {
    return make_error(ErrorKind::rejected, "the archive has no info/index.json",
                      "it isn't a conda package");
  }
  return {};
}

std::uint64_t MemberRules::content_member(const TarEntry& hard_link) const {
  const auto target = known_.find(hard_link.link_target);
  ATHANOR_CHECK(target != known_.end());
  return target->second.content_member;
}

}  // namespace athanor

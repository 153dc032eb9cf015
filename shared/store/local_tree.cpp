#include "shared/store/local_tree.hpp"

#include "shared/os/files.hpp"
#include "shared/os/path_text.hpp"
#include "shared/store/object_key.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace athanor {
namespace {

constexpr unsigned k_tree_depth = k_object_key_bytes;  // a key can't have more segments

std::string version_tag(const struct stat& status) {
  return std::to_string(status.st_mtim.tv_sec) + "." + std::to_string(status.st_mtim.tv_nsec) +
         "-" + std::to_string(status.st_size) + "-" + std::to_string(status.st_ino);
}

// A link that a given file got here is as new as its inode's last change, however old its bytes.
WallTime last_change(const struct stat& status) {
  return WallTime(std::chrono::seconds(std::max(status.st_mtim.tv_sec, status.st_ctim.tv_sec)));
}

bool is_staging(std::string_view key) {
  return key == ".athanor/tmp";
}

// Whether a symlink in `folder` leads to the folder itself or one above it: walking it would never
// end.
bool leads_upwards(const std::filesystem::path& folder, const std::filesystem::path& link) {
  std::error_code error;
  const auto target = std::filesystem::canonical(link, error);
  const auto here = std::filesystem::canonical(folder, error);
  return std::mismatch(target.begin(), target.end(), here.begin(), here.end()).first ==
         target.end();
}

}  // namespace

bool is_absent(int error_number) {
  // A file where a folder of the key would be, or a key that no file system can hold.
  return error_number == ENOENT || error_number == ENOTDIR || error_number == ENAMETOOLONG;
}

Result<std::optional<ObjectInfo>> look_at(const std::filesystem::path& path, std::string key) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    if (is_absent(errno)) {
      return std::optional<ObjectInfo>();
    }
    return system_error(errno, "cannot look at " + quoted(path));
  }
  if (!S_ISREG(status.st_mode)) {
    return std::optional<ObjectInfo>();
  }
  return std::optional(ObjectInfo{.key = std::move(key),
                                  .size = static_cast<std::uint64_t>(status.st_size),
                                  .version_tag = version_tag(status),
                                  .modified = last_change(status)});
}

Result<std::vector<LocalChild>> children_of(const std::filesystem::path& folder,
                                            std::string_view prefix) {
  std::vector<LocalChild> result;
  auto entries = list_directory(folder);
  if (!entries) {
    if (entries.error().kind == ErrorKind::not_found) {
      return result;  // gone meanwhile, or never there
    }
    return std::move(entries).error();
  }
  for (DirectoryEntry& entry : entries.value()) {
    FileType type = entry.type;
    if (type == FileType::symlink) {
      struct stat status {};
      if (::stat((folder / entry.name).c_str(), &status) != 0) {
        continue;  // points nowhere
      }
      if (S_ISDIR(status.st_mode) && leads_upwards(folder, folder / entry.name)) {
        return make_error(ErrorKind::rejected,
                          "the symbolic link " + quoted(folder / entry.name) +
                              " points to a folder that it is in",
                          "Remove that link");
      }
      type = S_ISDIR(status.st_mode)   ? FileType::directory
             : S_ISREG(status.st_mode) ? FileType::regular
                                       : FileType::other;
    }
    const bool is_folder = type == FileType::directory;
    if ((is_folder && !is_staging(std::string(prefix) + entry.name)) || type == FileType::regular) {
      result.push_back({.name = std::move(entry.name), .is_folder = is_folder});
    }
  }
  std::sort(result.begin(), result.end(), [](const LocalChild& a, const LocalChild& b) {
    return a.name + (a.is_folder ? "/" : "") < b.name + (b.is_folder ? "/" : "");
  });
  return result;
}

namespace {

Result<bool> holds_object_below(const std::filesystem::path& folder, const std::string& prefix,
                                unsigned depth) {
  ATHANOR_ASSIGN(const auto entries, children_of(folder, prefix));
  for (const LocalChild& child : entries) {
    if (!child.is_folder) {
      return true;
    }
  }
  for (const LocalChild& child : entries) {
    if (depth < k_tree_depth) {
      ATHANOR_ASSIGN(const bool found,
                     holds_object_below(folder / child.name, prefix + child.name + "/", depth + 1));
      if (found) {
        return true;
      }
    }
  }
  return false;
}

Result<void> walk_below(const std::filesystem::path& folder, const std::string& prefix,
                        const ObjectVisitor& visit, const std::stop_token& stop, unsigned depth) {
  if (stop.stop_requested()) {
    return make_error(ErrorKind::canceled, "stopped while listing");
  }
  if (depth > k_tree_depth) {
    return make_error(ErrorKind::rejected, "the folders of " + quoted(folder) + " are too deep",
                      "Look for a symbolic link that points to a folder above it");
  }
  ATHANOR_ASSIGN(const auto entries, children_of(folder, prefix));
  for (const LocalChild& child : entries) {
    if (child.is_folder) {
      ATHANOR_TRY(
          walk_below(folder / child.name, prefix + child.name + "/", visit, stop, depth + 1));
      continue;
    }
    ATHANOR_ASSIGN(const auto info, look_at(folder / child.name, prefix + child.name));
    if (info) {
      ATHANOR_TRY(visit(*info));
    }
  }
  return {};
}

}  // namespace

Result<bool> holds_object(const std::filesystem::path& folder, const std::string& prefix) {
  return holds_object_below(folder, prefix, 0);
}

Result<void> walk(const std::filesystem::path& folder, const std::string& prefix,
                  const ObjectVisitor& visit, const std::stop_token& stop) {
  return walk_below(folder, prefix, visit, stop, 0);
}

}  // namespace athanor

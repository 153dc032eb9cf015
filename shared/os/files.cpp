#include "shared/os/files.hpp"

#include "shared/base/units.hpp"
#include "shared/os/path_text.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <system_error>

namespace athanor {
namespace {

Error too_large(const std::filesystem::path& path, std::uint64_t max_bytes) {
  return make_error(ErrorKind::rejected,
                    quoted(path) + " is larger than " + human_size(max_bytes) + ", the limit here");
}

Result<std::string> read_open_file(const Fd& fd, const std::filesystem::path& path,
                                   std::uint64_t max_bytes) {
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) {
    return system_error(errno, "cannot read " + quoted(path));
  }
  if (S_ISDIR(status.st_mode)) {
    return system_error(EISDIR, "cannot read " + quoted(path));
  }
  const auto announced = static_cast<std::uint64_t>(status.st_size);
  if (S_ISREG(status.st_mode) && announced > max_bytes) {
    return too_large(path, max_bytes);
  }
  // Pipes and /proc files announce no size, and a regular file may grow: read until the end.
  std::string bytes;
  std::size_t step = S_ISREG(status.st_mode) ? static_cast<std::size_t>(announced) + 1 : 64_KiB;
  while (true) {
    const std::size_t old_size = bytes.size();
    bytes.resize(old_size + step);
    const ssize_t got = ::read(fd.get(), bytes.data() + old_size, step);
    if (got < 0 && errno != EINTR) {
      return system_error(errno, "cannot read " + quoted(path));
    }
    bytes.resize(old_size + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (bytes.size() > max_bytes) {
      return too_large(path, max_bytes);
    }
    if (got == 0) {
      return bytes;
    }
    step = std::max<std::size_t>(64_KiB, bytes.size() / 2);
  }
}

FileType file_type(mode_t mode) {
  if (S_ISREG(mode)) {
    return FileType::regular;
  }
  if (S_ISDIR(mode)) {
    return FileType::directory;
  }
  return S_ISLNK(mode) ? FileType::symlink : FileType::other;
}

// readdir's own word, or lstat's where the file system doesn't fill it in. Absent if the entry is
// gone meanwhile.
std::optional<FileType> entry_type(int directory, const dirent& entry) {
  switch (entry.d_type) {
    case DT_REG:
      return FileType::regular;
    case DT_DIR:
      return FileType::directory;
    case DT_LNK:
      return FileType::symlink;
    case DT_UNKNOWN:
      break;
    default:
      return FileType::other;
  }
  struct stat status {};
  if (::fstatat(directory, entry.d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
    return std::nullopt;
  }
  return file_type(status.st_mode);
}

// mkdir; true if it is new.
Result<bool> make_one_directory(const std::filesystem::path& directory, mode_t mode) {
  if (::mkdir(directory.c_str(), mode) == 0) {
    return true;
  }
  const int error_number = errno;
  struct stat status {};
  if (error_number != ENOENT && ::stat(directory.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) {
      return false;
    }
    return make_error(ErrorKind::rejected, "cannot create the directory " + quoted(directory) +
                                               ": there is a file of that name");
  }
  return system_error(error_number, "cannot create the directory " + quoted(directory));
}

}  // namespace

Result<std::string> read_file(const std::filesystem::path& path, std::uint64_t max_bytes) {
  ATHANOR_ASSIGN(const Fd fd, open_file(path, O_RDONLY));
  return read_open_file(fd, path, max_bytes);
}

Result<std::optional<std::string>> read_file_if_exists(const std::filesystem::path& path,
                                                       std::uint64_t max_bytes) {
  auto bytes = read_file(path, max_bytes);
  if (bytes) {
    return std::optional(std::move(bytes).value());
  }
  if (bytes.error().kind == ErrorKind::not_found) {
    return std::optional<std::string>();
  }
  return std::move(bytes).error();
}

Result<void> write_file(const std::filesystem::path& path, std::string_view bytes, mode_t mode) {
  ATHANOR_ASSIGN(Fd fd, open_file(path, O_WRONLY | O_CREAT | O_TRUNC, mode));
  ATHANOR_TRY(write_all(
      fd, std::span(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()), path));
  return fd.close(path);
}

Result<void> write_all(const Fd& fd, std::span<const std::uint8_t> bytes,
                       const std::filesystem::path& path_for_message) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd.get(), bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) {
        continue;
      }
      return system_error(errno, "cannot write to " + quoted(path_for_message));
    }
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

Result<std::size_t> read_at(const Fd& fd, std::uint64_t offset, std::span<std::uint8_t> buffer,
                            const std::filesystem::path& path_for_message) {
  std::size_t filled = 0;
  while (filled < buffer.size()) {
    const ssize_t got = ::pread(fd.get(), buffer.data() + filled, buffer.size() - filled,
                                static_cast<off_t>(offset + filled));
    if (got < 0) {
      if (errno == EINTR) {
        continue;
      }
      return system_error(errno, "cannot read " + quoted(path_for_message));
    }
    if (got == 0) {
      break;
    }
    filled += static_cast<std::size_t>(got);
  }
  return filled;
}

Result<void> sync_file(const Fd& fd, const std::filesystem::path& path_for_message) {
  while (::fsync(fd.get()) != 0) {
    if (errno != EINTR) {
      return system_error(errno, "cannot write to " + quoted(path_for_message));
    }
  }
  return {};
}

Result<void> sync_directory(const std::filesystem::path& directory) {
  ATHANOR_ASSIGN(const Fd fd, open_file(directory, O_RDONLY | O_DIRECTORY));
  while (::fsync(fd.get()) != 0) {
    if (errno == EINVAL || errno == ENOTSUP || errno == EROFS) {
      return {};
    }
    if (errno != EINTR) {
      return system_error(errno, "cannot write the directory " + quoted(directory));
    }
  }
  return {};
}

Result<std::vector<std::filesystem::path>> make_missing_directories(
    const std::filesystem::path& directory, mode_t mode) {
  // Walk up to the first parent that exists, then make the missing ones from there down.
  std::vector<std::filesystem::path> missing;
  std::filesystem::path current = directory;
  std::vector<std::filesystem::path> made;
  while (true) {
    auto is_new = make_one_directory(current.empty() ? "." : current, mode);
    if (is_new) {
      if (is_new.value()) {
        made.push_back(current);
      }
      break;
    }
    if (is_new.error().kind != ErrorKind::not_found || !current.has_parent_path() ||
        current.parent_path() == current) {
      return std::move(is_new).error();
    }
    missing.push_back(current);
    current = current.parent_path();
  }
  for (auto path = missing.rbegin(); path != missing.rend(); ++path) {
    ATHANOR_ASSIGN(const bool is_new, make_one_directory(*path, mode));
    if (is_new) {
      made.push_back(*path);
    }
  }
  return made;
}

Result<void> make_directories(const std::filesystem::path& directory, Durability durability,
                              mode_t mode) {
  ATHANOR_ASSIGN(const auto made, make_missing_directories(directory, mode));
  if (durability == Durability::synced) {
    // From the inside out: on a journaling file system the first sync writes all of them.
    for (auto path = made.rbegin(); path != made.rend(); ++path) {
      const auto parent = path->parent_path();
      ATHANOR_TRY(sync_directory(parent.empty() ? "." : parent));
    }
  }
  return {};
}

Result<std::vector<DirectoryEntry>> list_directory(const std::filesystem::path& directory) {
  ATHANOR_ASSIGN(Fd fd, open_file(directory, O_RDONLY | O_DIRECTORY));
  struct CloseDirectory {
    void operator()(DIR* stream) const { ::closedir(stream); }
  };
  const std::unique_ptr<DIR, CloseDirectory> stream(::fdopendir(fd.get()));
  if (!stream) {
    return system_error(errno, "cannot list " + quoted(directory));
  }
  fd.release();  // closedir closes it
  std::vector<DirectoryEntry> entries;
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr) {
      if (errno != 0) {
        return system_error(errno, "cannot list " + quoted(directory));
      }
      break;
    }
    const std::string_view name(entry->d_name);
    if (name == "." || name == "..") {
      continue;
    }
    if (const auto type = entry_type(::dirfd(stream.get()), *entry)) {
      entries.push_back({.name = std::string(name), .type = *type});
    }
  }
  std::sort(entries.begin(), entries.end(),
            [](const DirectoryEntry& a, const DirectoryEntry& b) { return a.name < b.name; });
  return entries;
}

Result<std::optional<std::uint64_t>> size_of_file(const std::filesystem::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) {
      return std::optional<std::uint64_t>();
    }
    return system_error(errno, "cannot look at " + quoted(path));
  }
  if (!S_ISREG(status.st_mode)) {
    return make_error(ErrorKind::rejected, quoted(path) + " is not a regular file");
  }
  return std::optional(static_cast<std::uint64_t>(status.st_size));
}

Result<void> remove_file(const std::filesystem::path& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return system_error(errno, "cannot remove " + quoted(path));
  }
  return {};
}

Result<void> remove_tree(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (error) {
    return system_error(error.value(), "cannot remove " + quoted(path));
  }
  return {};
}

}  // namespace athanor

#pragma once

#include "shared/base/result.hpp"
#include "shared/os/fd.hpp"

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// Whole files and directories. All functions are thread-safe, restart after signals and name the
// path in their errors.
namespace athanor {

// The whole file as bytes. rejected if it is larger than max_bytes (it is never read further).
Result<std::string> read_file(const std::filesystem::path& path, std::uint64_t max_bytes);
// The same; absent if there is no such file.
Result<std::optional<std::string>> read_file_if_exists(const std::filesystem::path& path,
                                                       std::uint64_t max_bytes);

// Creates or truncates the file. Neither atomic nor durable: for scratch. See AtomicFile.
Result<void> write_file(const std::filesystem::path& path, std::string_view bytes,
                        mode_t mode = 0666);
// All bytes, at the descriptor's position.
Result<void> write_all(const Fd& fd, std::span<const std::uint8_t> bytes,
                       const std::filesystem::path& path_for_message);
// Up to buffer.size() bytes from an absolute offset; fewer only at the end of the file.
Result<std::size_t> read_at(const Fd& fd, std::uint64_t offset, std::span<std::uint8_t> buffer,
                            const std::filesystem::path& path_for_message);

// The bytes (and the length) are on the disk when these return.
Result<void> sync_file(const Fd& fd, const std::filesystem::path& path_for_message);
// The directory's entries are on the disk. A file system that can't sync directories is content.
Result<void> sync_directory(const std::filesystem::path& directory);

enum class Durability {
  none,    // the system writes it when it likes
  synced,  // every new directory and its entry in its parent are on the disk
};
// Makes the directory and its missing parents. Fine if it exists; safe against others doing the
// same. rejected if a part of the path is not a directory.
Result<void> make_directories(const std::filesystem::path& directory, Durability durability,
                              mode_t mode = 0777);

// The same without syncing; returns the directories that are new, the outermost first.
Result<std::vector<std::filesystem::path>> make_missing_directories(
    const std::filesystem::path& directory, mode_t mode = 0777);

enum class FileType { regular, directory, symlink, other };
struct DirectoryEntry {
  std::string name;
  FileType type = FileType::other;
};
// The entries of one directory, "." and ".." left out, sorted by bytes. Symlinks aren't followed.
Result<std::vector<DirectoryEntry>> list_directory(const std::filesystem::path& directory);

// The size of a regular file in bytes (symlinks followed); absent if there is nothing.
Result<std::optional<std::uint64_t>> size_of_file(const std::filesystem::path& path);

// Removing what isn't there succeeds.
Result<void> remove_file(const std::filesystem::path& path);
// The whole tree; symlinks are removed, never followed. Removing what isn't there succeeds.
Result<void> remove_tree(const std::filesystem::path& path);

}  // namespace athanor

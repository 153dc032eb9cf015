#include "shared/store/local_store.hpp"

#include "shared/base/units.hpp"
#include "shared/net/url.hpp"
#include "shared/os/atomic_file.hpp"
#include "shared/os/file_lock.hpp"
#include "shared/os/files.hpp"
#include "shared/os/path_text.hpp"
#include "shared/store/local_tree.hpp"
#include "shared/store/object_key.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

namespace athanor {
namespace {

constexpr std::size_t k_piece_bytes = 1_MiB;
constexpr time_t k_leftover_seconds = 24L * 60 * 60;
constexpr const char* k_lock_name = "lock";

Result<void> write_source(const ObjectSource& source, const Fd& fd,
                          const std::filesystem::path& path, const std::stop_token& stop) {
  if (const std::string* bytes = source.bytes()) {
    return write_all(
        fd, std::span(reinterpret_cast<const std::uint8_t*>(bytes->data()), bytes->size()), path);
  }
  ATHANOR_ASSIGN(const Fd input, open_file(*source.path(), O_RDONLY));
  std::vector<std::uint8_t> buffer(std::min<std::uint64_t>(k_piece_bytes, source.size() + 1));
  std::uint64_t offset = 0;
  while (true) {
    if (stop.stop_requested()) {
      return make_error(ErrorKind::canceled, "stopped while writing to the store");
    }
    ATHANOR_ASSIGN(const std::size_t got, read_at(input, offset, buffer, *source.path()));
    if (got == 0) {
      break;
    }
    ATHANOR_TRY(write_all(fd, std::span(buffer.data(), got), path));
    offset += got;
  }
  if (offset != source.size()) {
    return make_error(ErrorKind::corrupt, quoted(*source.path()) + " has " +
                                              std::to_string(offset) + " bytes instead of " +
                                              std::to_string(source.size()));
  }
  return {};
}

// Takes away what crashed writers left. `now` is the file system's own idea of time: a server's
// clock may differ from ours.
void sweep(const std::filesystem::path& staging, time_t now) {
  const auto entries = list_directory(staging);
  if (!entries) {
    return;
  }
  for (const DirectoryEntry& entry : entries.value()) {
    const auto path = staging / entry.name;
    struct stat status {};
    if (entry.name != k_lock_name && ::lstat(path.c_str(), &status) == 0 &&
        S_ISREG(status.st_mode) && now - status.st_mtim.tv_sec > k_leftover_seconds) {
      ::unlink(path.c_str());
    }
  }
}

// rename(2) that never replaces, for file systems without hard links.
int rename_new(const char* from, const char* to) {
  return ::renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);
}

}  // namespace

LocalStore::Staged::Staged(std::filesystem::path p, Fd f, bool o)
    : path(std::move(p)),
      fd(std::move(f)),
      ours(o) {}

LocalStore::Staged::Staged(Staged&& other) noexcept
    : path(std::move(other.path)),
      fd(std::move(other.fd)),
      ours(std::exchange(other.ours, false)) {}

LocalStore::Staged::~Staged() {
  if (ours) {
    ::unlink(path.c_str());
  }
}

Result<std::unique_ptr<Store>> LocalStore::open(const std::filesystem::path& root) {
  std::error_code error;
  const auto absolute = std::filesystem::absolute(root, error).lexically_normal();
  if (error) {
    return system_error(error.value(), "cannot open the store " + quoted(root));
  }
  struct stat status {};
  if (::stat(absolute.c_str(), &status) != 0) {
    auto failure = system_error(errno, "cannot open the store " + quoted(absolute));
    if (failure.kind == ErrorKind::not_found) {
      failure.hint =
          "Check the path; a store in a directory is made by the first command that "
          "writes to it";
    }
    return failure;
  }
  if (!S_ISDIR(status.st_mode)) {
    return make_error(ErrorKind::invalid,
                      "the store " + quoted(absolute) + " is a file, not a directory");
  }
  return std::unique_ptr<Store>(new LocalStore(absolute));
}

LocalStore::LocalStore(std::filesystem::path root)
    : root_(std::move(root)),
      url_("file://" + percent_encode(root_.native(), KeepSlash::yes)) {}

Error LocalStore::in_store(Error error) const {
  return std::move(error).with_context("the store " + quoted(root_));
}

Result<void> LocalStore::list(std::string_view prefix, const ObjectVisitor& visit,
                              std::stop_token stop) {
  ATHANOR_TRY(check_object_prefix(prefix));
  if (::access(root_.c_str(), F_OK) != 0) {
    return system_error(errno, "cannot list the store " + quoted(root_));
  }
  return walk(path_of(prefix), std::string(prefix), visit, stop);
}

Result<std::vector<Store::FolderEntry>> LocalStore::list_folder(std::string_view prefix) {
  ATHANOR_TRY(check_object_prefix(prefix));
  ATHANOR_ASSIGN(const auto entries, children_of(path_of(prefix), prefix));
  std::vector<FolderEntry> result;
  for (const LocalChild& child : entries) {
    bool present = true;
    if (child.is_folder) {
      ATHANOR_ASSIGN(present, holds_object(path_of(prefix) / child.name,
                                           std::string(prefix) + child.name + "/"));
    }
    if (present) {
      result.push_back({.name = child.name, .is_folder = child.is_folder});
    }
  }
  std::sort(result.begin(), result.end(),
            [](const FolderEntry& a, const FolderEntry& b) { return a.name < b.name; });
  return result;
}

Result<std::optional<ObjectInfo>> LocalStore::find(std::string_view key) {
  ATHANOR_TRY(check_object_key(key));
  return look_at(path_of(key), std::string(key));
}

Result<bool> LocalStore::get(std::string_view key, ByteRange range, const ObjectSink& sink,
                             std::stop_token stop) {
  ATHANOR_TRY(check_object_key(key));
  const auto path = path_of(key);
  ATHANOR_ASSIGN(const auto info, look_at(path, std::string(key)));
  if (!info) {
    return false;
  }
  auto opened = open_file(path, O_RDONLY | O_NONBLOCK);
  if (!opened) {
    if (opened.error().kind == ErrorKind::not_found) {
      return false;
    }
    return in_store(std::move(opened).error());
  }
  const Fd fd = std::move(opened).value();
  std::vector<std::uint8_t> buffer(
      std::clamp<std::uint64_t>(std::min(info->size, range.length), 1, k_piece_bytes));
  std::uint64_t done = 0;
  while (done < range.length) {
    if (stop.stop_requested()) {
      return make_error(ErrorKind::canceled, "stopped while reading from the store");
    }
    const auto wanted = std::min<std::uint64_t>(buffer.size(), range.length - done);
    ATHANOR_ASSIGN(const std::size_t got,
                   read_at(fd, range.offset + done, std::span(buffer.data(), wanted), path));
    if (got == 0) {
      break;
    }
    ATHANOR_TRY(sink(std::span(buffer.data(), got)));
    done += got;
  }
  return true;
}

Result<mode_t> LocalStore::prepare_writing() {
  const std::lock_guard lock(mutex_);
  if (file_mode_) {
    return *file_mode_;
  }
  ATHANOR_TRY(make_directories(staging(), Durability::none));
  // The mode that umask (and a default ACL) give a new file can't be asked for, only tried.
  ATHANOR_ASSIGN(const UniqueFile probe, create_unique_file(staging(), "probe-", ""));
  struct stat status {};
  const bool known = ::fstat(probe.fd.get(), &status) == 0;
  ::unlink(probe.path.c_str());
  if (!known) {
    return system_error(EIO, "cannot look at " + quoted(probe.path));
  }
  sweep(staging(), status.st_mtim.tv_sec);
  file_mode_ = status.st_mode & 07777U;
  return *file_mode_;
}

Result<std::optional<LocalStore::Staged>> LocalStore::stage_given(const ObjectSource& source,
                                                                  mode_t mode) {
  const auto& path = *source.path();
  auto opened = open_file(path, O_RDONLY | O_NOFOLLOW);
  if (!opened) {
    return std::move(opened).error();
  }
  Fd fd = std::move(opened).value();
  struct stat file {};
  struct stat directory {};
  // Only a file that is nobody else's: ours, with this one name, on the store's file system.
  if (::fstat(fd.get(), &file) != 0 || ::stat(staging().c_str(), &directory) != 0 ||
      !S_ISREG(file.st_mode) || file.st_nlink != 1 || file.st_uid != ::geteuid() ||
      file.st_dev != directory.st_dev ||
      static_cast<std::uint64_t>(file.st_size) != source.size() || ::fchmod(fd.get(), mode) != 0) {
    return std::optional<Staged>();
  }
  ATHANOR_TRY(sync_file(fd, path));
  return std::optional(Staged(path, std::move(fd), false));
}

Result<LocalStore::Staged> LocalStore::stage(const ObjectSource& source, std::stop_token stop) {
  ATHANOR_ASSIGN(const mode_t mode, prepare_writing());
  if (source.path() != nullptr && source.whose() == SourceFile::given) {
    ATHANOR_ASSIGN(std::optional<Staged> given, stage_given(source, mode));
    if (given) {
      return std::move(*given);
    }
  }
  auto created = create_unique_file(staging(), "put-", "");
  if (!created && created.error().kind == ErrorKind::not_found) {
    ATHANOR_TRY(make_directories(staging(), Durability::none));  // somebody took it away
    created = create_unique_file(staging(), "put-", "");
  }
  if (!created) {
    return std::move(created).error();
  }
  Staged staged(std::move(created->path), std::move(created->fd), true);
  ATHANOR_TRY(write_source(source, staged.fd, staged.path, stop));
  ATHANOR_TRY(sync_file(staged.fd, staged.path));
  return staged;
}

Result<PutOutcome> LocalStore::link_new(const Staged& staged, const std::filesystem::path& target) {
  constexpr int k_tries = 8;  // a remover may take the folders away as fast as we make them
  std::vector<std::filesystem::path> new_directories;
  for (int i = 1;; ++i) {
    int error_number = ::link(staged.path.c_str(), target.c_str()) == 0 ? 0 : errno;
    if (error_number == EPERM || error_number == EOPNOTSUPP || error_number == ENOSYS ||
        error_number == EMLINK || error_number == EXDEV) {
      // Only a file of ours can be moved; the caller's keeps its name.
      error_number = !staged.ours                                           ? EOPNOTSUPP
                     : rename_new(staged.path.c_str(), target.c_str()) == 0 ? 0
                                                                            : errno;
    }
    struct stat status {};
    if (error_number == EEXIST && staged.ours && ::fstat(staged.fd.get(), &status) == 0 &&
        status.st_nlink == 2) {
      error_number = 0;  // NFS repeated a request whose answer was lost: that object is ours
    }
    if (error_number == EEXIST) {
      if (::stat(target.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) {
        return system_error(EISDIR, "cannot create " + quoted(target));
      }
      return PutOutcome::exists;
    }
    if (error_number == 0) {
      break;
    }
    if (error_number != ENOENT || i == k_tries) {
      return system_error(error_number, "cannot create " + quoted(target));
    }
    ATHANOR_ASSIGN(auto made, make_missing_directories(target.parent_path()));
    new_directories.insert(new_directories.end(), made.begin(), made.end());
  }
  // From the inside out: on a journaling file system the first of these writes all of it.
  ATHANOR_TRY(sync_directory(target.parent_path()));
  for (auto path = new_directories.rbegin(); path != new_directories.rend(); ++path) {
    ATHANOR_TRY(sync_directory(path->parent_path()));
  }
  return PutOutcome::created;
}

Result<PutOutcome> LocalStore::put_if_absent(std::string_view key, const ObjectSource& source,
                                             std::stop_token stop) {
  ATHANOR_TRY(check_object_key(key));
  const auto target = path_of(key);
  ATHANOR_ASSIGN(const auto present, look_at(target, std::string(key)));
  if (present) {
    return PutOutcome::exists;
  }
  auto staged = stage(source, std::move(stop));
  if (!staged) {
    return in_store(std::move(staged).error());
  }
  auto outcome = link_new(staged.value(), target);
  if (!outcome && source.whose() == SourceFile::given && !staged->ours) {
    // No hard links here: the bytes are copied after all.
    const ObjectSource copy = ObjectSource::from_file(*source.path(), source.digest());
    return put_if_absent(key, copy, {});
  }
  return outcome ? std::move(outcome) : Result<PutOutcome>(in_store(std::move(outcome).error()));
}

Result<PutOutcome> LocalStore::put(std::string_view key, const ObjectSource& source,
                                   const std::optional<std::string>& expected_version) {
  ATHANOR_TRY(check_object_key(key));
  const auto target = path_of(key);
  // A file that is replaced can't be a link to the caller's: it is always copied.
  auto staged = stage(
      source.path() == nullptr ? source : ObjectSource::from_file(*source.path(), source.digest()),
      {});
  if (!staged) {
    return in_store(std::move(staged).error());
  }
  // Among the writers of this store: nobody replaces the object between our look and our rename.
  ATHANOR_ASSIGN(const FileLock lock,
                 FileLock::acquire(staging() / k_lock_name, FileLock::Mode::exclusive));
  if (expected_version) {
    ATHANOR_ASSIGN(const auto present, look_at(target, std::string(key)));
    if ((present ? present->version_tag : std::string()) != *expected_version) {
      return PutOutcome::exists;
    }
  }
  ATHANOR_ASSIGN(const auto new_directories, make_missing_directories(target.parent_path()));
  if (::rename(staged->path.c_str(), target.c_str()) != 0) {
    return in_store(system_error(errno, "cannot replace " + quoted(target)));
  }
  staged->ours = false;  // that name is gone
  ATHANOR_TRY(sync_directory(target.parent_path()));
  for (auto path = new_directories.rbegin(); path != new_directories.rend(); ++path) {
    ATHANOR_TRY(sync_directory(path->parent_path()));
  }
  return PutOutcome::created;
}

Result<CopyOutcome> LocalStore::copy_if_absent(std::string_view from, std::string_view to) {
  ATHANOR_TRY(check_object_key(from));
  ATHANOR_TRY(check_object_key(to));
  ATHANOR_ASSIGN(const auto original, look_at(path_of(from), std::string(from)));
  if (!original) {
    return CopyOutcome::no_original;
  }
  const Staged named(path_of(from), Fd(), false);
  auto linked = link_new(named, path_of(to));
  if (linked) {
    return *linked == PutOutcome::created ? CopyOutcome::created : CopyOutcome::exists;
  }
  // No hard links here, or the file went away meanwhile: who carries the bytes will see.
  return CopyOutcome::unsupported;
}

Result<void> LocalStore::remove(std::string_view key) {
  ATHANOR_TRY(check_object_key(key));
  auto path = path_of(key);
  if (::unlink(path.c_str()) != 0) {
    struct stat status {};
    if (is_absent(errno) || (::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode))) {
      return {};
    }
    return in_store(system_error(errno, "cannot remove " + quoted(path)));
  }
  ATHANOR_TRY(sync_directory(path.parent_path()));
  // A folder without objects is no folder: readers that list the directory themselves would see it.
  for (path = path.parent_path(); path != root_ && ::rmdir(path.c_str()) == 0;
       path = path.parent_path()) {
  }
  return {};
}

}  // namespace athanor

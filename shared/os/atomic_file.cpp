#include "shared/os/atomic_file.hpp"

#include "shared/os/files.hpp"
#include "shared/os/path_text.hpp"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

namespace athanor {
namespace {

// Names of temporary files must differ between processes and machines that share a directory: this
// is not chance that anything depends on, O_EXCL decides.
std::string unique_letters() {
  constexpr std::string_view k_letters = "abcdefghijklmnopqrstuvwxyz012345";  // 32: no bias
  std::array<std::uint8_t, 12> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    const auto pid = static_cast<std::uint32_t>(::getpid());
    for (std::size_t i = 0; i < 4; ++i) {
      bytes[i] = static_cast<std::uint8_t>(pid >> (8 * i));
    }
  }
  std::string letters;
  for (const std::uint8_t byte : bytes) {
    letters += k_letters[byte % k_letters.size()];
  }
  return letters;
}

}  // namespace

Result<UniqueFile> create_unique_file(const std::filesystem::path& directory,
                                      std::string_view prefix, std::string_view suffix,
                                      mode_t mode) {
  constexpr int k_tries = 16;
  for (int i = 1;; ++i) {
    std::string name(prefix);
    name += unique_letters();
    name += suffix;
    auto path = directory / name;
    // Not by open_file: the Error it makes doesn't tell a taken name from other failures.
    Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
    if (fd.valid()) {
      return UniqueFile{std::move(path), std::move(fd)};
    }
    const int error_number = errno;
    if ((error_number != EEXIST && error_number != EINTR) || i == k_tries) {
      return system_error(error_number, "cannot create " + quoted(path));
    }
  }
}

Result<AtomicFile> AtomicFile::create(std::filesystem::path target, mode_t mode) {
  auto directory = target.parent_path();
  if (directory.empty()) {
    directory = ".";
  }
  // A name near NAME_MAX still has to leave room for the letters.
  const std::string prefix = "." + target.filename().native().substr(0, 200) + ".";
  ATHANOR_ASSIGN(UniqueFile file, create_unique_file(directory, prefix, ".tmp", mode));
  return AtomicFile(std::move(target), std::move(file.path), std::move(file.fd));
}

AtomicFile::AtomicFile(std::filesystem::path target, std::filesystem::path temporary, Fd fd)
    : target_(std::move(target)),
      temporary_(std::move(temporary)),
      fd_(std::move(fd)) {}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : target_(std::move(other.target_)),
      temporary_(std::exchange(other.temporary_, {})),
      fd_(std::move(other.fd_)) {}

AtomicFile::~AtomicFile() {
  if (!temporary_.empty()) {
    ::unlink(temporary_.c_str());
  }
}

Result<void> AtomicFile::write(std::span<const std::uint8_t> bytes) {
  return write_all(fd_, bytes, temporary_);
}

Result<void> AtomicFile::write(std::string_view bytes) {
  return write(std::span(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()));
}

Result<void> AtomicFile::commit() {
  ATHANOR_TRY(sync_file(fd_, temporary_));
  ATHANOR_TRY(fd_.close(temporary_));
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) {
    return system_error(errno, "cannot put " + quoted(target_) + " in its place");
  }
  temporary_.clear();
  const auto directory = target_.parent_path();
  return sync_directory(directory.empty() ? "." : directory);
}

Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view bytes,
                                   mode_t mode) {
  ATHANOR_ASSIGN(AtomicFile file, AtomicFile::create(path, mode));
  ATHANOR_TRY(file.write(bytes));
  return file.commit();
}

}  // namespace athanor

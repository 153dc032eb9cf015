#include "shared/os/temp_dir.hpp"

#include "shared/os/files.hpp"
#include "shared/os/path_text.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <utility>

namespace athanor {

Result<TempDir> TempDir::create(const std::filesystem::path& parent, std::string_view prefix) {
  std::string text = (parent / prefix).native() + "XXXXXX";
  if (::mkdtemp(text.data()) == nullptr) {
    return system_error(errno, "cannot create a temporary directory in " + quoted(parent));
  }
  return TempDir(std::filesystem::path(std::move(text)));
}

Result<TempDir> TempDir::create(std::string_view prefix) {
  const char* parent = std::getenv("TMPDIR");
  return create(parent != nullptr && *parent != '\0' ? parent : "/tmp", prefix);
}

TempDir::TempDir(std::filesystem::path path)
    : path_(std::move(path)) {}

TempDir::TempDir(TempDir&& other) noexcept
    : path_(std::exchange(other.path_, {})) {}

TempDir& TempDir::operator=(TempDir&& other) noexcept {
  if (this != &other) {
    remove();
    path_ = std::exchange(other.path_, {});
  }
  return *this;
}

TempDir::~TempDir() {
  remove();
}

std::filesystem::path TempDir::release() {
  return std::exchange(path_, {});
}

void TempDir::remove() {
  if (!path_.empty()) {
    // Nobody is there to be told; what stays is swept by whoever owns the parent.
    static_cast<void>(remove_tree(path_).ok());
    path_.clear();
  }
}

}  // namespace athanor

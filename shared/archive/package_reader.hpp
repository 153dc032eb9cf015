#pragma once

#include "shared/archive/tar_entry.hpp"
#include "shared/base/result.hpp"
#include "shared/conda/artifact.hpp"
#include "shared/digest/digest.hpp"
#include "shared/os/fd.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>

namespace athanor {

// Reads the members of an artifact in either format as one sequence, once: a .tar.bz2's in their
// order, a .conda's info- component before its pkg- component. Checks everything that the
// containers and codecs can check, but not what members are to each other (MemberRules). Nothing is
// extracted. Not thread-safe.
//
// Errors: corrupt, rejected, unsupported, canceled, as FORMATS.md says.
class PackageReader {
 public:
  struct Options {
    unsigned threads = 0;  // decompressing beside the caller's
    std::stop_token stop;
  };

  // Opens the file. The stem that a .conda's components must bear is that of the path.
  static Result<PackageReader> open(const std::filesystem::path& path, Format format,
                                    Options options);
  // Reads a file that is open already and may bear another name. `fd` must outlive the reader.
  static Result<PackageReader> open_file(const Fd& fd, const std::filesystem::path& path,
                                         Format format, const std::string& stem, Options options);

  PackageReader(PackageReader&&) noexcept;
  PackageReader& operator=(PackageReader&&) noexcept;
  ~PackageReader();

  // The next member; absent at the end, once all checks have passed.
  Result<std::optional<TarEntry>> next();
  // The next bytes of its content, valid until the next call; empty at its end.
  Result<std::span<const std::uint8_t>> read_content();

  // Bytes of the file.
  std::uint64_t file_size() const;
  // Of the whole file. REQUIRES: next() said that the end is reached.
  Result<Digest> digest();

 private:
  struct Impl;
  explicit PackageReader(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

// The file name without the format's extension. REQUIRES: it ends in it.
std::string stem_of(const std::filesystem::path& path, Format format);

}  // namespace athanor

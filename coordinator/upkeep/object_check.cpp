#include "coordinator/upkeep/object_check.hpp"

#include "shared/base/units.hpp"
#include "shared/digest/digest.hpp"

#include <algorithm>
#include <utility>

namespace athanor::coordinator {
namespace {

// A zip ends with its directory's end record and a comment of at most 64 KiB.
constexpr std::size_t k_zip_tail = 22 + 65'535;
constexpr std::string_view k_zip_end = {"PK\5\6", 4};
// A bzip2 stream ends with 48 bits of magic, 32 of checksum and up to 7 of padding.
constexpr std::size_t k_bzip2_tail = 11;
constexpr std::uint64_t k_bzip2_end = 0x177245385090;

// Whether those 48 bits begin at any bit of the tail.
bool holds_bzip2_end(std::string_view tail) {
  std::uint64_t window = 0;
  std::size_t bits = 0;
  for (const char c : tail) {
    for (int bit = 7; bit >= 0; --bit) {
      window = (window << 1U | (static_cast<unsigned char>(c) >> bit & 1U)) & 0xffff'ffff'ffffU;
      if (++bits >= 48 && window == k_bzip2_end) {
        return true;
      }
    }
  }
  return false;
}

std::string judged(const Digest& digest, const ArtifactKey& package, bool whole) {
  const bool conda = package.type == PackageType::conda;
  return std::string(whole ? "its " : "the archive breaks off; its ") +
         (conda ? "MD5" : "SHA-256") + " is " + (conda ? digest.md5.hex() : digest.sha256.hex()) +
         ", its key says " + package.hash;
}

}  // namespace

void ArchiveEnd::feed(std::span<const std::uint8_t> bytes) {
  const std::size_t most = format_ == Format::tar_bz2  ? k_bzip2_tail
                           : format_ == Format::tar_gz ? 0
                                                       : k_zip_tail;
  const auto last = bytes.subspan(bytes.size() - std::min(most, bytes.size()));
  tail_.append(reinterpret_cast<const char*>(last.data()), last.size());
  if (tail_.size() > most) {
    tail_.erase(0, tail_.size() - most);
  }
}

bool ArchiveEnd::may_be_whole() const {
  switch (format_) {
    case Format::tar_bz2:
      return holds_bzip2_end(tail_);
    case Format::tar_gz:
      return true;
    case Format::conda:
    case Format::whl:
    case Format::zip:
      break;
  }
  return tail_.find(k_zip_end) != std::string::npos;
}

Result<ObjectCheck> check_object(Store& store, const ObjectInfo& info, const ArtifactKey& package,
                                 std::stop_token stop) {
  DigestHasher hasher;
  ArchiveEnd end(package.format);
  ATHANOR_ASSIGN(const bool there, store.get(
                                       info.key, {},
                                       [&](std::span<const std::uint8_t> bytes) -> Result<void> {
                                         hasher.update(bytes);
                                         end.feed(bytes);
                                         return {};
                                       },
                                       std::move(stop)));
  const Digest digest = hasher.finish();
  ObjectCheck check{.there = there, .bytes_read = digest.size};
  const bool equal = package.type == PackageType::conda ? digest.md5.hex() == package.hash
                                                        : digest.sha256.hex() == package.hash;
  if (!there || equal) {
    return check;
  }
  const bool whole = digest.size > 0 && end.may_be_whole();
  check.finding = Finding{.kind = whole ? FindingKind::altered : FindingKind::truncated,
                          .key = info.key,
                          .what = digest.size == 0 ? "it is empty" : judged(digest, package, whole),
                          .size = digest.size,
                          .version_tag = info.version_tag};
  return check;
}

}  // namespace athanor::coordinator

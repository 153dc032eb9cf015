#include "coordinator/assemble/package_facts.hpp"

#include "coordinator/plan/expected_digests.hpp"
#include "shared/base/strings.hpp"

#include <algorithm>

namespace athanor::coordinator {
namespace {

std::string object_hash(const Digest& digest, PackageType type) {
  return type == PackageType::conda ? digest.md5.hex() : digest.sha256.hex();
}

std::string digest_text(const Digest& digest) {
  return ExpectedDigest{.md5 = digest.md5, .sha256 = digest.sha256, .size = digest.size}
      .to_string();
}

}  // namespace

PackageFacts::PackageFacts(const PackageReference& reference, const PlannedPackage& package,
                           const JobSuccess* result)
    : reference_(reference),
      package_(package),
      result_(result),
      formats_(result == nullptr ? package.spec.present : result->formats) {}

const StoredFormat* PackageFacts::stored(Format format) const {
  const auto found = std::ranges::find(formats_, format, &StoredFormat::format);
  return found == formats_.end() ? nullptr : &*found;
}

std::optional<std::string> PackageFacts::own_hash() const {
  const PackageType type = package_.spec.type;
  if (auto said = coordinator::object_hash(reference_.expected, type)) {
    return said;
  }
  if (const StoredFormat* own = stored(reference_.source.format())) {
    return own->hash;
  }
  if (result_ != nullptr && result_->source_digest) {
    return object_hash(*result_->source_digest, type);
  }
  return certain_hash(package_.spec.expected, type);
}

std::string PackageFacts::where() const {
  const InputPosition& position = reference_.position;
  if (position.file.empty()) {
    return "the input";
  }
  std::string text = printable(position.file, 300);
  if (position.line > 0) {
    text += ":" + std::to_string(position.line);
  }
  return text;
}

Error PackageFacts::disagrees(const std::string& found) const {
  return make_error(ErrorKind::corrupt,
                    printable(reference_.source.text()) + ": " + where() + " says " +
                        reference_.expected.to_string() + ", but the file is " + found,
                    "the file changed after the input was written, or the input is wrong: lock "
                    "again");
}

Result<void> PackageFacts::check_expected() const {
  const ExpectedDigest& expected = reference_.expected;
  const PackageType type = package_.spec.type;
  if (result_ != nullptr && result_->source_digest && !expected.matches(*result_->source_digest)) {
    return disagrees(digest_text(*result_->source_digest));
  }
  const StoredFormat* own = stored(reference_.source.format());
  if (own != nullptr && !may_be(*own, expected, type)) {
    return disagrees((type == PackageType::conda ? "md5 " : "sha256 ") + own->hash + ", " +
                     std::to_string(own->size) + " bytes");
  }
  return {};
}

Result<DescribedPackage> PackageFacts::describe() const {
  const std::string url = printable(reference_.source.text());
  if (!package_.conflicts.empty()) {
    return make_error(ErrorKind::rejected, url + ": " + package_.conflicts.front());
  }
  ATHANOR_TRY(check_expected());
  for (const Format format : package_.spec.wanted) {
    if (stored(format) == nullptr) {
      return make_error(ErrorKind::not_found,
                        url + ": its " + std::string(extension(format)) + " is not in the store");
    }
  }
  const Format own = reference_.source.format();
  DescribedPackage described{.type = package_.spec.type,
                             .filename = reference_.source.stem(),
                             .url = reference_.source.text(),
                             .url_format = own,
                             .formats = {}};
  for (const StoredFormat& format : formats_) {
    described.formats.push_back({.format = format.format, .hash = format.hash, .key = format.key});
  }
  if (stored(own) == nullptr) {
    const auto hash = own_hash();
    if (!hash) {
      return make_error(ErrorKind::not_found,
                        url +
                            ": nobody knows the hash of its own bytes, which the environment's "
                            "id is made of");
    }
    described.formats.push_back({.format = own, .hash = *hash, .key = {}});
  }
  return described;
}

}  // namespace athanor::coordinator

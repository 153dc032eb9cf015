#include "worker/solve/package_index.hpp"

#include "shared/base/check.hpp"
#include "shared/base/strings.hpp"
#include "shared/os/fd.hpp"
#include "worker/solve/index_format.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace athanor::worker::solve {
namespace {

Error broken(std::string_view what) {
  return make_error(ErrorKind::corrupt, "not an index: " + std::string(what));
}

// The section as an array. Empty if it doesn't lie within the file or is no whole number of items.
template <typename T>
std::span<const T> array_at(std::span<const std::uint8_t> bytes, IndexHeader::Section section) {
  if (section.offset % alignof(T) != 0 || section.offset > bytes.size() ||
      section.bytes > bytes.size() - section.offset || section.bytes % sizeof(T) != 0) {
    return {};
  }
  // The writer put objects of this type there, and they consist of nothing but numbers.
  return {reinterpret_cast<const T*>(bytes.data() + section.offset),  // NOLINT
          section.bytes / sizeof(T)};
}

// Reads texts that stand one after the other, each behind its length.
class Description {
 public:
  explicit Description(std::span<const std::uint8_t> bytes)
      : rest_(bytes) {}

  std::uint32_t number() {
    std::uint32_t value = 0;
    if (rest_.size() < sizeof value) {
      good_ = false;
      return 0;
    }
    std::memcpy(&value, rest_.data(), sizeof value);
    rest_ = rest_.subspan(sizeof value);
    return value;
  }
  std::string text() {
    const std::size_t size = number();
    if (size > rest_.size()) {
      good_ = false;
      return {};
    }
    std::string value(rest_.begin(), rest_.begin() + static_cast<std::ptrdiff_t>(size));
    rest_ = rest_.subspan(size);
    return value;
  }
  std::size_t count() {
    const std::size_t value = number();
    good_ = good_ && value <= rest_.size();
    return good_ ? value : 0;
  }
  bool good() const { return good_; }

 private:
  std::span<const std::uint8_t> rest_;
  bool good_ = true;
};

}  // namespace

Result<PackageIndex> PackageIndex::open(const std::filesystem::path& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) {
    return system_error(errno, "cannot open '" + path.string() + "'");
  }
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) {
    return system_error(errno, "cannot look at '" + path.string() + "'");
  }
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size < sizeof(IndexHeader)) {
    return broken("it is too short");
  }
  void* const address = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
  if (address == MAP_FAILED) {
    return system_error(errno, "cannot map '" + path.string() + "'");
  }
  std::shared_ptr<const void> owner(
      address, [size](const void* at) { ::munmap(const_cast<void*>(at), size); });  // NOLINT
  return over({static_cast<const std::uint8_t*>(address), size}, std::move(owner));
}

Result<PackageIndex> PackageIndex::over(std::span<const std::uint8_t> bytes,
                                        std::shared_ptr<const void> owner) {
  IndexHeader header;
  ATHANOR_CHECK(bytes.size() >= sizeof header);
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.magic != k_index_magic || header.bytes != bytes.size()) {
    return broken("another version made it, or it is cut off");
  }
  PackageIndex index;
  index.bytes_ = bytes;
  index.owner_ = std::move(owner);
  const auto text = array_at<char>(bytes, header[IndexSection::text_bytes]);
  const auto slots = array_at<std::uint32_t>(bytes, header[IndexSection::text_slots]);
  if ((slots.size() & (slots.size() - 1)) != 0) {
    return broken("its table of texts has a wrong size");
  }
  index.texts_ = TextTable({.ends = array_at<std::uint32_t>(bytes, header[IndexSection::text_ends]),
                            .slots = slots,
                            .bytes = std::string_view(text.data(), text.size()),
                            .seed = header.seed});
  index.records_ = array_at<IndexedRecord>(bytes, header[IndexSection::records]);
  index.files_ = array_at<IndexedFile>(bytes, header[IndexSection::files]);
  index.twins_ = array_at<IndexedFile>(bytes, header[IndexSection::twins]);
  index.specs_ = array_at<TextId>(bytes, header[IndexSection::specs]);
  index.names_ = array_at<Name>(bytes, header[IndexSection::names]);
  index.name_of_text_ = array_at<std::uint32_t>(bytes, header[IndexSection::name_of_text]);
  Description description(array_at<std::uint8_t>(bytes, header[IndexSection::description]));
  index.repos_.resize(description.count());
  for (IndexedRepo& repo : index.repos_) {
    repo.channel = description.text();
    repo.subdir = description.text();
    repo.priority = static_cast<int>(description.number());
    repo.base_url = description.text();
  }
  index.notes_.resize(description.count());
  for (std::string& note : index.notes_) {
    note = description.text();
  }
  if (!description.good() || index.records_.size() != index.files_.size() ||
      (!index.records_.empty() && index.repos_.empty())) {
    return broken("its parts don't fit together");
  }
  return index;
}

PackageIndex::Run PackageIndex::records_of(TextId name) const {
  if (name >= name_of_text_.size() || name_of_text_[name] >= names_.size()) {
    return {};
  }
  const Name& found = names_[name_of_text_[name]];
  return found.begin <= found.end && found.end <= records_.size() ? Run{found.begin, found.end}
                                                                  : Run{};
}

std::span<const TextId> PackageIndex::depends(RecordId id) const {
  const IndexedRecord& record = records_[id];
  return record.depends_begin <= record.constrains_begin && record.constrains_begin <= specs_.size()
             ? specs_.subspan(record.depends_begin, record.constrains_begin - record.depends_begin)
             : std::span<const TextId>();
}

std::span<const TextId> PackageIndex::constrains(RecordId id) const {
  const IndexedRecord& record = records_[id];
  return record.constrains_begin <= record.constrains_end && record.constrains_end <= specs_.size()
             ? specs_.subspan(record.constrains_begin,
                              record.constrains_end - record.constrains_begin)
             : std::span<const TextId>();
}

const IndexedRepo& PackageIndex::repo(RecordId id) const {
  const std::size_t repo = records_[id].repo;
  return repos_[repo < repos_.size() ? repo : 0];
}

PackageRecord PackageIndex::with_file(const IndexedRecord& record, const IndexedFile& file) const {
  const IndexedRepo& repo = repos_[record.repo < repos_.size() ? record.repo : 0];
  PackageRecord package;
  package.name = texts_[record.name];
  package.version = texts_[record.version];
  package.build = texts_[record.build];
  package.build_number = record.build_number;
  package.channel = repo.channel;
  package.subdir = repo.subdir;
  package.filename = texts_[file.filename];
  if (file.filename == k_no_text) {
    package.filename = package.name + "-" + package.version + "-" + package.build +
                       ((file.known & k_is_conda) != 0 ? ".conda" : ".tar.bz2");
  }
  package.url = (repo.base_url.empty() ? repo.channel + "/" + repo.subdir : repo.base_url) + "/" +
                package.filename;
  if ((file.known & k_known_md5) != 0) {
    package.digest.md5 = Md5{.bytes = file.md5};
  }
  if ((file.known & k_known_sha256) != 0) {
    package.digest.sha256 = Sha256{.bytes = file.sha256};
  }
  if ((file.known & k_known_size) != 0) {
    package.digest.size = file.size;
  }
  package.license = texts_[file.license];
  package.noarch = texts_[file.noarch];
  package.timestamp = record.timestamp;
  for (const std::string_view feature : split(texts_[file.track_features], ' ')) {
    if (!feature.empty()) {
      package.track_features.emplace_back(feature);
    }
  }
  return package;
}

PackageRecord PackageIndex::package(RecordId id) const {
  PackageRecord package = with_file(records_[id], files_[id]);
  for (const TextId spec : depends(id)) {
    package.depends.emplace_back(texts_[spec]);
  }
  for (const TextId spec : constrains(id)) {
    package.constrains.emplace_back(texts_[spec]);
  }
  return package;
}

std::optional<PackageRecord> PackageIndex::twin(RecordId id) const {
  const std::uint32_t twin = files_[id].twin;
  return twin < twins_.size() ? std::optional(with_file(records_[id], twins_[twin])) : std::nullopt;
}

}  // namespace athanor::worker::solve

#include "shared/base/check.hpp"
#include "shared/base/limits.hpp"
#include "shared/base/strings.hpp"
#include "shared/conda/artifact.hpp"
#include "shared/os/atomic_file.hpp"
#include "worker/solve/index_format.hpp"
#include "worker/solve/package_index.hpp"

#include <algorithm>
#include <cstring>
#include <tuple>
#include <utility>

namespace athanor::worker::solve {
namespace {

constexpr std::size_t k_chunk_items = 4096;

template <typename T>
std::span<const std::uint8_t> bytes_of(std::span<const T> items) {
  return {reinterpret_cast<const std::uint8_t*>(items.data()), items.size_bytes()};  // NOLINT
}

void put_number(std::string& out, std::size_t value) {
  const auto number = static_cast<std::uint32_t>(value);
  char raw[sizeof number];
  std::memcpy(raw, &number, sizeof number);
  out.append(raw, sizeof raw);
}

void put_text(std::string& out, std::string_view text) {
  put_number(out, text.size());
  out += text;
}

std::uint64_t padded(std::uint64_t bytes) {
  return (bytes + 7) / 8 * 8;
}

}  // namespace

// The records that stay, in their order, and what is known only when all are there.
struct PackageIndexBuilder::Sorted {
  std::vector<std::uint32_t> order;  // old place of each record
  std::vector<std::uint32_t> twin;   // per record: place in `twins`, k_none
  std::vector<std::uint32_t> twins;  // old places
  std::vector<PackageIndex::Name> names;
  std::vector<std::uint32_t> name_of_text;
};

PackageIndexBuilder::PackageIndexBuilder(std::uint64_t seed)
    : seed_(seed),
      texts_(seed) {}

void PackageIndexBuilder::begin_repo(IndexedRepo repo) {
  repos_.push_back(std::move(repo));
  removed_.emplace_back();
}

void PackageIndexBuilder::remove(std::string filename) {
  removed_.back().insert(std::move(filename));
}

void PackageIndexBuilder::note(std::string text) {
  notes_.push_back(std::move(text));
}

void PackageIndexBuilder::add(const RecordView& package) {
  ATHANOR_CHECK(!repos_.empty());
  IndexedRecord record;
  record.name = texts_.add(package.name);
  record.version = texts_.add(package.version);
  record.build = texts_.add(package.build);
  record.build_number =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(package.build_number, UINT32_MAX));
  record.repo = static_cast<std::uint32_t>(repos_.size() - 1);
  record.features = package.features;
  record.timestamp = package.timestamp;
  record.depends_begin = static_cast<std::uint32_t>(specs_.size());
  for (const std::string_view spec : package.depends) {
    specs_.push_back(texts_.add(spec));
  }
  record.constrains_begin = static_cast<std::uint32_t>(specs_.size());
  for (const std::string_view spec : package.constrains) {
    specs_.push_back(texts_.add(spec));
  }
  record.constrains_end = static_cast<std::uint32_t>(specs_.size());
  records_.push_back(record);

  IndexedFile file;
  const bool conda = package.filename.ends_with(".conda");
  file.known = conda ? k_is_conda : 0U;
  const std::size_t stem = package.name.size() + package.version.size() + package.build.size() + 2;
  const std::string_view extension = conda ? ".conda" : ".tar.bz2";
  const bool regular =
      package.filename.size() == stem + extension.size() && package.filename.ends_with(extension) &&
      package.filename.starts_with(package.name) &&
      package.filename.substr(package.name.size() + 1).starts_with(package.version) &&
      package.filename.substr(0, stem).ends_with(package.build) &&
      package.filename[package.name.size()] == '-' &&
      package.filename[package.name.size() + package.version.size() + 1] == '-';
  file.filename = regular ? k_no_text : texts_.add(package.filename);
  if (package.digest.md5) {
    file.md5 = package.digest.md5->bytes;
    file.known |= k_known_md5;
  }
  if (package.digest.sha256) {
    file.sha256 = package.digest.sha256->bytes;
    file.known |= k_known_sha256;
  }
  if (package.digest.size) {
    file.size = *package.digest.size;
    file.known |= k_known_size;
  }
  file.track_features = texts_.add(package.track_features);
  file.license = texts_.add(package.license);
  file.noarch = texts_.add(package.noarch);
  files_.push_back(file);
}

void PackageIndexBuilder::add(const PackageRecord& package) {
  RecordView view{.filename = package.filename,
                  .name = package.name,
                  .version = package.version,
                  .build = package.build,
                  .build_number = package.build_number};
  view.depends.assign(package.depends.begin(), package.depends.end());
  view.constrains.assign(package.constrains.begin(), package.constrains.end());
  const std::string features = join(package.track_features, " ");
  view.track_features = features;
  view.features = static_cast<std::uint32_t>(package.track_features.size());
  view.license = package.license;
  view.noarch = package.noarch;
  view.timestamp = package.timestamp;
  view.digest = package.digest;
  add(view);
}

std::string PackageIndexBuilder::filename_of(std::size_t i) const {
  const TextTable texts = texts_.table();
  if (files_[i].filename != k_no_text) {
    return std::string(texts[files_[i].filename]);
  }
  std::string name(texts[records_[i].name]);
  name.append("-").append(texts[records_[i].version]).append("-").append(texts[records_[i].build]);
  return name + ((files_[i].known & k_is_conda) != 0 ? ".conda" : ".tar.bz2");
}

bool PackageIndexBuilder::is_removed(std::size_t i) const {
  const auto& removed = removed_[records_[i].repo];
  return !removed.empty() && removed.contains(filename_of(i));
}

// What decides a solve's answer, independent of the numbers of this index.
std::uint64_t PackageIndexBuilder::fingerprint(std::size_t i) const {
  const IndexedRecord& record = records_[i];
  std::uint64_t hash = record.repo;
  const auto add = [&](std::uint64_t value) {
    hash = (hash ^ value) * 0x9e3779b97f4a7c15U;
    hash ^= hash >> 32U;
  };
  add(texts_.hash(record.version));
  add(texts_.hash(record.build));
  add(record.build_number);
  add(record.features);
  add(record.timestamp);
  add(record.constrains_begin - record.depends_begin);
  for (std::uint32_t spec = record.depends_begin; spec < record.constrains_end; ++spec) {
    add(texts_.hash(specs_[spec]));
  }
  std::uint64_t part = 0;
  for (std::size_t at = 0; at + sizeof part <= files_[i].md5.size(); at += sizeof part) {
    std::memcpy(&part, files_[i].md5.data() + at, sizeof part);
    add(part);
  }
  std::memcpy(&part, files_[i].sha256.data(), sizeof part);
  add(part);
  return hash;
}

// Each text's place in the order of texts, so that records are compared by numbers.
std::vector<std::uint32_t> PackageIndexBuilder::text_ranks() const {
  const TextTable texts = texts_.table();
  std::vector<std::uint32_t> rank(texts.size(), 0);
  for (const IndexedRecord& record : records_) {
    rank[record.name] = rank[record.version] = rank[record.build] = 1;
  }
  std::vector<TextId> used;
  for (TextId id = 0; id < rank.size(); ++id) {
    if (rank[id] != 0) {
      used.push_back(id);
    }
  }
  std::sort(used.begin(), used.end(), [&](TextId a, TextId b) { return texts[a] < texts[b]; });
  for (std::uint32_t place = 0; place < used.size(); ++place) {
    rank[used[place]] = place;
  }
  return rank;
}

// What records are sorted by: name, repo, version, build; a .tar.bz2 after its .conda.
struct PackageIndexBuilder::Key {
  std::uint64_t name_and_repo;
  std::uint64_t version_and_build;
  std::uint32_t tar_bz2;
  std::uint32_t place;

  bool same_package(const Key& other) const {
    return name_and_repo == other.name_and_repo && version_and_build == other.version_and_build;
  }
};

std::vector<PackageIndexBuilder::Key> PackageIndexBuilder::sorted_keys() const {
  const std::vector<std::uint32_t> rank = text_ranks();
  std::vector<Key> keys;
  keys.reserve(records_.size());
  for (std::size_t i = 0; i < records_.size(); ++i) {
    if (!is_removed(i)) {
      const IndexedRecord& record = records_[i];
      keys.push_back(
          {.name_and_repo = std::uint64_t{rank[record.name]} << 32U | record.repo,
           .version_and_build = std::uint64_t{rank[record.version]} << 32U | rank[record.build],
           .tar_bz2 = (files_[i].known & k_is_conda) != 0 ? 0U : 1U,
           .place = static_cast<std::uint32_t>(i)});
    }
  }
  std::sort(keys.begin(), keys.end(), [&](const Key& a, const Key& b) {
    const auto left = std::tie(a.name_and_repo, a.version_and_build, a.tar_bz2);
    const auto right = std::tie(b.name_and_repo, b.version_and_build, b.tar_bz2);
    return left != right ? left < right : filename_of(a.place) < filename_of(b.place);
  });
  return keys;
}

Result<PackageIndexBuilder::Sorted> PackageIndexBuilder::sort() const {
  if (texts_.is_full() || records_.size() > limits::k_repodata_records ||
      specs_.size() >= UINT32_MAX) {
    return make_error(ErrorKind::unsupported, "the index is too large: it has " +
                                                  std::to_string(records_.size()) + " records");
  }
  const std::vector<Key> keys = sorted_keys();
  Sorted sorted;
  sorted.name_of_text.assign(texts_.size(), k_none);
  for (std::size_t k = 0; k < keys.size(); ++k) {
    const Key& key = keys[k];
    const auto place = static_cast<std::uint32_t>(sorted.order.size());
    const bool twin = k > 0 && keys[k - 1].same_package(key) && key.tar_bz2 != 0 &&
                      keys[k - 1].tar_bz2 == 0 && files_[key.place].filename == k_no_text &&
                      files_[keys[k - 1].place].filename == k_no_text;
    if (twin) {
      sorted.twin.back() = static_cast<std::uint32_t>(sorted.twins.size());
      sorted.twins.push_back(key.place);
      continue;
    }
    const TextId name = records_[key.place].name;
    if (sorted.names.empty() || sorted.names.back().name != name) {
      sorted.name_of_text[name] = static_cast<std::uint32_t>(sorted.names.size());
      sorted.names.push_back({.name = name, .begin = place, .end = place});
    }
    sorted.order.push_back(key.place);
    sorted.twin.push_back(k_none);
    PackageIndex::Name& last = sorted.names.back();
    last.end = place + 1;
    last.fingerprint = last.fingerprint * 31 + fingerprint(key.place);
  }
  return sorted;
}

std::string PackageIndexBuilder::describe() const {
  std::string out;
  put_number(out, repos_.size());
  for (const IndexedRepo& repo : repos_) {
    put_text(out, repo.channel);
    put_text(out, repo.subdir);
    put_number(out, static_cast<std::size_t>(repo.priority));
    put_text(out, repo.base_url);
  }
  put_number(out, notes_.size());
  for (const std::string& note : notes_) {
    put_text(out, note);
  }
  return out;
}

Result<void> PackageIndexBuilder::emit(const Sorted& sorted, const Sink& sink) const {
  const std::string description = describe();
  const TextTable::Parts texts = texts_.parts();
  IndexHeader header;
  header.seed = seed_;
  std::uint64_t end = sizeof header;
  const auto place = [&](IndexSection section, std::uint64_t bytes) {
    header[section] = {.offset = end, .bytes = bytes};
    end += padded(bytes);
  };
  place(IndexSection::description, description.size());
  place(IndexSection::text_ends, texts.ends.size_bytes());
  place(IndexSection::text_slots, texts.slots.size_bytes());
  place(IndexSection::text_bytes, texts.bytes.size());
  place(IndexSection::records, sorted.order.size() * sizeof(IndexedRecord));
  place(IndexSection::files, sorted.order.size() * sizeof(IndexedFile));
  place(IndexSection::twins, sorted.twins.size() * sizeof(IndexedFile));
  place(IndexSection::specs, specs_.size() * sizeof(TextId));
  place(IndexSection::names, sorted.names.size() * sizeof(PackageIndex::Name));
  place(IndexSection::name_of_text, sorted.name_of_text.size() * sizeof(std::uint32_t));
  header.bytes = end;

  const auto put = [&](std::span<const std::uint8_t> bytes) -> Result<void> {
    ATHANOR_TRY(sink(bytes));
    const std::array<std::uint8_t, 8> zeros{};
    const std::uint64_t gap = padded(bytes.size()) - bytes.size();
    return gap == 0 ? Result<void>() : sink(std::span(zeros).first(gap));
  };
  // Items in their new order, a few at a time: the whole isn't needed twice in memory.
  const auto put_items = [&](auto item_at, std::size_t count) -> Result<void> {
    std::vector<decltype(item_at(std::size_t{0}))> chunk;
    for (std::size_t i = 0; i < count; ++i) {
      chunk.push_back(item_at(i));
      if (chunk.size() == k_chunk_items || i + 1 == count) {
        ATHANOR_TRY(put(bytes_of(std::span(std::as_const(chunk)))));
        chunk.clear();
      }
    }
    return {};
  };
  static_assert(sizeof(IndexedRecord) % 8 == 0 && sizeof(IndexedFile) % 8 == 0);
  ATHANOR_TRY(put(bytes_of(std::span<const IndexHeader>(&header, 1))));
  ATHANOR_TRY(put(bytes_of(std::span(description.data(), description.size()))));
  ATHANOR_TRY(put(bytes_of(texts.ends)));
  ATHANOR_TRY(put(bytes_of(texts.slots)));
  ATHANOR_TRY(put(bytes_of(std::span(texts.bytes.data(), texts.bytes.size()))));
  ATHANOR_TRY(
      put_items([&](std::size_t i) { return records_[sorted.order[i]]; }, sorted.order.size()));
  ATHANOR_TRY(put_items(
      [&](std::size_t i) {
        IndexedFile file = files_[sorted.order[i]];
        file.twin = sorted.twin[i];
        return file;
      },
      sorted.order.size()));
  ATHANOR_TRY(
      put_items([&](std::size_t i) { return files_[sorted.twins[i]]; }, sorted.twins.size()));
  ATHANOR_TRY(put(bytes_of(std::span(specs_))));
  ATHANOR_TRY(put(bytes_of(std::span(sorted.names))));
  return put(bytes_of(std::span(sorted.name_of_text)));
}

Result<PackageIndex> PackageIndexBuilder::build() && {
  ATHANOR_ASSIGN(const Sorted sorted, sort());
  // Numbers of eight bytes, so that the bytes lie where every type may.
  auto words = std::make_shared<std::vector<std::uint64_t>>();
  std::uint64_t written = 0;
  ATHANOR_TRY(emit(sorted, [&](std::span<const std::uint8_t> bytes) -> Result<void> {
    if (bytes.empty()) {
      return {};
    }
    words->resize((written + bytes.size() + 7) / 8);
    std::memcpy(reinterpret_cast<std::uint8_t*>(words->data()) + written,  // NOLINT
                bytes.data(), bytes.size());
    written += bytes.size();
    return {};
  }));
  const std::span<const std::uint8_t> bytes(reinterpret_cast<const std::uint8_t*>(words->data()),
                                            written);  // NOLINT
  return PackageIndex::over(bytes, std::move(words));
}

Result<void> PackageIndexBuilder::write(const std::filesystem::path& path) && {
  ATHANOR_ASSIGN(const Sorted sorted, sort());
  ATHANOR_ASSIGN(AtomicFile file, AtomicFile::create(path, 0600));
  ATHANOR_TRY(emit(sorted, [&](std::span<const std::uint8_t> bytes) { return file.write(bytes); }));
  return file.commit();
}

}  // namespace athanor::worker::solve

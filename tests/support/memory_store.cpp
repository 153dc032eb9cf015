#include "tests/support/memory_store.hpp"

#include "shared/base/units.hpp"
#include "shared/os/files.hpp"
#include "shared/store/object_key.hpp"

#include <algorithm>

namespace athanor::test {
namespace {

Result<std::string> bytes_of(const ObjectSource& source) {
  if (source.bytes() != nullptr) {
    return *source.bytes();
  }
  ATHANOR_ASSIGN(std::string bytes, read_file(*source.path(), 1_GiB));
  if (bytes.size() != source.size()) {
    return make_error(ErrorKind::corrupt, "the source file has another size than its digest");
  }
  return bytes;
}

}  // namespace

MemoryStore::MemoryStore()
    : shared_(std::make_shared<Shared>()) {}

MemoryStore::MemoryStore(std::shared_ptr<Shared> shared)
    : shared_(std::move(shared)) {}

std::unique_ptr<MemoryStore> MemoryStore::another_client() const {
  return std::unique_ptr<MemoryStore>(new MemoryStore(shared_));
}

ObjectInfo MemoryStore::Object::info(const std::string& key) const {
  return {.key = key,
          .size = bytes.size(),
          .version_tag = "v" + std::to_string(version),
          .modified = modified};
}

void MemoryStore::set_now(WallTime now) {
  const std::lock_guard lock(shared_->mutex);
  shared_->now = now;
}

void MemoryStore::alter(const std::string& key, std::string bytes) {
  const std::lock_guard lock(shared_->mutex);
  shared_->objects[key].bytes = std::move(bytes);
}

Result<void> MemoryStore::list(std::string_view prefix, const ObjectVisitor& visit,
                               std::stop_token stop) {
  ATHANOR_TRY(check_object_prefix(prefix));
  std::vector<ObjectInfo> found;
  {
    const std::lock_guard lock(shared_->mutex);
    for (const auto& [key, object] : shared_->objects) {
      if (key.starts_with(prefix)) {
        found.push_back(object.info(key));
      }
    }
  }
  for (const ObjectInfo& info : found) {
    if (stop.stop_requested()) {
      return make_error(ErrorKind::canceled, "stopped while listing");
    }
    ATHANOR_TRY(visit(info));
  }
  return {};
}

Result<std::vector<Store::FolderEntry>> MemoryStore::list_folder(std::string_view prefix) {
  std::vector<FolderEntry> result;
  ATHANOR_TRY(list(prefix,
                   [&](const ObjectInfo& info) -> Result<void> {
                     const std::string rest = info.key.substr(prefix.size());
                     const std::size_t slash = rest.find('/');
                     FolderEntry entry{.name = rest.substr(0, slash),
                                       .is_folder = slash != std::string::npos};
                     if (result.empty() || result.back().name != entry.name ||
                         result.back().is_folder != entry.is_folder) {
                       result.push_back(std::move(entry));
                     }
                     return {};
                   },
                   {}));
  std::stable_sort(result.begin(), result.end(),
                   [](const FolderEntry& a, const FolderEntry& b) { return a.name < b.name; });
  return result;
}

Result<std::optional<ObjectInfo>> MemoryStore::find(std::string_view key) {
  ATHANOR_TRY(check_object_key(key));
  const std::lock_guard lock(shared_->mutex);
  const auto found = shared_->objects.find(key);
  if (found == shared_->objects.end()) {
    return std::optional<ObjectInfo>();
  }
  return std::optional(found->second.info(found->first));
}

Result<bool> MemoryStore::get(std::string_view key, ByteRange range, const ObjectSink& sink,
                              std::stop_token stop) {
  ATHANOR_TRY(check_object_key(key));
  std::string bytes;
  {
    const std::lock_guard lock(shared_->mutex);
    const auto found = shared_->objects.find(key);
    if (found == shared_->objects.end()) {
      return false;
    }
    bytes = found->second.bytes;
  }
  if (stop.stop_requested()) {
    return make_error(ErrorKind::canceled, "stopped while reading from the store");
  }
  const std::string_view wanted = std::string_view(bytes).substr(
      std::min<std::uint64_t>(range.offset, bytes.size()), range.length);
  if (!wanted.empty()) {
    ATHANOR_TRY(
        sink(std::span(reinterpret_cast<const std::uint8_t*>(wanted.data()), wanted.size())));
  }
  return true;
}

Result<PutOutcome> MemoryStore::put_if_absent(std::string_view key, const ObjectSource& source,
                                              std::stop_token stop) {
  if (stop.stop_requested()) {
    return make_error(ErrorKind::canceled, "stopped while writing to the store");
  }
  return put(key, source, std::string());
}

Result<PutOutcome> MemoryStore::put(std::string_view key, const ObjectSource& source,
                                    const std::optional<std::string>& expected_version) {
  ATHANOR_TRY(check_object_key(key));
  ATHANOR_ASSIGN(std::string bytes, bytes_of(source));
  const std::lock_guard lock(shared_->mutex);
  const auto found = shared_->objects.find(key);
  const std::string version =
      found == shared_->objects.end() ? std::string() : "v" + std::to_string(found->second.version);
  if (expected_version && *expected_version != version) {
    return PutOutcome::exists;
  }
  shared_->objects[std::string(key)] = {
      .bytes = std::move(bytes), .version = ++shared_->version, .modified = shared_->now};
  return PutOutcome::created;
}

Result<void> MemoryStore::remove(std::string_view key) {
  ATHANOR_TRY(check_object_key(key));
  const std::lock_guard lock(shared_->mutex);
  shared_->objects.erase(std::string(key));
  return {};
}

std::map<std::string, std::string> MemoryStore::objects() const {
  const std::lock_guard lock(shared_->mutex);
  std::map<std::string, std::string> result;
  for (const auto& [key, object] : shared_->objects) {
    result[key] = object.bytes;
  }
  return result;
}

}  // namespace athanor::test

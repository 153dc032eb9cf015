#include "worker/pipeline/slots.hpp"

#include "shared/base/strings.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace athanor::worker {
namespace {

// A source has a handful of objects; a folder with more is somebody's mistake, and isn't listed to
// its end.
constexpr std::size_t k_objects = 100;

Error conflict(std::string what) {
  return make_error(ErrorKind::rejected, "slot conflict: " + std::move(what),
                    "readers of the store fail on this source; keep one object per format and "
                    "remove the others");
}

Result<std::map<Format, StoredFormat>> read_prefix(Store& store, const Layout& layout,
                                                   const std::string& prefix,
                                                   std::stop_token stop) {
  std::map<Format, StoredFormat> found;
  std::size_t objects = 0;
  const ObjectVisitor visit = [&](const ObjectInfo& object) -> Result<void> {
    if (++objects > k_objects) {
      return conflict("more than " + std::to_string(k_objects) + " objects under '" +
                      printable(prefix) + "'");
    }
    const std::optional<ArtifactKey> key = layout.parse_artifact_key(object.key);
    if (!key || !std::string_view(object.key).starts_with(prefix)) {
      return conflict("'" + printable(object.key) + "' stands where only package objects may");
    }
    StoredFormat stored{
        .format = key->format, .hash = key->hash, .size = object.size, .key = object.key};
    const auto [at, is_first] = found.emplace(key->format, std::move(stored));
    if (!is_first) {
      return conflict("'" + printable(at->second.key) + "' and '" + printable(object.key) +
                      "' are the same format of one source");
    }
    return {};
  };
  ATHANOR_TRY(store.list(prefix, visit, stop));
  return found;
}

}  // namespace

Result<std::map<Format, StoredFormat>> read_slots(Store& store, const Layout& layout,
                                                  const SourceUrl& source, std::stop_token stop) {
  return read_prefix(store, layout, layout.source_prefix(source), std::move(stop));
}

Result<std::optional<StoredFormat>> read_slot(Store& store, const Layout& layout,
                                              const SourceUrl& source, Format format,
                                              std::stop_token stop) {
  ATHANOR_ASSIGN(const auto found,
                 read_prefix(store, layout, layout.slot_prefix(source, format), std::move(stop)));
  const auto slot = found.find(format);
  return slot == found.end() ? std::optional<StoredFormat>() : slot->second;
}

}  // namespace athanor::worker

#include "shared/store/store.hpp"

#include "shared/base/strings.hpp"
#include "shared/base/units.hpp"

#include <utility>

namespace athanor {

ObjectSource ObjectSource::from_bytes(std::string bytes) {
  ObjectSource source;
  source.digest_ = {.md5 = md5_of(bytes), .sha256 = sha256_of(bytes), .size = bytes.size()};
  source.bytes_ = std::move(bytes);
  return source;
}

ObjectSource ObjectSource::from_file(std::filesystem::path path, const Digest& digest,
                                     SourceFile whose) {
  ObjectSource source;
  source.path_ = std::move(path);
  source.digest_ = digest;
  source.whose_ = whose;
  return source;
}

Result<std::optional<std::string>> read_object(Store& store, std::string_view key,
                                               std::uint64_t max_bytes) {
  std::string bytes;
  ATHANOR_ASSIGN(const bool found,
                 store.get(key, {}, [&](std::span<const std::uint8_t> piece) -> Result<void> {
                   if (piece.size() > max_bytes - bytes.size()) {
                     return make_error(ErrorKind::rejected,
                                       "the object '" + printable(key) + "' in " + store.url() +
                                           " is larger than " + human_size(max_bytes) +
                                           ", the limit here");
                   }
                   bytes.append(reinterpret_cast<const char*>(piece.data()), piece.size());
                   return {};
                 }));
  return found ? std::optional(std::move(bytes)) : std::nullopt;
}

}  // namespace athanor

#pragma once

#include "shared/base/clock.hpp"
#include "shared/base/result.hpp"
#include "shared/digest/digest.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace athanor {

struct ObjectInfo {
  std::string key;
  std::uint64_t size = 0;   // bytes
  std::string version_tag;  // opaque (ETag, generation, mtime); changes when the content does
  // When it was last written, by the store's own clock; absent if the store doesn't say.
  std::optional<WallTime> modified{};
};

// Whose a source file is once it has been put.
enum class SourceFile {
  borrowed,  // the caller's: the store copies the bytes
  given,  // nobody will ever write to it again, though the caller may remove its name: a store on
          // the same file system may link to it instead of copying
};

// Bytes to be stored, from memory or from a file. Cheap to copy unless it holds bytes; the file
// must stay as it is until the put returns.
class ObjectSource {
 public:
  static ObjectSource from_bytes(std::string bytes);
  // `digest` is that of the whole file: backends send it along, so that a store which received
  // other bytes refuses them.
  static ObjectSource from_file(std::filesystem::path path, const Digest& digest,
                                SourceFile whose = SourceFile::borrowed);

  std::uint64_t size() const { return digest_.size; }
  SourceFile whose() const { return whose_; }
  const Digest& digest() const { return digest_; }
  const std::string* bytes() const { return path_.empty() ? &bytes_ : nullptr; }
  const std::filesystem::path* path() const { return path_.empty() ? nullptr : &path_; }

 private:
  std::string bytes_;
  std::filesystem::path path_;
  Digest digest_;
  SourceFile whose_ = SourceFile::borrowed;
};

enum class PutOutcome {
  created,  // the object is there, with our bytes, durable
  exists,   // an object is there already; it was left alone
};

enum class CopyOutcome {
  created,      // the same bytes stand under the new name, too
  exists,       // an object stands there already; it was left alone
  no_original,  // there is nothing to copy
  unsupported,  // not here, or not of that size: the caller carries the bytes
};

// What a listing calls for each object, in key order; an Error ends the listing and is returned.
using ObjectVisitor = std::function<Result<void>(const ObjectInfo&)>;
// Takes an object's bytes in order.
using ObjectSink = std::function<Result<void>(std::span<const std::uint8_t>)>;

struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t length = UINT64_MAX;  // to the end
};

// Keys → bytes: the shared store, whatever it is made of. It knows nothing of packages. Keys are
// relative, "/"-separated, without empty, "." and ".." segments; see object_key.hpp, whose rules
// every backend enforces (invalid).
//
// All methods are thread-safe and block. Errors: retry (may work later), rejected (no permission,
// bad credentials, read-only), not_found only for the root itself, canceled. An absent object is a
// value, never an error.
class Store {
 public:
  virtual ~Store() = default;

  // The store's URL without credentials, for people.
  virtual const std::string& url() const = 0;
  // Whether one look-up per key is as cheap as a listing (a directory) or costs a round trip.
  virtual bool cheap_lookups() const = 0;

  // Whether put_if_absent is one step for the store itself, so that of two writers one always
  // loses. Where it isn't, that is said to the user once. May try it with an object of its own.
  virtual Result<bool> creates_conditionally() { return true; }

  // Every object whose key begins with `prefix` (a whole folder: empty or ending in "/"), in the
  // order of the keys' bytes. What appears or disappears meanwhile may or may not be seen.
  virtual Result<void> list(std::string_view prefix, const ObjectVisitor& visit,
                            std::stop_token stop = {}) = 0;
  // What stands directly in a folder, as the readers' delimiter listing sees it, sorted by name. A
  // folder is there while an object is under it. (Where an object and a folder share a name, both
  // are listed, the object first.)
  struct FolderEntry {
    std::string name;  // without prefix and without a final "/"
    bool is_folder = false;
  };
  virtual Result<std::vector<FolderEntry>> list_folder(std::string_view prefix) = 0;
  virtual Result<std::optional<ObjectInfo>> find(std::string_view key) = 0;
  // False if there is no such object. The sink may have seen bytes when an error is returned.
  virtual Result<bool> get(std::string_view key, ByteRange range, const ObjectSink& sink,
                           std::stop_token stop = {}) = 0;

  // Creates the object whole or not at all, never overwriting. When an answer is lost the backend
  // looks: an object with our bytes is `created`.
  virtual Result<PutOutcome> put_if_absent(std::string_view key, const ObjectSource& source,
                                           std::stop_token stop = {}) = 0;
  // Replaces or creates; only for mutable aliases. If `expected_version` is given, only while the
  // object still has that version_tag (empty: does not exist); else `exists`, unchanged.
  virtual Result<PutOutcome> put(std::string_view key, const ObjectSource& source,
                                 const std::optional<std::string>& expected_version) = 0;
  // Copies an object inside the store, without carrying its bytes to this machine. Where a store
  // can't make that conditional it looks first: use names that nobody else writes to.
  virtual Result<CopyOutcome> copy_if_absent(std::string_view /*from*/, std::string_view /*to*/) {
    return CopyOutcome::unsupported;
  }
  // Removing what isn't there succeeds.
  virtual Result<void> remove(std::string_view key) = 0;
};

// The whole object as text; absent if there is none; rejected if it is larger than max_bytes.
Result<std::optional<std::string>> read_object(Store& store, std::string_view key,
                                               std::uint64_t max_bytes);

}  // namespace athanor

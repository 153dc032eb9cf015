#include "coordinator/doctor/store_probe.hpp"

#include "shared/base/strings.hpp"
#include "shared/base/units.hpp"
#include "shared/digest/digest.hpp"
#include "shared/net/url.hpp"
#include "shared/os/files.hpp"
#include "shared/os/temp_dir.hpp"
#include "shared/store/open_store.hpp"

#include <chrono>

namespace athanor::coordinator {
namespace {

constexpr const char* k_area = "store";
constexpr std::uint64_t k_part_bytes = 5_MiB;  // the smallest that S3 takes

std::string rights_hint(std::string_view right, const std::string& url) {
  if (url.starts_with("s3://")) {
    return "the identity needs " + std::string(right) + " on the bucket; see STORES.md";
  }
  if (url.starts_with("az://") || url.starts_with("gs://")) {
    return "the identity needs to read, write, delete and list there; see STORES.md";
  }
  return "the user of this process needs to read and write the directory";
}

// Whether a directory that isn't there yet could be: what is above it is a directory.
bool can_be_made(std::string_view store_url) {
  constexpr std::string_view k_scheme = "file://";
  std::filesystem::path path(store_url.starts_with(k_scheme) ? store_url.substr(k_scheme.size())
                                                             : store_url);
  std::error_code error;
  while (path.has_parent_path() && path != path.parent_path()) {
    path = path.parent_path();
    if (std::filesystem::exists(path, error)) {
      return std::filesystem::is_directory(path, error);
    }
  }
  return true;
}

// One probe with the objects that it has made; they go with it.
class StoreProbe {
 public:
  StoreProbe(Findings& findings, Store& store, const Clock& clock, std::string folder)
      : findings_(findings),
        store_(store),
        clock_(clock),
        folder_(std::move(folder)) {}
  ~StoreProbe() { remove_all(); }
  StoreProbe(const StoreProbe&) = delete;
  StoreProbe& operator=(const StoreProbe&) = delete;

  void run(std::stop_token stop) {
    began_ = clock_.now();
    if (!list(stop) || !create(stop) || !read_back(stop)) {
      return;
    }
    refuse_second(stop);
    replace();
    remove();
  }

  // In parts, through a store of its own that begins with them early.
  void put_in_parts(Store& parts, std::stop_token stop) {
    auto directory = TempDir::create("athanor-doctor-");
    if (!directory) {
      findings_.warn(k_area, "multipart", "not tried: " + directory.error().message,
                     directory.error().hint);
      return;
    }
    const std::filesystem::path file = directory->path() / "parts";
    const std::string bytes(k_part_bytes + 1, 'x');
    if (const auto written = write_file(file, bytes); !written) {
      findings_.warn(k_area, "multipart", "not tried: " + written.error().message,
                     written.error().hint);
      return;
    }
    began_ = clock_.now();
    DigestHasher hasher;
    hasher.update({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
    const Digest digest = hasher.finish();
    const auto put =
        parts.put_if_absent(folder_ + "parts", ObjectSource::from_file(file, digest), stop);
    if (!put) {
      findings_.fail(k_area, "multipart", put.error(),
                     rights_hint("s3:PutObject and s3:AbortMultipartUpload", store_.url()));
      return;
    }
    findings_.ok(k_area, "multipart", "large objects can be put in parts" + elapsed());
  }

 private:
  std::string elapsed() const {
    const auto past = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.now() - began_);
    return " (" + std::to_string(past.count()) + " ms)";
  }

  bool list(const std::stop_token& stop) {
    const auto listed = store_.list(
        folder_, [](const ObjectInfo&) -> Result<void> { return {}; }, stop);
    if (!listed) {
      findings_.fail(k_area, "list", listed.error(), rights_hint("s3:ListBucket", store_.url()));
      return false;
    }
    findings_.ok(k_area, "list", "objects can be listed" + elapsed());
    return true;
  }

  bool create(const std::stop_token& stop) {
    began_ = clock_.now();
    const auto put = store_.put_if_absent(key(), ObjectSource::from_bytes("first"), stop);
    if (!put) {
      findings_.fail(k_area, "put", put.error(), rights_hint("s3:PutObject", store_.url()));
      return false;
    }
    findings_.ok(k_area, "put", "objects can be created" + elapsed());
    return true;
  }

  bool read_back(const std::stop_token& stop) {
    began_ = clock_.now();
    std::string bytes;
    const auto got = store_.get(
        key(), ByteRange{},
        [&](std::span<const std::uint8_t> some) -> Result<void> {
          bytes.append(reinterpret_cast<const char*>(some.data()), some.size());
          return {};
        },
        stop);
    if (!got) {
      findings_.fail(k_area, "get", got.error(), rights_hint("s3:GetObject", store_.url()));
      return false;
    }
    if (!*got || bytes != "first") {
      findings_.fail(k_area, "get", "an object that was just created reads as something else",
                     "the store must show what was written at once; is a cache in between?");
      return false;
    }
    findings_.ok(k_area, "get", "objects can be read" + elapsed());
    return true;
  }

  void refuse_second(const std::stop_token& stop) {
    const auto conditional = store_.creates_conditionally();
    if (conditional && !*conditional) {
      findings_.warn(k_area, "conditional-put",
                     "the store can't create an object only if it isn't there",
                     "don't fill it from two places at once");
      return;
    }
    const auto put = store_.put_if_absent(key(), ObjectSource::from_bytes("second"), stop);
    if (!conditional || !put) {
      findings_.fail(k_area, "conditional-put", conditional ? put.error() : conditional.error());
    } else if (*put != PutOutcome::exists) {
      findings_.fail(k_area, "conditional-put", "the store overwrote an object that was there",
                     "a proxy or gateway in between drops If-None-Match; reach the store without "
                     "it");
    } else {
      findings_.ok(k_area, "conditional-put", "what is there is never overwritten");
    }
  }

  void replace() {
    const auto info = store_.find(key());
    if (!info || !*info) {
      findings_.fail(k_area, "head",
                     info ? make_error(ErrorKind::rejected, "an object that is there isn't found")
                          : info.error(),
                     rights_hint("s3:GetObject", store_.url()));
      return;
    }
    const std::string version = (*info)->version_tag;
    const auto put = store_.put(key(), ObjectSource::from_bytes("third"), version);
    const auto stale = store_.put(key(), ObjectSource::from_bytes("fourth"), version);
    if (!put || !stale) {
      findings_.fail(k_area, "replace", put ? stale.error() : put.error());
    } else if (*put != PutOutcome::created || *stale != PutOutcome::exists) {
      findings_.warn(k_area, "replace",
                     "the store doesn't look at versions when an alias is replaced",
                     "don't move the same alias from two places at once");
    } else {
      findings_.ok(k_area, "replace", "aliases can be moved, and never by two at once");
    }
  }

  void remove() {
    if (const auto removed = store_.remove(key()); !removed) {
      findings_.warn(k_area, "remove",
                     "objects can't be removed: " + removed.error().message +
                         "; what this look has made is left under " + folder_,
                     rights_hint("s3:DeleteObject", store_.url()));
      return;
    }
    const auto info = store_.find(key());
    if (info && *info) {
      findings_.warn(k_area, "remove", "an object that was removed is still found",
                     "is versioning or a cache in between?");
    } else {
      findings_.ok(k_area, "remove", "objects can be removed");
    }
  }

  void remove_all() {
    for (const char* name : {"object", "parts"}) {
      // Nothing more can be done about what can't be removed; remove() has told it.
      static_cast<void>(store_.remove(folder_ + name));
    }
  }

  std::string key() const { return folder_ + "object"; }

  Findings& findings_;
  Store& store_;
  const Clock& clock_;
  std::string folder_;
  TimePoint began_{};
};

}  // namespace

void look_at_store(Findings& findings, const std::string& store_url, Random& random,
                   const Clock& clock, std::stop_token stop) {
  if (store_url.empty()) {
    findings.warn(k_area, "url", "no store is set",
                  "give --store URL, or set ATHANOR_STORE or store.url");
    return;
  }
  const std::string shown = redact_url(store_url);
  auto store = open_store(store_url, CreateStore::no);
  if (!store) {
    if (store.error().kind == ErrorKind::not_found && can_be_made(store_url)) {
      findings.warn(k_area, "open", store.error().message,
                    "a run makes the directory; a mount that is missing must be mounted");
    } else {
      findings.fail(k_area, "open", store.error());
    }
    return;
  }
  findings.ok(k_area, "url", (*store)->url());
  const std::string folder = ".athanor/doctor/" + std::to_string(random.next()) + "/";
  StoreProbe probe(findings, **store, clock, folder);
  probe.run(stop);
  const bool cloud = store_url.starts_with("s3://") || store_url.starts_with("az://") ||
                     store_url.starts_with("gs://");
  if (!cloud) {
    return;
  }
  const char separator = store_url.find('?') == std::string::npos ? '?' : '&';
  const std::string size = std::to_string(k_part_bytes);
  auto parts = open_store(store_url + separator + "multipart_from=" + size + "&part_size=" + size,
                          CreateStore::no);
  if (parts && findings.worst() != Gravity::fail) {
    probe.put_in_parts(**parts, stop);
  }
}

}  // namespace athanor::coordinator

#pragma once

#include "shared/store/store.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace athanor::test {

// A store in memory, for tests and simulations. Copies of one share their objects, as two clients
// of one bucket do. Thread-safe.
class MemoryStore final : public Store {
 public:
  MemoryStore();
  // Another client of the same objects.
  std::unique_ptr<MemoryStore> another_client() const;

  const std::string& url() const override { return url_; }
  bool cheap_lookups() const override { return true; }
  Result<void> list(std::string_view prefix, const ObjectVisitor& visit,
                    std::stop_token stop = {}) override;
  Result<std::vector<FolderEntry>> list_folder(std::string_view prefix) override;
  Result<std::optional<ObjectInfo>> find(std::string_view key) override;
  Result<bool> get(std::string_view key, ByteRange range, const ObjectSink& sink,
                   std::stop_token stop = {}) override;
  Result<PutOutcome> put_if_absent(std::string_view key, const ObjectSource& source,
                                   std::stop_token stop = {}) override;
  Result<PutOutcome> put(std::string_view key, const ObjectSource& source,
                         const std::optional<std::string>& expected_version) override;
  Result<void> remove(std::string_view key) override;

  // The store's own clock: when objects that are put from here on were written. It begins where
  // ManualClock does.
  void set_now(WallTime now);
  // What decay does: other bytes, and nobody told.
  void alter(const std::string& key, std::string bytes);
  // Everything there is, for comparing.
  std::map<std::string, std::string> objects() const;

 private:
  struct Object {
    std::string bytes;
    std::uint64_t version = 0;
    WallTime modified{};

    ObjectInfo info(const std::string& key) const;
  };
  struct Shared {
    std::mutex mutex;
    std::map<std::string, Object, std::less<>> objects;
    std::uint64_t version = 0;
    WallTime now{std::chrono::seconds(1'769'821'323)};
  };
  explicit MemoryStore(std::shared_ptr<Shared> shared);

  std::string url_ = "memory://test";
  std::shared_ptr<Shared> shared_;  // shared with other clients on purpose
};

}  // namespace athanor::test

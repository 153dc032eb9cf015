#pragma once

#include "shared/store/store.hpp"

#include <atomic>
#include <map>
#include <set>
#include <string>
#include <utility>

namespace athanor::coordinator {

// A fake: keys and sizes without bytes, which counts what is asked of it. Only looking is
// supported.
class ListedStore final : public Store {
 public:
  enum class Lookups { cheap, costly };

  explicit ListedStore(Lookups lookups)
      : lookups_(lookups) {}

  void add(const std::string& key, std::uint64_t size = 100) { objects_[key] = size; }
  // A folder that stands there without any object.
  void add_empty_folder(const std::string& prefix) { folders_.insert(prefix); }
  void fail_with(Error error) { failure_ = std::move(error); }

  // What a store on the web would be asked: pages of 1,000 objects, folders, single keys.
  std::size_t requests() const { return requests_; }
  std::size_t listings() const { return listings_; }

  const std::string& url() const override { return url_; }
  bool cheap_lookups() const override { return lookups_ == Lookups::cheap; }

  Result<void> list(std::string_view prefix, const ObjectVisitor& visit,
                    std::stop_token stop) override {
    ++listings_;
    ++requests_;
    if (failure_) {
      return *failure_;
    }
    std::size_t seen = 0;
    for (auto it = objects_.lower_bound(prefix); it != objects_.end(); ++it) {
      if (!it->first.starts_with(prefix)) {
        break;
      }
      if (stop.stop_requested()) {
        return make_error(ErrorKind::canceled, "stopped");
      }
      if (++seen % 1000 == 0) {
        ++requests_;
      }
      ATHANOR_TRY(visit({.key = it->first, .size = it->second, .version_tag = {}}));
    }
    return {};
  }

  Result<std::vector<FolderEntry>> list_folder(std::string_view prefix) override {
    ++requests_;
    if (failure_) {
      return *failure_;
    }
    std::map<std::string, bool> entries;
    const auto add = [&](const std::string& key) {
      const std::string rest = key.substr(prefix.size());
      const std::size_t slash = rest.find('/');
      entries[rest.substr(0, slash)] |= slash != std::string::npos;
    };
    for (auto it = objects_.lower_bound(prefix);
         it != objects_.end() && it->first.starts_with(prefix); ++it) {
      add(it->first);
    }
    for (const std::string& folder : folders_) {
      if (folder.starts_with(prefix) && folder.size() > prefix.size()) {
        add(folder);
      }
    }
    std::vector<FolderEntry> result;
    for (const auto& [name, is_folder] : entries) {
      result.push_back({.name = name, .is_folder = is_folder});
    }
    return result;
  }

  Result<std::optional<ObjectInfo>> find(std::string_view key) override {
    ++requests_;
    const auto found = objects_.find(key);
    if (found == objects_.end()) {
      return std::optional<ObjectInfo>();
    }
    return std::optional(ObjectInfo{.key = found->first, .size = found->second, .version_tag = {}});
  }

  Result<bool> get(std::string_view, ByteRange, const ObjectSink&, std::stop_token) override {
    return unsupported();
  }
  Result<PutOutcome> put_if_absent(std::string_view, const ObjectSource&,
                                   std::stop_token) override {
    return unsupported();
  }
  Result<PutOutcome> put(std::string_view, const ObjectSource&,
                         const std::optional<std::string>&) override {
    return unsupported();
  }
  Result<void> remove(std::string_view) override { return unsupported(); }

 private:
  static Error unsupported() { return make_error(ErrorKind::unsupported, "this fake only lists"); }

  const Lookups lookups_;
  const std::string url_ = "fake://listed";
  std::map<std::string, std::uint64_t, std::less<>> objects_;
  std::set<std::string> folders_;
  std::optional<Error> failure_;
  std::atomic<std::size_t> requests_{0};
  std::atomic<std::size_t> listings_{0};
};

}  // namespace athanor::coordinator

#pragma once

#include "shared/store/store.hpp"

#include <functional>
#include <map>
#include <mutex>
#include <string>

namespace athanor::test {

enum class StoreCall { list, list_folder, find, get, put_if_absent, put, remove };

// A store that fails when the test says so: `before` may stop a call from reaching the store behind
// it, `after` may lose the answer of one that did. It counts the calls. Thread-safe as long as the
// functions are.
class FaultyStore final : public Store {
 public:
  using Fault = std::function<Result<void>(StoreCall call, std::string_view key)>;

  // `inner` outlives this.
  explicit FaultyStore(Store& inner)
      : inner_(inner) {}

  void before(Fault fault) { before_ = std::move(fault); }
  void after(Fault fault) { after_ = std::move(fault); }
  std::size_t calls(StoreCall call) const {
    const std::lock_guard lock(mutex_);
    const auto found = counts_.find(call);
    return found == counts_.end() ? 0 : found->second;
  }

  const std::string& url() const override { return inner_.url(); }
  bool cheap_lookups() const override { return inner_.cheap_lookups(); }
  Result<void> list(std::string_view prefix, const ObjectVisitor& visit,
                    std::stop_token stop = {}) override {
    return through<void>(StoreCall::list, prefix, [&] { return inner_.list(prefix, visit, stop); });
  }
  Result<std::vector<FolderEntry>> list_folder(std::string_view prefix) override {
    return through<std::vector<FolderEntry>>(StoreCall::list_folder, prefix,
                                             [&] { return inner_.list_folder(prefix); });
  }
  Result<std::optional<ObjectInfo>> find(std::string_view key) override {
    return through<std::optional<ObjectInfo>>(StoreCall::find, key,
                                              [&] { return inner_.find(key); });
  }
  Result<bool> get(std::string_view key, ByteRange range, const ObjectSink& sink,
                   std::stop_token stop = {}) override {
    return through<bool>(StoreCall::get, key, [&] { return inner_.get(key, range, sink, stop); });
  }
  Result<PutOutcome> put_if_absent(std::string_view key, const ObjectSource& source,
                                   std::stop_token stop = {}) override {
    return through<PutOutcome>(StoreCall::put_if_absent, key,
                               [&] { return inner_.put_if_absent(key, source, stop); });
  }
  Result<PutOutcome> put(std::string_view key, const ObjectSource& source,
                         const std::optional<std::string>& expected_version) override {
    return through<PutOutcome>(StoreCall::put, key,
                               [&] { return inner_.put(key, source, expected_version); });
  }
  Result<void> remove(std::string_view key) override {
    return through<void>(StoreCall::remove, key, [&] { return inner_.remove(key); });
  }

 private:
  template <typename T, typename Function>
  Result<T> through(StoreCall call, std::string_view key, const Function& function) {
    {
      const std::lock_guard lock(mutex_);
      ++counts_[call];
    }
    if (before_) {
      ATHANOR_TRY(before_(call, key));
    }
    Result<T> result = function();
    if (after_ && result) {
      ATHANOR_TRY(after_(call, key));
    }
    return result;
  }

  Store& inner_;
  Fault before_;
  Fault after_;
  mutable std::mutex mutex_;
  std::map<StoreCall, std::size_t> counts_;
};

}  // namespace athanor::test

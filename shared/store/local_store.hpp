#pragma once

#include "shared/os/fd.hpp"
#include "shared/store/store.hpp"

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace athanor {

// A store in a directory, local or mounted. An object is a file, its key the file's relative path.
//
// An object is written to ".athanor/tmp", synced, and linked to its name: link(2) never overwrites
// and is atomic, also between machines on NFS. Modes follow the umask. Several processes may write
// at once; `put` with a precondition takes a lock among them. What a crash leaves in ".athanor/tmp"
// is taken away by a later writer once it is a day old. What is relied on: STORES.md.
class LocalStore final : public Store {
 public:
  // The directory must exist.
  static Result<std::unique_ptr<Store>> open(const std::filesystem::path& root);

  const std::string& url() const override { return url_; }
  bool cheap_lookups() const override { return true; }
  Result<void> list(std::string_view prefix, const ObjectVisitor& visit,
                    std::stop_token stop) override;
  Result<std::vector<FolderEntry>> list_folder(std::string_view prefix) override;
  Result<std::optional<ObjectInfo>> find(std::string_view key) override;
  Result<bool> get(std::string_view key, ByteRange range, const ObjectSink& sink,
                   std::stop_token stop) override;
  Result<PutOutcome> put_if_absent(std::string_view key, const ObjectSource& source,
                                   std::stop_token stop) override;
  Result<PutOutcome> put(std::string_view key, const ObjectSource& source,
                         const std::optional<std::string>& expected_version) override;
  // A second name for the same file.
  Result<CopyOutcome> copy_if_absent(std::string_view from, std::string_view to) override;
  Result<void> remove(std::string_view key) override;

 private:
  explicit LocalStore(std::filesystem::path root);

  // A finished, synced file that waits for its name.
  struct Staged {
    std::filesystem::path path;
    Fd fd;
    bool ours = true;  // ours to unlink; false: the caller's own file
    ~Staged();
    Staged(std::filesystem::path p, Fd f, bool o);
    Staged(Staged&& other) noexcept;
    Staged& operator=(Staged&&) = delete;
  };

  std::filesystem::path path_of(std::string_view key) const { return root_ / key; }
  std::filesystem::path staging() const { return root_ / ".athanor" / "tmp"; }
  // Makes the staging directory, sweeps it, and learns the mode of new files. Once.
  Result<mode_t> prepare_writing();
  Result<Staged> stage(const ObjectSource& source, std::stop_token stop);
  Result<std::optional<Staged>> stage_given(const ObjectSource& source, mode_t mode);
  Result<PutOutcome> link_new(const Staged& staged, const std::filesystem::path& target);
  Error in_store(Error error) const;

  const std::filesystem::path root_;
  const std::string url_;
  std::mutex mutex_;
  std::optional<mode_t> file_mode_;  // set once writing is prepared
};

}  // namespace athanor

#pragma once

#include "coordinator/plan/survey.hpp"
#include "shared/conda/source_url.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace athanor::coordinator {

// Sees what stands under one source's folder, entry by entry, as the store's readers see it, and
// says what is there and what breaks them. Not thread-safe.
class SourceContents {
 public:
  explicit SourceContents(const SourceUrl& source);

  // An object whose key is the source's prefix + `relative` ("<slot>/<hash>/<file>").
  void add_object(std::string_view relative, std::uint64_t size);
  // A hash folder, whether or not something is in it.
  void add_hash_folder(std::string_view slot, std::string_view hash);

  // Whether readers look into this folder below a source at all: folders whose names end in no
  // format of the package's type are nothing to them.
  bool is_slot(std::string_view folder) const;
  // The name of the object in one of its slots' hash folders is the slot's.
  SurveyedSource finish(const std::string& source_prefix) const;

 private:
  struct HashFolder {
    bool whole = false;  // the object stands in it
    std::uint64_t size = 0;
  };
  using Slot = std::map<std::string, HashFolder, std::less<>>;

  void add_slot(const std::string& source_prefix, const std::string& name, const Slot& slot,
                SurveyedSource& found) const;

  PackageType type_;
  std::string stem_;
  std::map<std::string, Slot, std::less<>> slots_;
  std::vector<std::string> stray_files_;  // relative keys of files where folders belong
};

}  // namespace athanor::coordinator

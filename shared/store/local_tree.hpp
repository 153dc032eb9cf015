#pragma once

#include "shared/store/store.hpp"

#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

// A directory seen as folders and objects. Internal to the directory store.
namespace athanor {

// Whether errno says that there is nothing: a file where a folder of the key would be and a name
// that no file system can hold count.
bool is_absent(int error_number);

// The object at a path; absent if there is none, or something that is no regular file.
Result<std::optional<ObjectInfo>> look_at(const std::filesystem::path& path, std::string key);

struct LocalChild {
  std::string name;
  bool is_folder = false;
};
// One folder's files and folders, symlinks resolved, in the order of the keys: a folder counts as
// its name with "/" behind it. Empty if there is no such folder; unfinished objects are left out;
// rejected if a symlink leads upwards.
Result<std::vector<LocalChild>> children_of(const std::filesystem::path& folder,
                                            std::string_view prefix);

// Whether any object is under the folder.
Result<bool> holds_object(const std::filesystem::path& folder, const std::string& prefix);

// Every object under the folder, in the order of the keys.
Result<void> walk(const std::filesystem::path& folder, const std::string& prefix,
                  const ObjectVisitor& visit, const std::stop_token& stop);

}  // namespace athanor

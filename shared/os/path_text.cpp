#include "shared/os/path_text.hpp"

#include "shared/base/strings.hpp"

namespace athanor {

std::string quoted(const std::filesystem::path& path) {
  return "'" + printable(path.native(), 4096) + "'";
}

}  // namespace athanor

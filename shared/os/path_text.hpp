#pragma once

#include <filesystem>
#include <string>

namespace athanor {

// "'/the/path'": a path as messages spell it, safe to print whatever bytes it holds.
std::string quoted(const std::filesystem::path& path);

}  // namespace athanor

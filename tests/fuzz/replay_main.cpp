// Stands in for libFuzzer where it isn't linked: runs the target once over each file that is named
// or lies in a folder that is named. A finding aborts, as it does under libFuzzer.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

bool run_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string content((std::istreambuf_iterator<char>(file)), {});
  if (!file) {
    std::fprintf(stderr, "cannot read %s\n", path.c_str());
    return false;
  }
  // Before it runs, so that a crash can be laid to a file.
  std::fprintf(stderr, "%s\n", path.c_str());
  const std::vector<std::uint8_t> bytes(content.begin(), content.end());
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  return true;
}

}  // namespace

int main(int count, char** arguments) {
  std::vector<std::filesystem::path> paths;
  for (int i = 1; i < count; ++i) {
    const std::string argument = arguments[i];
    if (argument.rfind('-', 0) == 0) {
      continue;  // libFuzzer's own
    }
    if (!std::filesystem::is_directory(argument)) {
      paths.emplace_back(argument);
      continue;
    }
    for (const auto& entry : std::filesystem::recursive_directory_iterator(argument)) {
      if (entry.is_regular_file()) {
        paths.push_back(entry.path());
      }
    }
  }
  if (paths.empty()) {
    std::fprintf(stderr, "no corpus to run\n");
    return 1;
  }
  std::sort(paths.begin(), paths.end());
  return std::all_of(paths.begin(), paths.end(), run_file) ? 0 : 1;
}

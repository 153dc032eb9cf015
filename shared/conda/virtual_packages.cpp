#include "shared/conda/virtual_packages.hpp"

#include <array>
#include <optional>
#include <utility>

namespace athanor {
namespace {

constexpr std::array<std::pair<const char*, const char*>, 6> k_variables = {{
    {"CONDA_OVERRIDE_ARCHSPEC", "__archspec"},
    {"CONDA_OVERRIDE_CUDA", "__cuda"},
    {"CONDA_OVERRIDE_GLIBC", "__glibc"},
    {"CONDA_OVERRIDE_LINUX", "__linux"},
    {"CONDA_OVERRIDE_OSX", "__osx"},
    {"CONDA_OVERRIDE_WIN", "__win"},
}};

// The plainest processor that the platform's packages are built for, as archspec names it.
std::string_view processor(std::string_view platform) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 9> k_processors = {{
      {"linux-32", "x86"},
      {"linux-aarch64", "aarch64"},
      {"linux-ppc64le", "ppc64le"},
      {"linux-riscv64", "riscv64"},
      {"linux-s390x", "s390x"},
      {"osx-arm64", "m1"},
      {"win-32", "x86"},
      {"win-arm64", "aarch64"},
      {"linux-armv7l", "arm"},
  }};
  for (const auto& [name, value] : k_processors) {
    if (name == platform) {
      return value;
    }
  }
  return platform.ends_with("-64") ? "x86_64" : "";
}

// Whether a package of that name can be there at all. Names that nobody knows may.
bool belongs_to(std::string_view name, std::string_view platform) {
  if (name == "__glibc" || name == "__linux") {
    return platform.starts_with("linux-");
  }
  if (name == "__osx") {
    return platform.starts_with("osx-");
  }
  if (name == "__win") {
    return platform.starts_with("win-");
  }
  if (name == "__unix") {
    return !platform.starts_with("win-");
  }
  return name != "__cuda" || !platform.starts_with("osx-");
}

std::map<std::string, VirtualPackage> usual_packages(std::string_view platform) {
  std::map<std::string, VirtualPackage> packages;
  const auto add = [&](std::string name, std::string version, std::string build = "0") {
    packages[name] = {.name = name, .version = std::move(version), .build = std::move(build)};
  };
  if (platform.starts_with("linux-")) {
    add("__linux", "5.10");
    add("__glibc", platform == "linux-64" ? "2.27" : "2.17");
  } else if (platform.starts_with("osx-")) {
    add("__osx", "12.0");
  } else if (platform.starts_with("win-")) {
    add("__win", "0");
  }
  if (!platform.starts_with("win-")) {
    add("__unix", "0");
  }
  if (const std::string_view name = processor(platform); !name.empty()) {
    add("__archspec", "1", std::string(name));
  }
  return packages;
}

VirtualPackage overridden(const std::string& name, std::string_view value) {
  const std::size_t equals = value.find('=');
  std::string version(value.substr(0, equals));
  std::string build =
      equals == std::string_view::npos ? std::string("0") : std::string(value.substr(equals + 1));
  if (name == "__archspec" && equals == std::string_view::npos) {
    // conda's variable names the processor, which is the package's build.
    build = std::exchange(version, "1");
  }
  return {.name = name, .version = std::move(version), .build = std::move(build)};
}

}  // namespace

VirtualOverrides virtual_overrides(const EnvironmentLookup& environment) {
  VirtualOverrides overrides;
  for (const auto& [variable, name] : k_variables) {
    if (std::optional<std::string> value = environment(variable)) {
      overrides[name] = *std::move(value);
    }
  }
  return overrides;
}

std::vector<VirtualPackage> virtual_packages(std::string_view platform,
                                             const VirtualOverrides& overrides) {
  std::map<std::string, VirtualPackage> packages = usual_packages(platform);
  for (const auto& [name, value] : overrides) {
    if (value.empty()) {
      packages.erase(name);
    } else if (belongs_to(name, platform)) {
      packages.insert_or_assign(name, overridden(name, value));
    }
  }
  std::vector<VirtualPackage> sorted;
  for (auto& entry : packages) {
    sorted.push_back(std::move(entry.second));
  }
  return sorted;
}

}  // namespace athanor

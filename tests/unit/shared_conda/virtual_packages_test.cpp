#include "shared/conda/virtual_packages.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace athanor {
namespace {

std::string spelled(std::string_view platform, const VirtualOverrides& overrides) {
  std::string text;
  for (const VirtualPackage& package : virtual_packages(platform, overrides)) {
    text += (text.empty() ? "" : " ") + package.name + "=" + package.version + "=" + package.build;
  }
  return text;
}

TEST(VirtualPackages, EachPlatformHasWhatItsMachinesHave) {
  const struct {
    const char* name;
    const char* platform;
    VirtualOverrides overrides;
    const char* packages;
  } rows[] = {
      {"the extension's platform",
       "linux-64",
       {},
       "__archspec=1=x86_64 __glibc=2.27=0 __linux=5.10=0 __unix=0=0"},
      {"another processor",
       "linux-aarch64",
       {},
       "__archspec=1=aarch64 __glibc=2.17=0 __linux=5.10=0 __unix=0=0"},
      {"a mac", "osx-arm64", {}, "__archspec=1=m1 __osx=12.0=0 __unix=0=0"},
      {"windows is no unix", "win-64", {}, "__archspec=1=x86_64 __win=0=0"},
      {"a version and a graphics card",
       "linux-64",
       {{"__glibc", "2.34"}, {"__cuda", "11.8=0"}},
       "__archspec=1=x86_64 __cuda=11.8=0 __glibc=2.34=0 __linux=5.10=0 __unix=0=0"},
      {"taken away",
       "linux-64",
       {{"__glibc", ""}, {"__archspec", ""}},
       "__linux=5.10=0 __unix=0=0"},
      {"another system's",
       "osx-64",
       {{"__glibc", "2.34"}, {"__cuda", "12"}},
       "__archspec=1=x86_64 __osx=12.0=0 __unix=0=0"},
      {"a processor",
       "linux-64",
       {{"__archspec", "zen4"}},
       "__archspec=1=zen4 __glibc=2.27=0 __linux=5.10=0 __unix=0=0"},
      {"a name of its own",
       "win-64",
       {{"__cuda_arch", "8.6"}},
       "__archspec=1=x86_64 __cuda_arch=8.6=0 __win=0=0"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(spelled(row.platform, row.overrides), row.packages) << row.name;
  }
}

TEST(VirtualPackages, TheEnvironmentOverridesAsInConda) {
  const EnvironmentLookup environment = [](std::string_view name) -> std::optional<std::string> {
    if (name == "CONDA_OVERRIDE_GLIBC") {
      return "2.31";
    }
    return name == "CONDA_OVERRIDE_LINUX" ? std::optional<std::string>("") : std::nullopt;
  };
  EXPECT_EQ(virtual_overrides(environment),
            (VirtualOverrides{{"__glibc", "2.31"}, {"__linux", ""}}));
}

}  // namespace
}  // namespace athanor

#pragma once

#include "shared/conda/virtual_package.hpp"
#include "shared/os/machine.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace athanor {

// What the target has, by name: "__glibc" → "2.28", or with a build "2.28=0". An empty text: the
// target doesn't have it, whatever its platform usually has.
using VirtualOverrides = std::map<std::string, std::string>;

// CONDA_OVERRIDE_GLIBC, _CUDA, _OSX, _LINUX, _WIN and _ARCHSPEC, as conda reads them: a variable
// that is set but empty takes the package away.
VirtualOverrides virtual_overrides(const EnvironmentLookup& environment);

// The virtual packages of a target platform, in the order of their names. Nothing is ever asked of
// the machine that this runs on: the answer decides ids, which must be the same everywhere. What
// isn't overridden is what the Netflix extension assumes (__glibc 2.27 of linux-64), and otherwise
// the oldest that current packages support: __glibc 2.17, __linux 5.10, __osx 12.0; __win 0;
// __unix 0; __archspec 1 with the platform's plainest processor. There is no __cuda unless somebody
// says so. Overrides of other names are taken as they are; of another system's packages they are
// ignored (__osx of linux-64), so that one set serves several platforms. Pure.
std::vector<VirtualPackage> virtual_packages(std::string_view platform,
                                             const VirtualOverrides& overrides);

}  // namespace athanor

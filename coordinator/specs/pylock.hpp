#pragma once

#include "coordinator/intake/input_text.hpp"
#include "coordinator/intake/request.hpp"
#include "coordinator/specs/pypi_target.hpp"
#include "shared/base/result.hpp"

#include <string_view>
#include <vector>

namespace athanor::coordinator {

// Whether the text is a pylock.toml (PEP 751).
bool is_pylock(std::string_view text);

// The wheels of a pylock.toml for a target: of each package whose marker holds there, the wheel
// that an installer would take, in the file's order. invalid: "file:line: " what is wrong, two
// packages of one name for the target, a python that the lock excludes; unsupported: an unknown
// version, or a package of which only an sdist, a directory or a repository is named, or no wheel
// fits the target.
Result<std::vector<PackageReference>> read_pylock(const InputText& input, const PypiTarget& target);

// What a pylock.toml asks for where nothing else says it: its exact set, "name==version" with the
// package's marker, in the file's order. invalid: "file:line: " what is wrong.
Result<std::vector<std::string>> pylock_requirements(const InputText& input);

}  // namespace athanor::coordinator

#pragma once

#include "coordinator/specs/resolution.hpp"
#include "shared/base/result.hpp"

#include <string>
#include <vector>

namespace athanor::coordinator {

// A file that holds a resolution, so that `athanor run` on it makes the same environments with the
// same ids: what was asked for stands in it beside the packages.
struct LockFile {
  std::string path;
  std::string text;
};

// By the ending of `path`: ".yml" and ".yaml" are conda-lock.yml version 1, all platforms in one
// file; everything else is "@EXPLICIT", one file per platform. Where there are several,
// "{platform}" and "{environment}" in the path tell them apart; invalid: they don't. Of whole
// environments only.
Result<std::vector<LockFile>> make_lock_files(const Resolution& resolution,
                                              const std::string& path);

}  // namespace athanor::coordinator

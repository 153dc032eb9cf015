#pragma once

#include "shared/auth/chain.hpp"
#include "shared/os/files.hpp"
#include "tests/support/results.hpp"
#include "tests/support/scratch_dir.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace athanor::test {

// A machine of the test's own: a home, a system directory, an environment.
class Places : public testing::Test {
 protected:
  Places() { variables["HOME"] = (scratch.path() / "home").string(); }

  std::string write(const std::string& name, const std::string& text, mode_t mode = 0600) {
    const std::filesystem::path file = scratch.path() / name;
    must(make_directories(file.parent_path(), Durability::none));
    must(write_file(file, text, mode));
    return file.string();
  }
  EnvironmentLookup environment() {
    return [this](std::string_view name) {
      const auto found = variables.find(std::string(name));
      return found == variables.end() ? std::nullopt : std::optional(found->second);
    };
  }

  ScratchDir scratch;
  std::map<std::string, std::string> variables;
};

}  // namespace athanor::test

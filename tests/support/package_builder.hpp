#pragma once

#include "shared/conda/artifact.hpp"

#include <string>
#include <utility>
#include <vector>

namespace athanor::test {

// A conda package that a test makes: valid unless the test makes it otherwise.
struct PackageSpec {
  std::string name = "demo";
  std::string version = "1.0";
  std::string build = "h0_0";
  std::string subdir = "linux-64";
  // Path and content of what is installed.
  std::vector<std::pair<std::string, std::string>> files = {{"bin/demo", "#!/bin/sh\necho demo\n"},
                                                            {"lib/data.txt", "some text\n"}};
  // The whole info/index.json instead of the right one.
  std::string index_json = {};

  std::string stem() const { return name + "-" + version + "-" + build; }
  std::string filename(Format format) const { return stem() + std::string(extension(format)); }
};

// The package file's bytes in either conda format. The same spec gives the same bytes.
std::string build_package(const PackageSpec& spec, Format format);

}  // namespace athanor::test

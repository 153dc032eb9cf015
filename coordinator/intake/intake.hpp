#pragma once

#include "coordinator/intake/request.hpp"
#include "shared/base/result.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace athanor::coordinator {

enum class FileUrls {
  refuse,  // an input can't make us read local files
  allow,   // the person vouches for the input
};

struct IntakeOptions {
  // Keep only these; empty keeps all. A platform is conda's name or, in pixi.lock 7, the file's
  // own. A name that no input has is an error. Where an input doesn't say its platform and exactly
  // one is given here, that one is taken.
  std::vector<std::string> platforms = {};
  std::vector<std::string> environments = {};
  // What was asked for, for lock inputs: environment.yml, requirements.txt, pixi.toml or
  // pyproject.toml. Empty: the manifest that a lock names or lies beside, else the exact set.
  std::string requirements_file = {};
  FileUrls file_urls = FileUrls::refuse;
};

// Reads all inputs: paths, or "-" for standard input, each recognised by its content (INPUTS.md).
// not_found, rejected: a file can't be read; invalid, unsupported: what is wrong, beginning with
// "file:line: ". Reads nothing but the inputs, the requirements file and manifests beside locks.
Result<IntakeResult> read_inputs(std::span<const std::string> inputs, const IntakeOptions& options);

// The same for one text that is already in memory. `name` stands for the file in messages and
// positions; no manifest is looked for.
Result<IntakeResult> read_input_text(std::string_view name, std::string_view text,
                                     const IntakeOptions& options);

}  // namespace athanor::coordinator

#pragma once

#include "coordinator/intake/input_text.hpp"
#include "coordinator/intake/manifest.hpp"
#include "shared/base/result.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace athanor::coordinator {

// How the ids spell what stands in such a line: the extension has two parsers of its own.
enum class PypiDialect { requirements_txt, environment_yml };

// Reads the lines of requirements.txt, which also stand below `pip:` in environment.yml: what is
// wanted, pip's options, and the extension's --conda-channel, --conda-pkg and --sys-pkg. Included
// files ("-r", "-c") are read if the input has a folder; those below the limit of depth, each once.
// Not thread-safe.
class PypiLines {
 public:
  // What is read is put into `wanted` and, for a person, into `warnings`; both outlive the reader.
  PypiLines(PypiDialect dialect, Wanted& wanted, std::vector<std::string>& warnings)
      : dialect_(dialect),
        wanted_(wanted),
        warnings_(warnings) {}

  // A whole text, with comments, continued lines and hashes. invalid: "file:line: ".
  Result<void> read_text(const InputText& input);
  // One line without comment; an empty one is fine.
  Result<void> read_line(const InputText& input, std::string_view line, std::size_t number);

 private:
  enum class Use { requirement, constraint };

  Result<void> read_option(const InputText& input, std::string_view line, std::size_t number);
  Result<void> read_valued(const InputText& input, std::string_view option, std::string value,
                           std::size_t number);
  Result<void> read_requirement(const InputText& input, std::string_view line, std::size_t number);
  Result<void> include(const InputText& input, std::string_view name, std::size_t number, Use use);
  void skip(const InputText& input, std::string_view text, std::size_t number);

  PypiDialect dialect_;
  Wanted& wanted_;
  std::vector<std::string>& warnings_;
  Use use_ = Use::requirement;
  std::size_t depth_ = 0;
  std::unordered_set<std::string> included_;
};

}  // namespace athanor::coordinator

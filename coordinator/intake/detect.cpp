#include "coordinator/intake/formats.hpp"
#include "coordinator/intake/yaml_reader.hpp"
#include "shared/base/limits.hpp"
#include "shared/base/strings.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace athanor::coordinator {
namespace {

constexpr std::string_view k_known_inputs =
    "known inputs: conda-lock.yml (version 1), pixi.lock (versions 1 to 7), @EXPLICIT files, lists "
    "of URLs, environment descriptions (env, conda_v2.cnd), Metaflow's conda manifest, lists of "
    "environments ({\"envs\": [...]})";

// What stands at the left margin of a YAML text.
struct YamlShape {
  std::optional<std::string> version;
  std::size_t version_line = 0;
  bool has_package = false;  // conda-lock and pixi up to 3
  bool has_metadata = false;
  bool has_environments = false;  // pixi from 4 on
  bool has_dependencies = false;  // environment.yml
};

YamlShape yaml_shape(std::string_view text) {
  YamlShape shape;
  std::size_t number = 1;
  for (std::size_t begin = 0; begin < text.size(); ++number) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;
    if (line.starts_with("version:") && !shape.version) {
      const std::string_view value = line.substr(8);
      std::string_view digits = trim(value.substr(0, value.find('#')));
      if (digits.size() > 1 && (digits.front() == '\'' || digits.front() == '"')) {
        digits = digits.substr(1, digits.size() - 2);
      }
      shape.version = std::string(digits);
      shape.version_line = number;
    }
    shape.has_package = shape.has_package || line.starts_with("package:");
    shape.has_metadata = shape.has_metadata || line.starts_with("metadata:");
    shape.has_environments = shape.has_environments || line.starts_with("environments:");
    shape.has_dependencies = shape.has_dependencies || line.starts_with("dependencies:");
  }
  return shape;
}

Error unknown_version(const InputText& input, const YamlShape& shape, std::string_view what,
                      std::string_view known) {
  Error error = input.error(shape.version_line, std::string(what) + " version '" +
                                                    printable(shape.version.value_or(""), 40) +
                                                    "' is not known; known: " + std::string(known));
  error.kind = ErrorKind::unsupported;
  return error;
}

bool is_version(const YamlShape& shape, std::initializer_list<std::string_view> known) {
  return shape.version && std::find(known.begin(), known.end(), *shape.version) != known.end();
}

Result<ReadInput> read_yaml(InputText input, const IntakeOptions& options) {
  const YamlShape shape = yaml_shape(input.text);
  if (shape.has_environments) {
    if (!is_version(shape, {"4", "5", "6", "7"})) {
      return unknown_version(input, shape, "pixi.lock", "1 to 7");
    }
    input.text = restore_pixi_indentation(input.text);
    return read_pixi_lock(input, options);
  }
  if (shape.has_package) {
    // A file without a version is taken for the first.
    if (shape.version && !is_version(shape, {"1", "2", "3"})) {
      return unknown_version(input, shape, "lock file",
                             "1 (conda-lock.yml), 1 to 7 (pixi.lock; from 4 on with "
                             "'environments' instead of 'package')");
    }
    return read_conda_lock(input, options);
  }
  if (shape.has_dependencies) {
    return input.error(0,
                       "this says what is wanted (dependencies), not which exact packages that is",
                       "solve it first (athanor resolve), or give it as --requirements beside a "
                       "lock file");
  }
  if (shape.version) {
    Error error =
        input.error(shape.version_line, "neither 'package' nor 'environments' stands in this file",
                    std::string(k_known_inputs));
    error.kind = ErrorKind::unsupported;
    return error;
  }
  return input.error(0, "this is no input that is known", std::string(k_known_inputs));
}

// {id: {platform: {"conda": …}}}
bool is_metaflow_manifest(const Json& document) {
  const auto* ids = document.as_object();
  if (ids == nullptr || ids->empty()) {
    return false;
  }
  const auto* platforms = ids->front().value.as_object();
  if (platforms == nullptr || platforms->empty()) {
    return false;
  }
  const Json& first = platforms->front().value;
  return first.find("conda") != nullptr || first.find("pypi") != nullptr;
}

Result<ReadInput> read_json(InputText input, const IntakeOptions& options) {
  JsonLimits bounds;
  bounds.bytes = limits::k_input_file_bytes;
  auto document = parse_json(input.text, bounds);
  if (!document) {
    return input.at_line(0, std::move(document).error());
  }
  if (document->find("envs") != nullptr) {
    return read_environment_list(input, *document, options);
  }
  if (document->find("packages") != nullptr && document->find("environments") == nullptr) {
    return read_environment_description(input, *document, options);
  }
  if (document->find("environments") != nullptr && document->find("packages") == nullptr) {
    return read_known_environments(input, *document, options);
  }
  if (is_metaflow_manifest(*document)) {
    return read_metaflow_manifest(input, *document, options);
  }
  return input.error(0, "this JSON document is no input that is known",
                     std::string(k_known_inputs));
}

// The first line that says something, without white space at its ends.
std::string_view first_line(std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trim(text.substr(0, end));
    if (!line.empty() && line.front() != '#') {
      return line;
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return {};
}

bool begins_with_url(std::string_view line) {
  const std::size_t end = line.find("://");
  return end != std::string_view::npos && line.find_first_of(" \t") > end &&
         std::all_of(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(end), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '+';
         });
}

bool has_explicit_line(std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (trim(text.substr(0, end)) == "@EXPLICIT") {
      return true;
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return false;
}

}  // namespace

Result<ReadInput> read_any_input(InputText input, const IntakeOptions& options) {
  ATHANOR_TRY(check_text(input));
  const std::string_view line = first_line(input.text);
  if (line.empty()) {
    return input.error(0, "nothing stands in this file", std::string(k_known_inputs));
  }
  if (line.front() == '{' || line.front() == '[') {
    return read_json(std::move(input), options);
  }
  if (line == "@EXPLICIT" || (begins_with_url(line) && has_explicit_line(input.text))) {
    return read_explicit_file(input, options);
  }
  if (begins_with_url(line)) {
    return read_url_list(input, options);
  }
  return read_yaml(std::move(input), options);
}

}  // namespace athanor::coordinator

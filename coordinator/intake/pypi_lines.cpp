#include "coordinator/intake/pypi_lines.hpp"

#include "coordinator/intake/references.hpp"
#include "shared/base/limits.hpp"
#include "shared/base/strings.hpp"
#include "shared/net/url.hpp"

#include <utility>

namespace athanor::coordinator {
namespace {

constexpr std::size_t k_include_depth = 16;
constexpr std::uint64_t k_included_bytes = 4_MiB;

// The part before a comment, which begins at a "#" that stands first or after a blank.
std::string_view without_comment(std::string_view line) {
  for (std::size_t at = line.find('#'); at != std::string_view::npos; at = line.find('#', at + 1)) {
    if (at == 0 || line[at - 1] == ' ' || line[at - 1] == '\t') {
      return trim(line.substr(0, at));
    }
  }
  return trim(line);
}

bool is_repository(std::string_view text) {
  for (const std::string_view scheme : {"git+", "hg+", "svn+", "bzr+", "git://"}) {
    if (text.find(scheme) != std::string_view::npos) {
      return true;
    }
  }
  return false;
}

bool is_path(std::string_view text) {
  return text.starts_with('.') || text.starts_with('/') || text.starts_with("file:") ||
         text.find("@ file:") != std::string_view::npos ||
         text.find("@file:") != std::string_view::npos;
}

// Takes "--hash=sha256:HEX" and pip's other options per requirement off the end of a line.
std::vector<std::string> take_hashes(std::string_view& line) {
  std::vector<std::string> hashes;
  const std::size_t begin = line.find(" --");
  if (begin == std::string_view::npos) {
    return hashes;
  }
  for (std::string_view word : split(line.substr(begin), ' ')) {
    word = trim(word);
    if (word.starts_with("--hash=")) {
      hashes.emplace_back(word.substr(7));
    }
  }
  line = trim(line.substr(0, begin));
  return hashes;
}

std::string_view without_quotes(std::string_view text) {
  if (text.size() > 1 && (text.front() == '"' || text.front() == '\'') &&
      text.back() == text.front()) {
    return text.substr(1, text.size() - 2);
  }
  return text;
}

}  // namespace

Result<void> PypiLines::read_text(const InputText& input) {
  std::string pending;  // of lines that end in a backslash
  std::size_t begin = 0;
  std::size_t number = 0;
  for (const std::string_view raw : split(input.text, '\n')) {
    ++number;
    begin = pending.empty() ? number : begin;
    std::string_view line = without_comment(raw);
    const bool continued = line.ends_with('\\');
    if (continued) {
      line.remove_suffix(1);
    }
    pending += line;
    if (continued) {
      pending += ' ';
      continue;
    }
    ATHANOR_TRY(read_line(input, trim(pending), begin));
    pending.clear();
  }
  return read_line(input, trim(pending), begin);
}

Result<void> PypiLines::read_line(const InputText& input, std::string_view line,
                                  std::size_t number) {
  line = trim(line);
  if (line.empty()) {
    return {};
  }
  return line.front() == '-' ? read_option(input, line, number)
                             : read_requirement(input, line, number);
}

Result<void> PypiLines::read_requirement(const InputText& input, std::string_view line,
                                         std::size_t number) {
  std::vector<std::string> hashes = take_hashes(line);
  if (is_path(line)) {
    skip(input, line, number);
    return {};
  }
  auto spelled = dialect_ == PypiDialect::environment_yml
                     ? std::optional<std::string>(spell_pip_item(line))
                     : spell_pypi_requirement(line);
  if (!spelled) {
    return input.error(number, "expected a requirement like 'requests>=2.21', found '" +
                                   printable(redact_url(line), 80) + "'");
  }
  WrittenSpec written{.text = std::string(line),
                      .position = {.file = input.name, .line = number},
                      .hashes = std::move(hashes)};
  if (use_ == Use::constraint) {
    wanted_.pypi_constraints.push_back(std::move(written));
    return {};
  }
  wanted_.requirements.deps["pypi"].push_back(std::move(*spelled));
  if (is_repository(line)) {
    wanted_.unsolvable.push_back({.type = PackageType::pypi,
                                  .text = redact_url(line),
                                  .reason = SkipReason::local_or_vcs,
                                  .position = written.position});
    return {};
  }
  wanted_.pypi.push_back(std::move(written));
  return {};
}

Result<void> PypiLines::read_option(const InputText& input, std::string_view line,
                                    std::size_t number) {
  std::size_t end = line.find_first_of(" \t=");
  // "-rfile" is pip's, too.
  if (line.size() > 2 && line[1] != '-' && end > 2) {
    end = 2;
  }
  const std::string_view option = line.substr(0, end);
  std::string_view value = end >= line.size() ? std::string_view() : trim(line.substr(end));
  if (value.starts_with('=')) {
    value = trim(value.substr(1));
  }
  value = without_quotes(value);
  if (option == "--pre" || option == "--no-index") {
    wanted_.requirements.extras["pypi"].emplace_back(option);
    wanted_.pypi_options.emplace_back(option);
    return {};
  }
  if (option == "--require-hashes" || option == "--use-pep517" || option == "--prefer-binary" ||
      option == "--no-deps" || option == "--no-build-isolation") {
    return {};  // They say how pip installs, not what is wanted.
  }
  if (value.empty()) {
    return input.error(number, "'" + printable(option, 80) + "' without a value");
  }
  return read_valued(input, option, std::string(value), number);
}

Result<void> PypiLines::read_valued(const InputText& input, std::string_view option,
                                    std::string value, std::size_t number) {
  Requirements& ids = wanted_.requirements;
  if (option == "-r" || option == "--requirement") {
    return include(input, value, number, use_);
  }
  if (option == "-c" || option == "--constraint") {
    return include(input, value, number, Use::constraint);
  }
  if (option == "-e" || option == "--editable") {
    skip(input, value, number);
  } else if (option == "-i" || option == "--index-url" || option == "--pypi-url") {
    // Not part of the ids: the extension takes its own index.
    wanted_.index = std::move(value);
  } else if (option == "--extra-index-url") {
    ids.sources["pypi"].push_back(spell_index(value));
    wanted_.extra_indexes.push_back(std::move(value));
  } else if (option == "-f" || option == "--find-links" || option == "--trusted-host") {
    ids.extras["pypi"].push_back(std::string(option) + " " + spell_index(value));
    wanted_.pypi_options.emplace_back(option);
    wanted_.pypi_options.push_back(std::move(value));
  } else if (option == "--conda-channel") {
    ids.sources["conda"].push_back(spell_channel(value));
    wanted_.channels.push_back(std::move(value));
  } else if (option == "--conda-pkg") {
    ids.deps["npconda"].push_back(spell_conda_spec(value));
    wanted_.conda.push_back(
        {.text = std::move(value), .position = {.file = input.name, .line = number}});
  } else if (option == "--sys-pkg") {
    ids.deps["sys"].push_back(spell_conda_spec(value));
  } else if (option != "--no-binary" && option != "--only-binary" && option != "--use-feature" &&
             option != "--config-settings" && option != "--global-option") {
    return input.error(number, "'" + printable(option, 80) + "' is not known here",
                       "known: --extra-index-url, --index-url, --find-links, --trusted-host, "
                       "--pre, --no-index, --requirement, --constraint, --conda-channel, "
                       "--conda-pkg, --sys-pkg");
  }
  return {};
}

Result<void> PypiLines::include(const InputText& input, std::string_view name, std::size_t number,
                                Use use) {
  const std::string shown = "'" + printable(redact_url(name), 200) + "'";
  if (name.find("://") != std::string_view::npos) {
    return input.error(number, shown + " is on some server; only files are included",
                       "fetch it first and name the file");
  }
  if (input.folder.empty()) {
    return input.error(number, shown + " can't be included from here",
                       "hand the file in by its name, so that it is known where the other lies");
  }
  if (depth_ >= k_include_depth) {
    return input.error(number, "files include each other more than " +
                                   std::to_string(k_include_depth) + " levels deep");
  }
  const std::string path =
      name.starts_with('/') ? std::string(name) : input.folder + "/" + std::string(name);
  if (!included_.insert(path).second) {
    return {};
  }
  auto text = read_regular_file(path, k_included_bytes);
  if (!text) {
    return input.at_line(number, std::move(text).error());
  }
  ATHANOR_TRY(check_text(*text));
  const Use before = std::exchange(use_, use);
  ++depth_;
  auto read = read_text(*text);
  --depth_;
  use_ = before;
  return read;
}

void PypiLines::skip(const InputText& input, std::string_view text, std::size_t number) {
  const std::string shown = redact_url(text);
  warnings_.push_back(
      input.error(number, "'" + printable(shown, 80) + "' is not part of the requirement").message);
  wanted_.unsolvable.push_back({.type = PackageType::pypi,
                                .text = shown,
                                .reason = SkipReason::local_or_vcs,
                                .position = {.file = input.name, .line = number}});
}

}  // namespace athanor::coordinator

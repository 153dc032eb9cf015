#include "coordinator/intake/selector.hpp"

#include "shared/base/strings.hpp"
#include "shared/conda/platform.hpp"

#include <string>
#include <vector>

namespace athanor::coordinator {
namespace {

std::optional<bool> word_selects(std::string_view word, std::string_view platform) {
  const bool linux_family = platform.starts_with("linux-");
  const bool osx_family = platform.starts_with("osx-");
  const bool win_family = platform.starts_with("win-");
  if (word == "linux") {
    return linux_family;
  }
  if (word == "osx") {
    return osx_family;
  }
  if (word == "win") {
    return win_family;
  }
  if (word == "unix") {
    return linux_family || osx_family;
  }
  if (word == "linux64" || word == "osx64" || word == "win64") {
    const std::string_view family = word.substr(0, word.size() - 2);
    return platform == std::string(family) + "-64";
  }
  if (word == "aarch64" || word == "ppc64le" || word == "s390x" || word == "arm64" ||
      word == "x86_64") {
    return platform.ends_with(word == "x86_64" ? "-64" : word);
  }
  if (is_known_platform(word)) {
    return word == platform;
  }
  return std::nullopt;
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  for (const std::string_view word : split(text, ' ')) {
    if (!trim(word).empty()) {
      words.push_back(trim(word));
    }
  }
  return words;
}

}  // namespace

std::optional<bool> selects_platform(std::string_view selector, std::string_view platform) {
  bool any = false;  // of the alternatives so far
  bool all = true;   // of the conditions of this alternative
  bool negated = false;
  bool expects_word = true;
  for (const std::string_view word : words_of(selector)) {
    if (word == "not" && expects_word) {
      negated = !negated;
      continue;
    }
    if (expects_word) {
      const auto selected = word_selects(word, platform);
      if (!selected) {
        return std::nullopt;
      }
      all = all && *selected != negated;
      negated = false;
      expects_word = false;
      continue;
    }
    if (word != "and" && word != "or") {
      return std::nullopt;
    }
    if (word == "or") {
      any = any || all;
      all = true;
    }
    expects_word = true;
  }
  if (expects_word) {
    return std::nullopt;
  }
  return any || all;
}

std::optional<std::string_view> selector_of_line(std::string_view line) {
  line = trim(line);
  const std::size_t comment = line.rfind('#');
  if (!line.ends_with(']') || comment == std::string_view::npos) {
    return std::nullopt;
  }
  std::string_view remark = trim(line.substr(comment + 1));
  if (!remark.starts_with('[')) {
    return std::nullopt;
  }
  remark.remove_prefix(1);
  remark.remove_suffix(1);
  return trim(remark);
}

}  // namespace athanor::coordinator

#include "coordinator/intake/manifest.hpp"
#include "shared/base/strings.hpp"
#include "shared/net/url.hpp"

#include <algorithm>
#include <array>

namespace athanor::coordinator {
namespace {

constexpr std::string_view k_blanks = " \t";
constexpr std::string_view k_operator_characters = "<>=~!";

std::string without_blanks(std::string_view text) {
  std::string kept;
  for (const char c : text) {
    if (k_blanks.find(c) == std::string_view::npos) {
      kept += c;
    }
  }
  return kept;
}

// "git+https://host/foo/bar.git@v1" → "bar"; an "#egg=NAME" says it itself.
std::string name_of_repository(std::string_view url) {
  if (const std::size_t egg = url.find("egg="); egg != std::string_view::npos) {
    const std::string_view name = url.substr(egg + 4);
    return std::string(name.substr(0, name.find_first_of("&[")));
  }
  url = url.substr(0, url.find_first_of("#?"));
  std::string_view name = url.substr(url.rfind('/') + 1);
  name = name.substr(0, name.find('@'));
  if (name.ends_with(".git")) {
    name.remove_suffix(4);
  }
  return std::string(name);
}

// "name @ url" or a bare URL → "name@url"; absent if there is no URL.
std::optional<std::string> spell_direct_reference(std::string_view text) {
  const std::size_t scheme = text.find("://");
  if (scheme == std::string_view::npos) {
    return std::nullopt;
  }
  const std::size_t at = text.find('@');
  if (at != std::string_view::npos && at < scheme) {
    return without_blanks(text.substr(0, at)) + "@" + without_blanks(text.substr(at + 1));
  }
  const std::string url = without_blanks(text);
  return name_of_repository(url) + "@" + url;
}

std::string split_at_operator(std::string_view text) {
  const std::size_t at = text.find_first_of(k_operator_characters);
  return at == std::string_view::npos ? spell_requirement(text, {})
                                      : spell_requirement(text.substr(0, at), text.substr(at));
}

// A PEP 508 marker with single blanks between its words and double quotes, as Python prints it.
std::string spell_marker(std::string_view marker) {
  std::string spelled;
  const auto separate = [&spelled] {
    if (!spelled.empty() && spelled.back() != '(') {
      spelled += ' ';
    }
  };
  while (!(marker = trim(marker)).empty()) {
    const char first = marker.front();
    std::size_t length = 1;
    if (first == '\'' || first == '"') {
      const std::size_t close = marker.find(first, 1);
      length = close == std::string_view::npos ? marker.size() : close + 1;
      separate();
      spelled += '"' + std::string(marker.substr(1, length < 2 ? 0 : length - 2)) + '"';
    } else if (first == '(') {
      separate();
      spelled += first;
    } else if (first == ')') {
      spelled += first;
    } else {
      const bool symbol = k_operator_characters.find(first) != std::string_view::npos;
      length = symbol ? marker.find_first_not_of(k_operator_characters)
                      : marker.find_first_of(" \t()'\"<>=~!");
      length = std::min(length, marker.size());
      separate();
      spelled += marker.substr(0, length);
    }
    marker.remove_prefix(length);
  }
  return spelled;
}

// "foo[b, a]" → "foo[a,b]".
std::string spell_name_with_extras(std::string_view name) {
  const std::size_t bracket = name.find('[');
  if (bracket == std::string_view::npos) {
    return without_blanks(name);
  }
  const std::string list = without_blanks(name.substr(bracket + 1, name.rfind(']') - bracket - 1));
  std::vector<std::string> extras;
  for (const std::string_view extra : split(list, ',')) {
    extras.emplace_back(extra);
  }
  std::sort(extras.begin(), extras.end());
  return without_blanks(name.substr(0, bracket)) + "[" + join(extras, ",") + "]";
}

bool is_pypi_name(std::string_view name) {
  const std::string_view bare = name.substr(0, name.find('['));
  return !bare.empty() && std::all_of(bare.begin(), bare.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  }) && (bare.size() == name.size() || name.back() == ']');
}

}  // namespace

std::string spell_requirement(std::string_view name, std::string_view constraint) {
  const std::size_t begin = constraint.find_first_not_of(" =");
  const std::string_view value =
      begin == std::string_view::npos ? std::string_view() : constraint.substr(begin);
  if (value.empty() || value == "*") {
    return std::string(name);
  }
  return std::string(name) + "==" + std::string(value);
}

std::string spell_conda_spec(std::string_view text) {
  text = trim(text);
  if (text.find('[') != std::string_view::npos) {
    return without_blanks(text);
  }
  const std::size_t blank = text.find_first_of(k_blanks);
  if (blank != std::string_view::npos) {
    const std::string_view name = text.substr(0, blank);
    const std::string_view rest = trim(text.substr(blank));
    const bool plain = k_operator_characters.find(rest.front()) == std::string_view::npos &&
                       name.find_first_of(k_operator_characters) == std::string_view::npos;
    if (plain) {
      // "name version build": a blank stands where "=" would.
      const std::size_t build = rest.find_first_of(k_blanks);
      const std::string version = std::string(rest.substr(0, build));
      return spell_requirement(name, build == std::string_view::npos
                                         ? version
                                         : version + "=" + without_blanks(rest.substr(build)));
    }
  }
  return split_at_operator(without_blanks(text));
}

std::string spell_pip_item(std::string_view text) {
  text = trim(text);
  if (auto direct = spell_direct_reference(text)) {
    return *direct;
  }
  return split_at_operator(without_blanks(text));
}

std::string sort_specifiers(std::string_view constraint) {
  const std::string compact = without_blanks(constraint);
  std::vector<std::string> parts;
  for (const std::string_view part : split(compact, ',')) {
    if (!part.empty()) {
      parts.emplace_back(part);
    }
  }
  std::sort(parts.begin(), parts.end());
  return join(parts, ",");
}

std::optional<std::string> spell_pypi_requirement(std::string_view text) {
  std::string marker;
  std::string_view body = trim(text);
  const bool direct = body.find("://") != std::string_view::npos;
  // In a direct reference a semicolon belongs to the URL unless a blank precedes it.
  const std::size_t semicolon = direct ? body.find(" ;") : body.find(';');
  if (semicolon != std::string_view::npos) {
    const std::string_view rest = trim(body.substr(semicolon));
    marker = ";" + spell_marker(rest.substr(1));
    body = trim(body.substr(0, semicolon));
  }
  if (direct) {
    return spell_direct_reference(body).value_or(std::string(body)) + marker;
  }
  const std::size_t bracket_end = body.find(']');
  const std::size_t at =
      body.find_first_of("<>=~!( \t", bracket_end == std::string_view::npos ? 0 : bracket_end + 1);
  std::string_view constraint =
      at == std::string_view::npos ? std::string_view() : trim(body.substr(at));
  if (constraint.starts_with('(') && constraint.ends_with(')')) {
    constraint = constraint.substr(1, constraint.size() - 2);
  }
  const std::string name = spell_name_with_extras(body.substr(0, at));
  const bool operator_first =
      constraint.empty() ||
      k_operator_characters.find(constraint.front()) != std::string_view::npos;
  if (!is_pypi_name(name) || !operator_first) {
    return std::nullopt;
  }
  const std::string sorted = sort_specifiers(constraint);
  // The marker follows the constraint, or takes its place.
  return spell_requirement(name, sorted.empty() ? marker : sorted + marker);
}

std::string spell_index(std::string_view url) {
  const auto parsed = Url::parse(url);
  if (!parsed) {
    return url.find("://") == std::string_view::npos ? std::string(url) : redact_url(url);
  }
  if (parsed->userinfo.empty()) {
    return std::string(url);
  }
  Url bare = *parsed;
  bare.userinfo.clear();
  return bare.spell();
}

std::string without_double_equal(std::string_view requirement) {
  const std::size_t at = requirement.find("==");
  if (at == std::string_view::npos || at + 2 >= requirement.size()) {
    return std::string(requirement);
  }
  const std::string_view value = requirement.substr(at + 2);
  std::string bare(requirement.substr(0, at));
  if (value == "*") {
    return bare;
  }
  if (k_operator_characters.find(value.front()) != std::string_view::npos) {
    return bare + std::string(value);
  }
  return std::string(requirement);
}

}  // namespace athanor::coordinator

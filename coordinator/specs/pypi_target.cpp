#include "coordinator/specs/pypi_target.hpp"

#include "shared/base/strings.hpp"

#include <algorithm>
#include <charconv>

namespace athanor::coordinator {
namespace {

unsigned number_of(std::string_view text, unsigned otherwise) {
  unsigned value = otherwise;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end != text.data() ? value : otherwise;
}

// "2.27" → {2, 27}.
std::pair<unsigned, unsigned> two_numbers(std::string_view text, unsigned first, unsigned second) {
  const auto parts = split(text, '.');
  return {number_of(parts[0], first), parts.size() > 1 ? number_of(parts[1], second) : second};
}

std::string_view machine_of(std::string_view platform) {
  const std::string_view word = platform.substr(platform.find('-') + 1);
  return word == "64" ? "x86_64" : word == "32" ? "i686" : word;
}

void add_linux(const PypiTarget& target, std::vector<std::string>& tags) {
  constexpr unsigned k_oldest = 5;  // manylinux1
  const std::string machine(machine_of(target.platform));
  const auto [major, minor] = two_numbers(target.glibc.empty() ? "2.17" : target.glibc, 2, 17);
  const bool intel = machine == "x86_64" || machine == "i686";
  const unsigned oldest = intel ? k_oldest : 17;
  for (unsigned version = minor; major == 2 && version >= oldest; --version) {
    tags.push_back("manylinux_2_" + std::to_string(version) + "_" + machine);
    const std::string_view old_name = version == 17                  ? "manylinux2014"
                                      : version == 12 && intel       ? "manylinux2010"
                                      : version == k_oldest && intel ? "manylinux1"
                                                                     : "";
    if (!old_name.empty()) {
      tags.push_back(std::string(old_name) + "_" + machine);
    }
  }
  tags.push_back("linux_" + machine);
}

void add_macos(const PypiTarget& target, std::vector<std::string>& tags) {
  const bool arm = target.platform == "osx-arm64";
  const auto [major, minor] = two_numbers(target.macos.empty() ? "12.0" : target.macos, 12, 0);
  const auto add = [&](unsigned first, unsigned second) {
    for (const std::string_view format :
         arm ? std::vector<std::string_view>{"arm64", "universal2"}
             : std::vector<std::string_view>{"x86_64", "universal2", "intel", "fat64",
                                             "universal"}) {
      tags.push_back("macosx_" + std::to_string(first) + "_" + std::to_string(second) + "_" +
                     std::string(format));
    }
  };
  for (unsigned version = major; version >= 11; --version) {
    add(version, 0);
  }
  for (unsigned version = 16; !arm && version >= 4; --version) {
    add(10, version);
  }
  if (arm) {
    for (unsigned version = 16; version >= 4; --version) {
      tags.push_back("macosx_10_" + std::to_string(version) + "_universal2");
    }
  }
  static_cast<void>(minor);
}

bool has_tag(const std::vector<std::string_view>& tags, std::string_view tag) {
  return std::find(tags.begin(), tags.end(), tag) != tags.end();
}

// Interpreter and ABI tags that fit, the most special first.
std::vector<std::pair<std::string, std::string>> interpreter_tags(const PypiTarget& target) {
  const auto [major, minor] = two_numbers(target.python_version, 3, 0);
  const std::string digits = std::to_string(major) + std::to_string(minor);
  const std::string own = "cp" + digits;
  std::vector<std::pair<std::string, std::string>> tags = {
      {own, major == 3 && minor < 8 ? own + "m" : own}, {own, "abi3"}, {own, "none"}};
  for (unsigned older = minor; major == 3 && older-- > 2;) {
    tags.emplace_back("cp3" + std::to_string(older), "abi3");
  }
  tags.emplace_back("py" + digits, "none");
  tags.emplace_back("py" + std::to_string(major), "none");
  for (unsigned older = minor; older-- > 0;) {
    tags.emplace_back("py" + std::to_string(major) + std::to_string(older), "none");
  }
  return tags;
}

}  // namespace

std::string PypiTarget::python_minor() const {
  const auto [major, minor] = two_numbers(python_version, 3, 0);
  return std::to_string(major) + "." + std::to_string(minor);
}

std::vector<std::string> platform_tags(const PypiTarget& target) {
  std::vector<std::string> tags;
  if (target.platform.starts_with("linux-")) {
    add_linux(target, tags);
  } else if (target.platform.starts_with("osx-")) {
    add_macos(target, tags);
  } else if (target.platform == "win-64") {
    tags.emplace_back("win_amd64");
  } else if (target.platform == "win-32") {
    tags.emplace_back("win32");
  } else if (target.platform == "win-arm64") {
    tags.emplace_back("win_arm64");
  }
  return tags;
}

std::optional<std::size_t> wheel_rank(std::string_view filename, const PypiTarget& target) {
  constexpr std::string_view k_extension = ".whl";
  if (!filename.ends_with(k_extension)) {
    return std::nullopt;
  }
  filename.remove_suffix(k_extension.size());
  const auto parts = split(filename, '-');
  if (parts.size() < 5 || parts.size() > 6) {
    return std::nullopt;
  }
  const auto pythons = split(parts[parts.size() - 3], '.');
  const auto abis = split(parts[parts.size() - 2], '.');
  const auto platforms = split(parts[parts.size() - 1], '.');
  std::vector<std::string> ours = platform_tags(target);
  ours.emplace_back("any");
  std::size_t rank = 0;
  for (const auto& [python, abi] : interpreter_tags(target)) {
    for (const std::string& platform : ours) {
      if (has_tag(pythons, python) && has_tag(abis, abi) && has_tag(platforms, platform)) {
        return rank;
      }
      ++rank;
    }
  }
  return std::nullopt;
}

std::string normal_name(std::string_view name) {
  std::string normal;
  for (const char c : to_lower(name)) {
    const bool separator = c == '-' || c == '_' || c == '.';
    if (!separator) {
      normal += c;
    } else if (!normal.empty() && normal.back() != '-') {
      normal += '-';
    }
  }
  return normal;
}

}  // namespace athanor::coordinator

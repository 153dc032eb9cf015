#include "coordinator/intake/formats.hpp"
#include "shared/base/strings.hpp"

#include <algorithm>
#include <limits>

namespace athanor::coordinator {
namespace {

constexpr std::size_t k_comment = std::numeric_limits<std::size_t>::max();

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), text) != names.end();
}

// Rebuilds the indentation line by line: what a line is follows from its own words and from the
// line after it, since the keys of a pixi.lock are known.
class Restorer {
 public:
  explicit Restorer(const std::string& text)
      : lines_(split(text, '\n')) {}

  std::string restore() {
    std::string restored;
    for (at_ = 0; at_ < lines_.size(); ++at_) {
      const std::string_view line = lines_[at_];
      if (!trim(line).empty() && line.front() != '#') {
        const std::size_t indentation = indentation_of(line);
        restored += indentation == k_comment ? "#" : std::string(indentation, ' ');
      }
      restored += line;
      if (at_ + 1 < lines_.size()) {
        restored += '\n';
      }
    }
    return restored;
  }

 private:
  enum class Part { top, platforms, environments, packages };

  std::string_view following() const {
    for (std::size_t i = at_ + 1; i < lines_.size(); ++i) {
      if (const std::string_view line = trim(lines_[i]); !line.empty() && line.front() != '#') {
        return line;
      }
    }
    return {};
  }

  // Whether the list of all packages begins here, rather than the packages of an environment.
  bool begins_all_packages(std::string_view line) const {
    return line == "packages: []" || (line == "packages:" && following().starts_with("- "));
  }

  std::size_t indentation_of(std::string_view raw) {
    const std::string_view line = trim(raw);
    if (line == "environments:") {
      part_ = Part::environments;
      return 0;
    }
    if (part_ != Part::packages && begins_all_packages(line)) {
      part_ = Part::packages;
      return 0;
    }
    switch (part_) {
      case Part::top:
        part_ = line == "platforms:" ? Part::platforms : Part::top;
        return 0;
      case Part::platforms:
        return line.starts_with("- name:") ? 0 : 2;
      case Part::environments:
        return inside_environments(line);
      case Part::packages:
        return inside_packages(line);
    }
    return 0;
  }

  std::size_t inside_environments(std::string_view line) {
    const std::string_view key = line.substr(0, line.find(':'));
    if (line.ends_with(':') && following() == "channels:") {
      within_ = {};
      return 2;  // an environment's name
    }
    if (within_ != "packages" && is_one_of(key, {"channels", "indexes", "options", "find-links"})) {
      within_ = key;
      return 4;
    }
    if (key == "packages") {
      within_ = key;
      return 4;
    }
    if (within_ != "packages") {
      return line.starts_with("- ") ? 4 : 6;
    }
    const bool item = line.starts_with("- ");
    const bool label = line.ends_with(':') || line.ends_with("[]") || line.ends_with("{}");
    return item || label ? 6 : 8;
  }

  // Which of the other keys are nested in which can't be told any more, and none of them is needed:
  // they and their items become comments.
  std::size_t inside_packages(std::string_view line) {
    for (const std::string_view first : {"- conda:", "- pypi:", "- conda_source:", "- kind:"}) {
      if (line.starts_with(first)) {
        has_kind_ = first == "- kind:";
        in_depends_ = false;
        seen_.clear();
        return 0;
      }
    }
    if (line.starts_with("- ")) {
      return in_depends_ ? 2 : k_comment;
    }
    const std::string_view key = line.substr(0, line.find(':'));
    in_depends_ = key == "depends" && !is_one_of_seen(key);
    const bool needed = is_one_of(key, {"md5", "sha256", "size", "depends"}) ||
                        (has_kind_ && is_one_of(key, {"url", "path"}));
    if (!needed || is_one_of_seen(key)) {
      return k_comment;
    }
    seen_.push_back(key);
    return 2;
  }

  bool is_one_of_seen(std::string_view key) const {
    return std::find(seen_.begin(), seen_.end(), key) != seen_.end();
  }

  std::vector<std::string_view> lines_;
  std::size_t at_ = 0;
  Part part_ = Part::top;
  std::string_view within_;             // which part of an environment
  bool has_kind_ = false;               // the package says where it is in `url` or `path`
  bool in_depends_ = false;             // the items that follow are dependencies
  std::vector<std::string_view> seen_;  // keys of the package so far
};

}  // namespace

std::string restore_pixi_indentation(const std::string& text) {
  const bool indented = text.find("\n ") != std::string::npos ||
                        text.find("\n\t") != std::string::npos || text.starts_with(' ');
  return indented ? text : Restorer(text).restore();
}

}  // namespace athanor::coordinator

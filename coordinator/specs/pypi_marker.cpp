#include "coordinator/specs/pypi_target.hpp"
#include "shared/base/strings.hpp"
#include "shared/conda/version.hpp"

#include <map>

namespace athanor::coordinator {
namespace {

constexpr std::size_t k_depth = 32;

std::map<std::string, std::string, std::less<>> variables_of(const PypiTarget& target) {
  const bool linux_family = target.platform.starts_with("linux-");
  const bool osx = target.platform.starts_with("osx-");
  const std::string_view word =
      std::string_view(target.platform).substr(target.platform.find('-') + 1);
  const std::string machine = word == "64"   ? (linux_family || osx ? "x86_64" : "AMD64")
                              : word == "32" ? (linux_family ? "i686" : "x86")
                                             : std::string(word);
  return {{"os_name", linux_family || osx ? "posix" : "nt"},
          {"sys_platform", linux_family ? "linux"
                           : osx        ? "darwin"
                                        : "win32"},
          {"platform_system", linux_family ? "Linux"
                              : osx        ? "Darwin"
                                           : "Windows"},
          {"platform_machine", machine},
          {"platform_python_implementation", "CPython"},
          {"implementation_name", "cpython"},
          {"implementation_version", target.python_version},
          {"python_version", target.python_minor()},
          {"python_full_version", target.python_version},
          {"platform_release", ""},
          {"platform_version", ""},
          {"extra", ""},
          {"extras", ""},
          {"dependency_groups", ""}};
}

// A recursive descent over the marker's grammar; "and" binds more tightly than "or".
class MarkerReader {
 public:
  MarkerReader(std::string_view text, const PypiTarget& target)
      : text_(text),
        rest_(text),
        variables_(variables_of(target)) {}

  Result<bool> read() {
    ATHANOR_ASSIGN(const bool holds, either(0));
    skip_blanks();
    return rest_.empty() ? Result<bool>(holds) : Result<bool>(wrong());
  }

 private:
  Result<bool> either(std::size_t depth) {
    ATHANOR_ASSIGN(bool holds, both(depth));
    while (take_word("or")) {
      ATHANOR_ASSIGN(const bool next, both(depth));
      holds = holds || next;
    }
    return holds;
  }

  Result<bool> both(std::size_t depth) {
    ATHANOR_ASSIGN(bool holds, one(depth));
    while (take_word("and")) {
      ATHANOR_ASSIGN(const bool next, one(depth));
      holds = holds && next;
    }
    return holds;
  }

  Result<bool> one(std::size_t depth) {
    skip_blanks();
    if (depth > k_depth) {
      return wrong();
    }
    if (rest_.starts_with('(')) {
      rest_.remove_prefix(1);
      ATHANOR_ASSIGN(const bool holds, either(depth + 1));
      skip_blanks();
      if (!rest_.starts_with(')')) {
        return wrong();
      }
      rest_.remove_prefix(1);
      return holds;
    }
    ATHANOR_ASSIGN(const Operand left, operand());
    ATHANOR_ASSIGN(const std::string comparison, comparison_word());
    ATHANOR_ASSIGN(const Operand right, operand());
    return compare(left, comparison, right);
  }

  struct Operand {
    std::string value = {};
    bool is_version = false;
  };

  Result<Operand> operand() {
    skip_blanks();
    if (rest_.starts_with('"') || rest_.starts_with('\'')) {
      const std::size_t close = rest_.find(rest_.front(), 1);
      if (close == std::string_view::npos) {
        return wrong();
      }
      Operand made{.value = std::string(rest_.substr(1, close - 1))};
      rest_.remove_prefix(close + 1);
      return made;
    }
    const std::size_t end = rest_.find_first_of(" \t()<>=!~'\"");
    const std::string_view word = rest_.substr(0, end);
    const auto found = variables_.find(word);
    if (found == variables_.end()) {
      return wrong();
    }
    rest_.remove_prefix(word.size());
    return Operand{.value = found->second,
                   .is_version = word.ends_with("_version") && !word.starts_with("platform_")};
  }

  Result<std::string> comparison_word() {
    skip_blanks();
    for (const std::string_view word :
         {"===", "==", "!=", "<=", ">=", "~=", "<", ">", "not in", "in"}) {
      if (rest_.starts_with(word)) {
        rest_.remove_prefix(word.size());
        return std::string(word);
      }
    }
    return wrong();
  }

  static Result<bool> compare(const Operand& left, const std::string& comparison,
                              const Operand& right) {
    if (comparison == "in" || comparison == "not in") {
      const bool in = right.value.find(left.value) != std::string::npos;
      return in == (comparison == "in");
    }
    if (!left.is_version && !right.is_version) {
      const int order = left.value.compare(right.value);
      return holds(comparison, order);
    }
    const std::string& pattern = left.is_version ? right.value : left.value;
    if (pattern.ends_with(".*")) {
      const std::string prefix = pattern.substr(0, pattern.size() - 1);
      const bool begins = (left.is_version ? left.value : right.value).starts_with(prefix);
      return comparison == "!=" ? !begins : begins;
    }
    ATHANOR_ASSIGN(const Version a, Version::parse(left.value));
    ATHANOR_ASSIGN(const Version b, Version::parse(right.value));
    if (comparison == "~=") {
      return a.is_compatible_with(b);
    }
    return holds(comparison, a < b ? -1 : b < a ? 1 : 0);
  }

  static bool holds(const std::string& comparison, int order) {
    return comparison == "<"    ? order < 0
           : comparison == ">"  ? order > 0
           : comparison == "<=" ? order <= 0
           : comparison == ">=" ? order >= 0
           : comparison == "!=" ? order != 0
                                : order == 0;
  }

  bool take_word(std::string_view word) {
    skip_blanks();
    const std::string_view next = rest_.substr(word.size() < rest_.size() ? word.size() : 0);
    if (!rest_.starts_with(word) ||
        (!next.empty() &&
         std::string_view(" \t('\"").find(next.front()) == std::string_view::npos)) {
      return false;
    }
    rest_.remove_prefix(word.size());
    return true;
  }

  void skip_blanks() {
    while (rest_.starts_with(' ') || rest_.starts_with('\t')) {
      rest_.remove_prefix(1);
    }
  }

  Error wrong() const {
    return make_error(ErrorKind::invalid,
                      "'" + printable(text_, 200) + "' is not an environment marker");
  }

  std::string_view text_;
  std::string_view rest_;
  std::map<std::string, std::string, std::less<>> variables_;
};

}  // namespace

Result<bool> marker_holds(std::string_view marker, const PypiTarget& target) {
  return MarkerReader(marker, target).read();
}

}  // namespace athanor::coordinator

#include "coordinator/intake/manifest.hpp"
#include "coordinator/intake/references.hpp"
#include "shared/base/strings.hpp"

namespace athanor::coordinator {
namespace {

class RequirementsTxt final : public Manifest {
 public:
  explicit RequirementsTxt(Requirements requirements)
      : requirements_(std::move(requirements)) {}

  std::optional<Requirements> requirements(const RequirementScope& /*scope*/) const override {
    return requirements_;
  }

 private:
  Requirements requirements_;
};

// The part before a comment, which begins at a "#" that stands first or after a blank.
std::string_view without_comment(std::string_view line) {
  for (std::size_t at = line.find('#'); at != std::string_view::npos; at = line.find('#', at + 1)) {
    if (at == 0 || line[at - 1] == ' ' || line[at - 1] == '\t') {
      return trim(line.substr(0, at));
    }
  }
  return trim(line);
}

class Reader {
 public:
  explicit Reader(const InputText& input)
      : input_(input) {}

  Result<std::unique_ptr<Manifest>> read() {
    std::string pending;  // of lines that end in a backslash
    std::size_t begin = 0;
    std::size_t number = 0;
    for (const std::string_view raw : split(input_.text, '\n')) {
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
      ATHANOR_TRY(read_line(trim(pending), begin));
      pending.clear();
    }
    ATHANOR_TRY(read_line(trim(pending), begin));
    return std::unique_ptr<Manifest>(std::make_unique<RequirementsTxt>(std::move(requirements_)));
  }

 private:
  Result<void> read_line(std::string_view line, std::size_t number) {
    if (line.empty()) {
      return {};
    }
    if (line.front() == '-') {
      return read_option(line, number);
    }
    // Hashes for pip are not part of what is wanted.
    if (const std::size_t hash = line.find(" --hash"); hash != std::string_view::npos) {
      line = trim(line.substr(0, hash));
    }
    auto spelled = spell_pypi_requirement(line);
    if (!spelled) {
      return input_.error(number, "expected a requirement like 'requests>=2.21', found '" +
                                      printable(line, 80) + "'");
    }
    requirements_.deps["pypi"].push_back(std::move(*spelled));
    return {};
  }

  Result<void> read_option(std::string_view line, std::size_t number) {
    const std::size_t end = line.find_first_of(" \t=");
    const std::string option(line.substr(0, end));
    const std::string value(end == std::string_view::npos ? std::string_view()
                                                          : trim(line.substr(end + 1)));
    if (option == "--pre" || option == "--no-index") {
      requirements_.extras["pypi"].push_back(option);
      return {};
    }
    if (option == "-i" || option == "--index-url") {
      return {};  // The extension takes its own index.
    }
    if (value.empty()) {
      return input_.error(number, "'" + printable(option, 80) + "' without a value");
    }
    if (option == "--extra-index-url") {
      requirements_.sources["pypi"].push_back(value);
    } else if (option == "-f" || option == "--find-links" || option == "--trusted-host") {
      requirements_.extras["pypi"].push_back(option + " " + value);
    } else if (option == "--conda-channel") {
      requirements_.sources["conda"].push_back(spell_channel(value));
    } else if (option == "--conda-pkg") {
      requirements_.deps["npconda"].push_back(spell_conda_spec(value));
    } else if (option == "--sys-pkg") {
      requirements_.deps["sys"].push_back(spell_conda_spec(value));
    } else {
      return input_.error(number, "'" + printable(option, 80) + "' is not known here",
                          "known: --extra-index-url, --index-url, --find-links, --trusted-host, "
                          "--pre, --no-index, --conda-channel, --conda-pkg, --sys-pkg");
    }
    return {};
  }

  const InputText& input_;
  Requirements requirements_;
};

}  // namespace

Result<std::unique_ptr<Manifest>> parse_requirements_txt(const InputText& input) {
  return Reader(input).read();
}

}  // namespace athanor::coordinator

#include "coordinator/specs/pylock.hpp"

#include "coordinator/intake/manifest.hpp"
#include "shared/base/strings.hpp"
#include "shared/conda/version_spec.hpp"
#include "shared/config/toml.hpp"
#include "shared/json/view.hpp"
#include "shared/net/url.hpp"

#include <algorithm>
#include <map>

namespace athanor::coordinator {
namespace {

constexpr std::size_t k_packages = 100'000;

std::string file_name_of(std::string_view url) {
  url = url.substr(0, url.find_first_of("#?"));
  return percent_decode(url.substr(url.rfind('/') + 1));
}

class PylockReader {
 public:
  PylockReader(const InputText& input, const PypiTarget& target)
      : input_(input),
        target_(target) {}

  Result<std::vector<PackageReference>> read() {
    ATHANOR_ASSIGN(const Json document, config::parse_toml(input_.text, input_.name));
    const JsonView root(document);
    ATHANOR_ASSIGN(const std::string_view version, root.string("lock-version"));
    if (version != "1.0") {
      Error error = input_.error(
          0, "pylock.toml version '" + printable(version, 40) + "' is not known; known: 1.0");
      error.kind = ErrorKind::unsupported;
      return error;
    }
    ATHANOR_TRY(check_groups(root));
    ATHANOR_TRY(check_python(root));
    ATHANOR_ASSIGN(const JsonView list, root.member("packages"));
    ATHANOR_ASSIGN(const auto items, list.items());
    if (items.size() > k_packages) {
      return input_.error(0, "more than " + std::to_string(k_packages) + " packages");
    }
    for (const JsonView& item : items) {
      ATHANOR_TRY(read_package(item));
    }
    return std::move(wheels_);
  }

 private:
  // Packages are taken as installers take them when no extra and no group is asked for.
  Result<void> check_groups(const JsonView& root) const {
    ATHANOR_ASSIGN(const auto groups, root.optional_member("default-groups"));
    if (!groups) {
      return {};
    }
    ATHANOR_ASSIGN(const auto names, groups->items());
    if (names.empty()) {
      return {};
    }
    Error error = input_.error(groups->value().line(), "default dependency groups aren't read",
                               "lock what is wanted without groups, or name none as default");
    error.kind = ErrorKind::unsupported;
    return error;
  }

  Result<void> check_python(const JsonView& view) const {
    ATHANOR_ASSIGN(const auto required, view.optional_string("requires-python"));
    if (!required || required->empty()) {
      return {};
    }
    ATHANOR_ASSIGN(const VersionSpec spec, VersionSpec::parse(*required));
    ATHANOR_ASSIGN(const Version python, Version::parse(target_.python_version));
    if (spec.matches(python)) {
      return {};
    }
    return input_.error(view.value().line(), "needs python " + printable(*required, 80) +
                                                 ", but the environment has " +
                                                 target_.python_version);
  }

  Result<void> read_package(const JsonView& item) {
    ATHANOR_ASSIGN(const std::string_view name, item.string("name"));
    ATHANOR_ASSIGN(const auto marker, item.optional_string("marker"));
    if (marker) {
      auto holds = marker_holds(*marker, target_);
      if (!holds) {
        return input_.at_line(item.value().line(), std::move(holds).error());
      }
      if (!*holds) {
        return {};
      }
    }
    ATHANOR_TRY(check_python(item));
    const std::size_t line = item.value().line();
    if (!lines_.emplace(normal_name(name), line).second) {
      return input_.error(line, "'" + printable(name, 80) + "' is there twice for " +
                                    target_.platform + " and python " + target_.python_version);
    }
    return choose_wheel(name, item);
  }

  Result<void> choose_wheel(std::string_view name, const JsonView& item) {
    const std::size_t line = item.value().line();
    ATHANOR_ASSIGN(const auto list, item.optional_member("wheels"));
    std::vector<JsonView> wheels;
    if (list) {
      ATHANOR_ASSIGN(wheels, list->items());
    }
    ATHANOR_ASSIGN(const auto archive, item.optional_member("archive"));
    if (archive) {
      wheels.push_back(*archive);
    }
    std::optional<std::size_t> best;
    std::optional<JsonView> chosen;
    for (const JsonView& wheel : wheels) {
      ATHANOR_ASSIGN(const std::string file, wheel_name(wheel));
      const auto rank = wheel_rank(file, target_);
      if (rank && (!best || *rank < *best)) {
        best = rank;
        chosen = wheel;
      }
    }
    if (!chosen) {
      return no_wheel(name, item, !wheels.empty());
    }
    return add(*chosen, line);
  }

  static Result<std::string> wheel_name(const JsonView& wheel) {
    ATHANOR_ASSIGN(const auto name, wheel.optional_string("name"));
    ATHANOR_ASSIGN(const auto url, wheel.optional_string("url"));
    return name ? std::string(*name) : url ? file_name_of(*url) : std::string();
  }

  Error no_wheel(std::string_view name, const JsonView& item, bool has_wheels) const {
    std::string what =
        "no wheel of it runs on " + target_.platform + " with python " + target_.python_version;
    std::string hint = "build a wheel of it and put it on an index";
    if (!has_wheels) {
      what = item.value().find("sdist") != nullptr       ? "only an sdist of it is named"
             : item.value().find("vcs") != nullptr       ? "it is a revision of a repository"
             : item.value().find("directory") != nullptr ? "it is a directory"
                                                         : "no file of it is named";
    }
    Error error = input_.error(item.value().line(),
                               "'" + printable(name, 80) + "' can't be cached: " + what, hint);
    error.kind = ErrorKind::unsupported;
    return error;
  }

  Result<void> add(const JsonView& wheel, std::size_t line) {
    ATHANOR_ASSIGN(const auto url, wheel.optional_string("url"));
    if (!url) {
      return input_.error(line, "a wheel without 'url'",
                          "a path on some machine can't be fetched by workers");
    }
    auto source = SourceUrl::parse(*url, PackageType::pypi);
    if (!source) {
      return input_.at_line(line, std::move(source).error());
    }
    PackageReference reference{.source = std::move(*source),
                               .expected = {},
                               .position = {.file = input_.name, .line = line}};
    ATHANOR_ASSIGN(const auto hashes, wheel.optional_member("hashes"));
    if (hashes) {
      ATHANOR_ASSIGN(const auto sha256, hashes->optional_string("sha256"));
      reference.expected.sha256 = sha256 ? Sha256::from_hex(*sha256) : std::nullopt;
    }
    ATHANOR_ASSIGN(reference.expected.size, wheel.optional_unsigned("size"));
    wheels_.push_back(std::move(reference));
    return {};
  }

  const InputText& input_;
  const PypiTarget& target_;
  std::map<std::string, std::size_t> lines_;
  std::vector<PackageReference> wheels_;
};

}  // namespace

bool is_pylock(std::string_view text) {
  return text.starts_with("lock-version") || text.find("\nlock-version") != std::string_view::npos;
}

Result<std::vector<std::string>> pylock_requirements(const InputText& input) {
  ATHANOR_ASSIGN(const Json document, config::parse_toml(input.text, input.name));
  ATHANOR_ASSIGN(const JsonView list, JsonView(document).member("packages"));
  ATHANOR_ASSIGN(const auto items, list.items());
  std::vector<std::string> requirements;
  for (const JsonView& item : items) {
    ATHANOR_ASSIGN(const std::string_view name, item.string("name"));
    ATHANOR_ASSIGN(const auto version, item.optional_string("version"));
    ATHANOR_ASSIGN(const auto marker, item.optional_string("marker"));
    std::string text(name);
    text += version ? "==" + std::string(*version) : "";
    text += marker ? "; " + std::string(*marker) : "";
    auto spelled = spell_pypi_requirement(text);
    if (!spelled) {
      return input.error(item.value().line(),
                         "'" + printable(text, 200) + "' is no package with its version");
    }
    requirements.push_back(std::move(*spelled));
  }
  return requirements;
}

Result<std::vector<PackageReference>> read_pylock(const InputText& input,
                                                  const PypiTarget& target) {
  return PylockReader(input, target).read();
}

}  // namespace athanor::coordinator

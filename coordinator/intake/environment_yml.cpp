#include "coordinator/intake/manifest.hpp"
#include "coordinator/intake/references.hpp"
#include "coordinator/intake/yaml_reader.hpp"
#include "shared/base/strings.hpp"

namespace athanor::coordinator {
namespace {

// environment.yml: the same for every platform. With conda-lock's key `category` it speaks of that
// category alone.
class EnvironmentYml final : public Manifest {
 public:
  EnvironmentYml(Requirements requirements, std::string category, std::vector<std::string> warnings)
      : requirements_(std::move(requirements)),
        category_(std::move(category)),
        warnings_(std::move(warnings)) {}

  std::optional<Requirements> requirements(const RequirementScope& scope) const override {
    if (!category_.empty() && category_ != scope.environment && category_ != "main") {
      return std::nullopt;
    }
    return requirements_;
  }
  std::vector<std::string> warnings() const override { return warnings_; }

 private:
  Requirements requirements_;
  std::string category_;
  std::vector<std::string> warnings_;
};

class Reader {
 public:
  explicit Reader(const InputText& input)
      : input_(input),
        yaml_(input) {}

  Result<std::unique_ptr<Manifest>> read() {
    ATHANOR_TRY(yaml_.mapping("environment.yml", [&](std::string_view key, std::size_t /*line*/) {
      return read_key(key);
    }));
    ATHANOR_TRY(yaml_.expect_end());
    if (!python_.empty()) {
      requirements_.deps["conda"].push_back(python_);
    }
    return std::unique_ptr<Manifest>(std::make_unique<EnvironmentYml>(
        std::move(requirements_), std::move(category_), std::move(warnings_)));
  }

 private:
  Result<void> read_key(std::string_view key) {
    if (key == "channels") {
      return yaml_.sequence("channels", [&]() -> Result<void> {
        ATHANOR_ASSIGN(const std::string channel, yaml_.scalar("channels"));
        requirements_.sources["conda"].push_back(spell_channel(channel));
        return {};
      });
    }
    if (key == "pypi-indices") {
      return yaml_.sequence("pypi-indices", [&]() -> Result<void> {
        ATHANOR_ASSIGN(std::string index, yaml_.scalar("pypi-indices"));
        requirements_.sources["pypi"].push_back(std::move(index));
        return {};
      });
    }
    if (key == "category") {
      ATHANOR_ASSIGN(category_, yaml_.scalar("category"));
      return {};
    }
    return key == "dependencies" ? yaml_.sequence("dependencies", [&] { return read_dependency(); })
                                 : yaml_.skip();
  }

  Result<void> read_dependency() {
    ATHANOR_ASSIGN(const auto* event, yaml_.peek());
    if (event->kind == YamlReader::Kind::scalar) {
      ATHANOR_ASSIGN(const std::string text, yaml_.scalar("dependencies"));
      add_conda(text);
      return {};
    }
    return yaml_.mapping("dependencies", [&](std::string_view key, std::size_t line) {
      if (key != "pip" && key != "sys") {
        return Result<void>(
            input_.error(line, "dependencies: expected a package, 'pip:' or 'sys:', found '" +
                                   printable(key, 80) + ":'"));
      }
      const bool pip = key == "pip";
      return yaml_.sequence(key, [&]() -> Result<void> { return read_nested(pip); });
    });
  }

  Result<void> read_nested(bool pip) {
    ATHANOR_ASSIGN(const auto* event, yaml_.peek());
    const std::size_t line = event->line;
    ATHANOR_ASSIGN(const std::string text, yaml_.scalar(pip ? "pip" : "sys"));
    if (!pip) {
      requirements_.deps["sys"].push_back(spell_conda_spec(text));
    } else if (trim(text).starts_with('-') || trim(text).starts_with('.')) {
      warnings_.push_back(
          input_.error(line, "'" + printable(text, 80) + "' is not part of the requirement")
              .message);
    } else {
      requirements_.deps["pypi"].push_back(spell_pip_item(text));
    }
    return {};
  }

  // The extension keeps python apart and appends it.
  void add_conda(const std::string& text) {
    std::string spelled = spell_conda_spec(text);
    if (spelled == "python" || spelled.starts_with("python==")) {
      python_ = std::move(spelled);
    } else if (!spelled.empty()) {
      requirements_.deps["conda"].push_back(std::move(spelled));
    }
  }

  const InputText& input_;
  YamlReader yaml_;
  Requirements requirements_;
  std::string python_;
  std::string category_;
  std::vector<std::string> warnings_;
};

}  // namespace

Result<std::unique_ptr<Manifest>> parse_environment_yml(const InputText& input) {
  return Reader(input).read();
}

}  // namespace athanor::coordinator

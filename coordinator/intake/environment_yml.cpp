#include "coordinator/intake/manifest.hpp"
#include "coordinator/intake/pypi_lines.hpp"
#include "coordinator/intake/references.hpp"
#include "coordinator/intake/selector.hpp"
#include "coordinator/intake/yaml_reader.hpp"
#include "shared/base/strings.hpp"

#include <map>

namespace athanor::coordinator {
namespace {

// One item of the lists, with the platforms that it is meant for.
struct Item {
  enum class Kind { conda, pip, system };
  Kind kind = Kind::conda;
  std::string text = {};
  std::size_t line = 0;
  std::string selector = {};  // empty: all platforms
};

struct Document {
  ManifestEnvironment environment = {};
  std::string category = {};  // conda-lock's: the file speaks of that category alone
  std::vector<std::string> channels = {};
  std::vector<std::string> indexes = {};
  std::vector<Item> items = {};
};

// "pandas=>=1.0", which the extension reads, as conda writes it: "pandas>=1.0".
std::string as_match_spec(const std::string& text) {
  const std::size_t equal = text.find_first_of("<>=!~[ ");
  if (equal == std::string::npos || text[equal] != '=') {
    return text;
  }
  const std::size_t next = text.find_first_not_of("= ", equal);
  const bool is_operator =
      next != std::string::npos && std::string_view("<>!~").find(text[next]) != std::string::npos;
  return is_operator ? text.substr(0, equal) + text.substr(next) : text;
}

class EnvironmentYml final : public Manifest {
 public:
  EnvironmentYml(InputText input, Document document, std::vector<std::string> warnings)
      : input_(std::move(input)),
        document_(std::move(document)),
        warnings_(std::move(warnings)) {}

  std::vector<ManifestEnvironment> environments() const override { return {document_.environment}; }

  std::optional<Wanted> wanted(const RequirementScope& scope) const override {
    const std::string& category = document_.category;
    if (!category.empty() && category != scope.environment && category != "main") {
      return std::nullopt;
    }
    std::vector<std::string> heard_before;
    auto built = build(scope.platform, heard_before);
    return built ? std::optional<Wanted>(std::move(*built)) : std::nullopt;
  }
  std::vector<std::string> warnings() const override { return warnings_; }

  // What is wanted on the platform; on all of them if it is empty.
  Result<Wanted> build(std::string_view platform, std::vector<std::string>& warnings) const {
    Wanted wanted;
    for (const std::string& channel : document_.channels) {
      if (channel == "nodefaults") {
        wanted.only_these_channels = true;
        continue;
      }
      wanted.requirements.sources["conda"].push_back(spell_channel(channel));
      wanted.channels.push_back(channel);
    }
    for (const std::string& index : document_.indexes) {
      wanted.requirements.sources["pypi"].push_back(spell_index(index));
      wanted.extra_indexes.push_back(index);
    }
    std::string python;  // The extension keeps it apart and appends it.
    PypiLines pip(PypiDialect::environment_yml, wanted, warnings);
    for (const Item& item : document_.items) {
      if (!platform.empty() && !item.selector.empty() &&
          !selects_platform(item.selector, platform).value_or(true)) {
        continue;
      }
      if (item.kind == Item::Kind::pip) {
        ATHANOR_TRY(pip.read_line(input_, item.text, item.line));
      } else if (item.kind == Item::Kind::system) {
        wanted.requirements.deps["sys"].push_back(spell_conda_spec(item.text));
      } else {
        add_conda(item, wanted, python);
      }
    }
    if (!python.empty()) {
      wanted.requirements.deps["conda"].push_back(std::move(python));
    }
    return wanted;
  }

 private:
  void add_conda(const Item& item, Wanted& wanted, std::string& python) const {
    std::string spelled = spell_conda_spec(item.text);
    if (spelled.empty()) {
      return;
    }
    if (spelled == "python" || spelled.starts_with("python==")) {
      python = std::move(spelled);
    } else {
      wanted.requirements.deps["conda"].push_back(std::move(spelled));
    }
    wanted.conda.push_back(
        {.text = as_match_spec(item.text), .position = {.file = input_.name, .line = item.line}});
  }

  InputText input_;
  Document document_;
  std::vector<std::string> warnings_;
};

class Reader {
 public:
  explicit Reader(const InputText& input)
      : input_(input),
        yaml_(input),
        lines_(split(input.text, '\n')) {}

  Result<std::unique_ptr<Manifest>> read() {
    ATHANOR_TRY(yaml_.mapping("environment.yml", [&](std::string_view key, std::size_t /*line*/) {
      return read_key(key);
    }));
    ATHANOR_TRY(yaml_.expect_end());
    if (!document_.category.empty()) {
      document_.environment.name = document_.category;
    }
    InputText about{.name = input_.name, .text = {}, .folder = input_.folder};
    auto manifest = std::make_unique<EnvironmentYml>(about, document_, std::vector<std::string>());
    // Everything is looked at once now, so that what is wrong is said now.
    ATHANOR_TRY(manifest->build({}, warnings_));
    return std::unique_ptr<Manifest>(std::make_unique<EnvironmentYml>(
        std::move(about), std::move(document_), std::move(warnings_)));
  }

 private:
  Result<void> read_key(std::string_view key) {
    if (key == "channels") {
      return read_texts(key, document_.channels);
    }
    if (key == "pypi-indices" || key == "pip-repositories") {
      return read_texts(key, document_.indexes);
    }
    if (key == "platforms" || key == "platform") {
      return read_platforms(key);
    }
    if (key == "category") {
      ATHANOR_ASSIGN(document_.category, yaml_.scalar(key));
      return {};
    }
    if (key == "name") {
      ATHANOR_ASSIGN(document_.environment.name, yaml_.scalar(key));
      return {};
    }
    return key == "dependencies" ? yaml_.sequence(key, [&] { return read_dependency(); })
                                 : yaml_.skip();
  }

  Result<void> read_texts(std::string_view key, std::vector<std::string>& texts) {
    return yaml_.sequence(key, [&]() -> Result<void> {
      ATHANOR_ASSIGN(std::string text, yaml_.scalar(key));
      texts.push_back(std::move(text));
      return {};
    });
  }

  Result<void> read_platforms(std::string_view key) {
    const auto read_one = [&]() -> Result<void> {
      ATHANOR_ASSIGN(const auto* event, yaml_.peek());
      const std::size_t line = event->line;
      ATHANOR_ASSIGN(const std::string name, yaml_.scalar(key));
      return add_platform(name, line);
    };
    ATHANOR_ASSIGN(const auto* event, yaml_.peek());
    return event->kind == YamlReader::Kind::scalar && !event->is_null
               ? read_one()
               : yaml_.sequence(key, read_one);
  }

  Result<void> add_platform(std::string_view name, std::size_t line) {
    ATHANOR_ASSIGN(std::string platform, read_platform(input_, name, line));
    document_.environment.platforms.push_back(std::move(platform));
    return {};
  }

  Result<void> read_dependency() {
    ATHANOR_ASSIGN(const auto* event, yaml_.peek());
    if (event->kind == YamlReader::Kind::scalar) {
      return take_item(Item::Kind::conda, "dependencies");
    }
    return yaml_.mapping("dependencies", [&](std::string_view key, std::size_t line) {
      return read_nested(key, line);
    });
  }

  Result<void> read_nested(std::string_view key, std::size_t line) {
    if (key == "pip" || key == "sys") {
      const auto kind = key == "pip" ? Item::Kind::pip : Item::Kind::system;
      return yaml_.sequence(key, [&] { return take_item(kind, key); });
    }
    if (key.starts_with("sel(") && key.ends_with(')')) {
      const std::string selector(key.substr(4, key.size() - 5));
      if (!selects_platform(selector, "linux-64")) {
        return input_.error(line, "'" + printable(key, 80) + "' names no platform",
                            "sel(linux), sel(osx), sel(win) and sel(unix) do");
      }
      ATHANOR_TRY(take_item(Item::Kind::conda, key));
      document_.items.back().selector = selector;
      return {};
    }
    return input_.error(line, "dependencies: expected a package, 'pip:' or 'sys:', found '" +
                                  printable(key, 80) + ":'");
  }

  Result<void> take_item(Item::Kind kind, std::string_view what) {
    ATHANOR_ASSIGN(const auto* event, yaml_.peek());
    const std::size_t line = event->line;
    ATHANOR_ASSIGN(std::string text, yaml_.scalar(what));
    Item item{.kind = kind, .text = std::move(text), .line = line};
    if (const auto selector = selector_on(line)) {
      item.selector = std::string(*selector);
    }
    document_.items.push_back(std::move(item));
    return {};
  }

  // The comment "# [linux64]" at the end of that line. Other words in brackets are a remark.
  std::optional<std::string_view> selector_on(std::size_t line) const {
    if (line == 0 || line > lines_.size()) {
      return std::nullopt;
    }
    const auto selector = selector_of_line(lines_[line - 1]);
    return selector && selects_platform(*selector, "linux-64") ? selector : std::nullopt;
  }

  const InputText& input_;
  YamlReader yaml_;
  std::vector<std::string_view> lines_;
  Document document_;
  std::vector<std::string> warnings_;
};

}  // namespace

Result<std::unique_ptr<Manifest>> parse_environment_yml(const InputText& input) {
  return Reader(input).read();
}

}  // namespace athanor::coordinator

#include "coordinator/intake/formats.hpp"
#include "coordinator/intake/references.hpp"
#include "shared/base/strings.hpp"
#include "shared/conda/platform.hpp"
#include "shared/json/view.hpp"

#include <algorithm>

namespace athanor::coordinator {
namespace {

// Reads the values that several JSON formats share. Errors name the file; the view adds the path
// and the line.
class DocumentReader {
 public:
  DocumentReader(const InputText& input, const IntakeOptions& options)
      : input_(input),
        options_(options),
        references_(input, options.file_urls) {}

  Error in_file(Error error) const { return input_.at_line(0, std::move(error)); }

  // {"url": …, "md5": …, "sha256": …, "size": …, "type": …} of the environment list; of Metaflow's
  // manifest only the URL counts.
  Result<Reference> read_package(const JsonView& view, std::optional<PackageType> known_type) {
    ATHANOR_ASSIGN(const std::string_view url, view.string("url"));
    ATHANOR_ASSIGN(const auto type_name, view.optional_string("type"));
    PackageType type = known_type.value_or(type_of(url));
    if (type_name) {
      const auto named = package_type_from_string(*type_name);
      if (!named) {
        return view.expected("'type' to be \"conda\" or \"pypi\"");
      }
      type = *named;
    }
    ExpectedDigest expected;
    const std::size_t line = view.value().line();
    references_.read_fragment(url, line, expected);
    ATHANOR_ASSIGN(const auto md5, view.optional_string("md5"));
    ATHANOR_ASSIGN(const auto sha256, view.optional_string("sha256"));
    ATHANOR_ASSIGN(expected.size, view.optional_unsigned("size"));
    references_.read_md5(md5.value_or(""), line, expected);
    references_.read_sha256(sha256.value_or(""), line, expected);
    return references_.read({.type = type, .text = std::string(url), .line = line}, expected);
  }

  // An item of a description's `packages`. Its hash is the one of the URL's own format: MD5 for
  // conda, SHA-256 for pypi.
  Result<Reference> read_described_package(const JsonView& view) {
    ATHANOR_ASSIGN(const std::string_view url, view.string("url"));
    ATHANOR_ASSIGN(const auto type_name, view.optional_string("_type"));
    const std::string_view spelled = type_name.value_or("conda");
    // "pip" is what older versions call pypi.
    const auto type = package_type_from_string(spelled == "pip" ? "pypi" : spelled);
    if (!type) {
      return view.expected("'_type' to be \"conda\" or \"pypi\"");
    }
    ExpectedDigest expected;
    ATHANOR_ASSIGN(const auto hashes, view.optional_member("hashes"));
    ATHANOR_ASSIGN(const auto format, view.optional_string("url_format"));
    if (hashes && format) {
      ATHANOR_ASSIGN(const auto hash, hashes->optional_string(*format));
      if (*type == PackageType::conda) {
        references_.read_md5(hash.value_or(""), view.value().line(), expected);
      } else {
        references_.read_sha256(hash.value_or(""), view.value().line(), expected);
      }
    }
    return references_.read({.type = *type, .text = std::string(url), .line = view.value().line()},
                            expected);
  }

  // Whole of one description; `name` is what messages call it.
  Result<EnvironmentRequest> read_description(const JsonView& view, std::string name,
                                              std::string platform) {
    EnvironmentRequest request{.name = std::move(name),
                               .platform = std::move(platform),
                               .requirement_origin = RequirementOrigin::given,
                               .position = {.file = input_.name, .line = view.value().line()}};
    ATHANOR_ASSIGN(request.requirements.deps, read_categories(view, "deps"));
    ATHANOR_ASSIGN(request.requirements.sources, read_categories(view, "sources"));
    ATHANOR_ASSIGN(request.requirements.extras, read_categories(view, "extras"));
    ATHANOR_ASSIGN(request.resolved_on, read_optional(view, "resolved_on"));
    ATHANOR_ASSIGN(request.resolved_by, read_optional(view, "resolved_by"));
    ATHANOR_ASSIGN(const JsonView packages, view.member("packages"));
    ATHANOR_ASSIGN(const auto items, packages.items());
    EnvironmentBuilder builder(std::move(request));
    for (const JsonView& item : items) {
      ATHANOR_ASSIGN(Reference reference, read_described_package(item));
      builder.add(std::move(reference));
    }
    return std::move(builder).take();
  }

  // ["conda::python==3.8.*", …] → {"conda": ["python==3.8.*"]}.
  static Result<SpecsByCategory> read_categories(const JsonView& view, std::string_view key) {
    SpecsByCategory specs;
    ATHANOR_ASSIGN(const auto texts, view.strings(key));
    for (const std::string& text : texts) {
      const std::size_t colons = text.find("::");
      if (colons == std::string::npos) {
        ATHANOR_ASSIGN(const JsonView list, view.member(key));
        return list.expected("texts like \"conda::python==3.8.*\"");
      }
      const std::string category = text.substr(0, colons);
      specs[category == "pip" ? "pypi" : category].push_back(text.substr(colons + 2));
    }
    return specs;
  }

  // {"conda": ["python==3.8.*"]}, absent or null.
  static Result<SpecsByCategory> read_category_lists(const JsonView& view, std::string_view key) {
    SpecsByCategory specs;
    ATHANOR_ASSIGN(const auto found, view.optional_member(key));
    if (!found) {
      return specs;
    }
    ATHANOR_ASSIGN(const auto members, found->members());
    for (const auto& [category, list] : members) {
      ATHANOR_ASSIGN(const std::vector<std::string> values, found->strings(category));
      auto& known = specs[category == "pip" ? "pypi" : std::string(category)];
      known.insert(known.end(), values.begin(), values.end());
    }
    return specs;
  }

  static Result<std::optional<std::string>> read_optional(const JsonView& view,
                                                          std::string_view key) {
    ATHANOR_ASSIGN(const auto text, view.optional_string(key));
    return text ? std::optional<std::string>(*text) : std::optional<std::string>();
  }

  Result<std::string> platform(std::string_view name, const JsonView& view) const {
    return read_platform(input_, name, view.value().line());
  }

  const InputText& input() const { return input_; }
  const IntakeOptions& options() const { return options_; }
  std::vector<std::string> take_warnings() { return references_.take_warnings(); }

 private:
  static PackageType type_of(std::string_view url) {
    return names_artifact(url, PackageType::pypi) && !names_artifact(url, PackageType::conda)
               ? PackageType::pypi
               : PackageType::conda;
  }

  const InputText& input_;
  const IntakeOptions& options_;
  ReferenceReader references_;
};

// The architecture stands in a description's key, not inside it.
Result<std::string> description_platform(const DocumentReader& reader, const JsonView& view,
                                         const std::vector<PackageReference>& packages) {
  if (std::string platform = platform_of(packages); !platform.empty()) {
    return platform;
  }
  ATHANOR_ASSIGN(const auto archs, view.strings("resolved_archs"));
  if (archs.size() == 1) {
    return reader.platform(archs.front(), view);
  }
  if (reader.options().platforms.size() == 1) {
    return reader.platform(reader.options().platforms.front(), view);
  }
  return make_error(ErrorKind::invalid,
                    "for which platform this description is can't be told from its packages",
                    "name it with --platform");
}

// What descriptions of one co-resolved request have in common.
Result<std::string> description_group(const JsonView& view) {
  ATHANOR_ASSIGN(const auto archs, view.strings("resolved_archs"));
  if (archs.size() < 2) {
    return std::string();
  }
  std::string common;
  for (const std::string_view key : {"deps", "sources", "extras", "resolved_archs"}) {
    ATHANOR_ASSIGN(std::vector<std::string> texts, view.strings(key));
    std::sort(texts.begin(), texts.end());
    common += join(texts, " ") + "\n";
  }
  return "described#" + sha1_of(common).hex();
}

Result<EnvironmentRequest> read_listed_environment(DocumentReader& reader, const JsonView& view) {
  ATHANOR_ASSIGN(const std::string_view name, view.string("name"));
  ATHANOR_ASSIGN(const std::string_view arch, view.string("arch"));
  ATHANOR_ASSIGN(const auto group, view.optional_string("coresolve"));
  EnvironmentRequest request{
      .name = std::string(name),
      .position = {.file = reader.input().name, .line = view.value().line()}};
  ATHANOR_ASSIGN(request.platform, reader.platform(arch, view));
  request.platform_label = request.platform;
  if (group) {
    request.coresolve_group = reader.input().name + "#" + std::string(*group);
  }
  ATHANOR_ASSIGN(request.requirements.deps, DocumentReader::read_category_lists(view, "deps"));
  ATHANOR_ASSIGN(request.requirements.sources,
                 DocumentReader::read_category_lists(view, "sources"));
  ATHANOR_ASSIGN(request.requirements.extras, DocumentReader::read_category_lists(view, "extras"));
  ATHANOR_ASSIGN(request.aliases, view.strings("aliases"));
  ATHANOR_ASSIGN(request.resolved_on, DocumentReader::read_optional(view, "resolved_on"));
  ATHANOR_ASSIGN(request.resolved_by, DocumentReader::read_optional(view, "resolved_by"));
  ATHANOR_ASSIGN(const auto deps, view.optional_member("deps"));
  request.requirement_origin = deps ? RequirementOrigin::given : RequirementOrigin::exact_set;
  ATHANOR_ASSIGN(const JsonView packages, view.member("packages"));
  ATHANOR_ASSIGN(const auto items, packages.items());
  EnvironmentBuilder builder(std::move(request));
  for (const JsonView& item : items) {
    ATHANOR_ASSIGN(Reference reference, reader.read_package(item, std::nullopt));
    builder.add(std::move(reference));
  }
  return std::move(builder).take();
}

Result<ReadInput> read_list(DocumentReader& reader, const JsonView& root) {
  ATHANOR_ASSIGN(const JsonView list, root.member("envs"));
  ATHANOR_ASSIGN(const auto items, list.items());
  ReadInput result;
  for (const JsonView& item : items) {
    ATHANOR_ASSIGN(EnvironmentRequest environment, read_listed_environment(reader, item));
    if (environment.requirements.sources["conda"].empty()) {
      environment.requirements.sources["conda"] = channels_of(environment.packages);
    }
    result.environments.push_back(std::move(environment));
  }
  return result;
}

Result<ReadInput> read_one_description(DocumentReader& reader, const JsonView& root) {
  ATHANOR_ASSIGN(EnvironmentRequest environment, reader.read_description(root, "env", {}));
  ATHANOR_ASSIGN(environment.platform, description_platform(reader, root, environment.packages));
  environment.platform_label = environment.platform;
  ATHANOR_ASSIGN(environment.coresolve_group, description_group(root));
  ReadInput result;
  result.environments.push_back(std::move(environment));
  return result;
}

// {full_id: description, "_default": full_id} below one architecture and one requirement.
Result<void> read_known_requirement(DocumentReader& reader, const JsonView& view,
                                    const std::string& platform, ReadInput& result) {
  ATHANOR_ASSIGN(const auto entries, view.members());
  for (const auto& [full_id, description] : entries) {
    // Placeholders: a default is the id of a sibling, an unresolved one has no packages yet.
    if (full_id == "_default" || full_id == "_unresolved") {
      continue;
    }
    ATHANOR_ASSIGN(EnvironmentRequest environment,
                   reader.read_description(description, std::string(full_id), platform));
    environment.platform_label = platform;
    ATHANOR_ASSIGN(const auto archs, description.strings("resolved_archs"));
    if (archs.size() > 1) {
      environment.coresolve_group = reader.input().name + "#" + std::string(full_id);
    }
    result.environments.push_back(std::move(environment));
  }
  return {};
}

Result<ReadInput> read_known(DocumentReader& reader, const JsonView& root) {
  ATHANOR_ASSIGN(const auto version, root.optional_unsigned("version"));
  if (version.value_or(1) != 1) {
    return make_error(ErrorKind::unsupported,
                      "version " + std::to_string(*version) + " of known environments; known: 1");
  }
  ATHANOR_ASSIGN(const JsonView environments, root.member("environments"));
  ATHANOR_ASSIGN(const auto archs, environments.members());
  ReadInput result;
  for (const auto& [arch, requirements] : archs) {
    ATHANOR_ASSIGN(const std::string platform, reader.platform(arch, requirements));
    ATHANOR_ASSIGN(const auto entries, requirements.members());
    for (const auto& entry : entries) {
      ATHANOR_TRY(read_known_requirement(reader, entry.second, platform, result));
    }
  }
  return result;
}

Result<EnvironmentRequest> read_manifest_environment(DocumentReader& reader,
                                                     const std::string& name,
                                                     std::string_view platform,
                                                     const JsonView& view) {
  EnvironmentRequest request{
      .name = name, .position = {.file = reader.input().name, .line = view.value().line()}};
  ATHANOR_ASSIGN(request.platform, reader.platform(platform, view));
  request.platform_label = request.platform;
  EnvironmentBuilder builder(std::move(request));
  for (const PackageType type : {PackageType::conda, PackageType::pypi}) {
    ATHANOR_ASSIGN(const auto list, view.optional_member(to_string(type)));
    if (!list) {
      continue;
    }
    ATHANOR_ASSIGN(const auto items, list->items());
    for (const JsonView& item : items) {
      ATHANOR_ASSIGN(Reference reference, reader.read_package(item, type));
      builder.add(std::move(reference));
    }
  }
  EnvironmentRequest environment = std::move(builder).take();
  environment.requirements.sources["conda"] = channels_of(environment.packages);
  return environment;
}

Result<ReadInput> read_manifest(DocumentReader& reader, const JsonView& root) {
  ATHANOR_ASSIGN(const auto ids, root.members());
  ReadInput result;
  for (const auto& [id, platforms] : ids) {
    ATHANOR_ASSIGN(const auto entries, platforms.members());
    for (const auto& [platform, view] : entries) {
      ATHANOR_ASSIGN(EnvironmentRequest environment,
                     read_manifest_environment(reader, std::string(id), platform, view));
      result.environments.push_back(std::move(environment));
    }
  }
  return result;
}

using ReadRoot = Result<ReadInput> (*)(DocumentReader&, const JsonView&);

Result<ReadInput> read_document(const InputText& input, const Json& document,
                                const IntakeOptions& options, ReadRoot read) {
  DocumentReader reader(input, options);
  auto result = read(reader, JsonView(document));
  if (!result) {
    // What a package or platform got wrong already begins with the file.
    Error error = std::move(result).error();
    return error.message.starts_with(printable(input.name, 300) + ":")
               ? error
               : reader.in_file(std::move(error));
  }
  result->warnings = reader.take_warnings();
  return result;
}

}  // namespace

Result<ReadInput> read_environment_list(const InputText& input, const Json& document,
                                        const IntakeOptions& options) {
  return read_document(input, document, options, read_list);
}

Result<ReadInput> read_environment_description(const InputText& input, const Json& document,
                                               const IntakeOptions& options) {
  return read_document(input, document, options, read_one_description);
}

Result<ReadInput> read_known_environments(const InputText& input, const Json& document,
                                          const IntakeOptions& options) {
  return read_document(input, document, options, read_known);
}

Result<ReadInput> read_metaflow_manifest(const InputText& input, const Json& document,
                                         const IntakeOptions& options) {
  return read_document(input, document, options, read_manifest);
}

}  // namespace athanor::coordinator

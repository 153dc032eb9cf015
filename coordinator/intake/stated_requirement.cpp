#include "coordinator/intake/stated_requirement.hpp"

#include "shared/json/json.hpp"
#include "shared/json/view.hpp"

namespace athanor::coordinator {
namespace {

Result<SpecsByCategory> read_specs(const JsonView& view, std::string_view key) {
  SpecsByCategory specs;
  ATHANOR_ASSIGN(const auto object, view.optional_member(key));
  if (!object) {
    return specs;
  }
  ATHANOR_ASSIGN(const auto members, object->members());
  for (const auto& [category, list] : members) {
    ATHANOR_ASSIGN(const auto items, list.items());
    for (const JsonView& item : items) {
      ATHANOR_ASSIGN(const std::string_view spec, item.string());
      specs[std::string(category)].emplace_back(spec);
    }
  }
  return specs;
}

Result<void> read_into(const JsonView& view, EnvironmentRequest& request) {
  ATHANOR_ASSIGN(const auto name, view.optional_string("name"));
  ATHANOR_ASSIGN(const auto group, view.optional_string("coresolve"));
  ATHANOR_ASSIGN(request.requirements.deps, read_specs(view, "deps"));
  ATHANOR_ASSIGN(request.requirements.sources, read_specs(view, "sources"));
  ATHANOR_ASSIGN(request.requirements.extras, read_specs(view, "extras"));
  if (name && !name->empty()) {
    request.name = std::string(*name);
  }
  request.coresolve_group =
      group && !group->empty() ? "stated#" + std::string(*group) : std::string();
  request.requirement_origin = RequirementOrigin::given;
  return {};
}

}  // namespace

Result<void> read_stated_requirement(const InputText& input, std::string_view text,
                                     std::size_t line, EnvironmentRequest& request) {
  auto document = parse_json(text);
  if (!document) {
    return input.at_line(line, std::move(document).error());
  }
  if (auto read = read_into(JsonView(*document), request); !read) {
    return input.at_line(line, std::move(read).error());
  }
  return {};
}

}  // namespace athanor::coordinator

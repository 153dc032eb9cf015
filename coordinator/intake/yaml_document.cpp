#include "coordinator/intake/yaml_document.hpp"

#include "coordinator/intake/yaml_reader.hpp"

#include <string>
#include <utility>

namespace athanor::coordinator {
namespace {

Json with_line(Json value, std::size_t line) {
  value.set_line(static_cast<std::uint32_t>(line));
  return value;
}

// The reader bounds the depth, and with it the recursion.
Result<Json> read_value(YamlReader& yaml) {
  ATHANOR_ASSIGN(const YamlReader::Event* event, yaml.peek());
  const std::size_t line = event->line;
  if (event->kind == YamlReader::Kind::end) {
    return Json();  // Nothing stands in the text.
  }
  if (event->kind == YamlReader::Kind::scalar) {
    const bool is_null = event->is_null;
    ATHANOR_ASSIGN(std::string text, yaml.scalar("a value"));
    return with_line(is_null ? Json() : Json(std::move(text)), line);
  }
  if (event->kind == YamlReader::Kind::sequence_begin) {
    Json list = Json::array();
    ATHANOR_TRY(yaml.sequence("a list", [&]() -> Result<void> {
      ATHANOR_ASSIGN(Json item, read_value(yaml));
      list.push_back(std::move(item));
      return {};
    }));
    return with_line(std::move(list), line);
  }
  Json::Object members;
  ATHANOR_TRY(
      yaml.mapping("a mapping", [&](std::string_view key, std::size_t /*line*/) -> Result<void> {
        std::string name(key);
        ATHANOR_ASSIGN(Json value, read_value(yaml));
        members.push_back({std::move(name), std::move(value)});
        return {};
      }));
  return with_line(Json::object(std::move(members)), line);
}

}  // namespace

Result<Json> read_yaml_document(const InputText& input) {
  YamlReader yaml(input);
  ATHANOR_ASSIGN(Json document, read_value(yaml));
  ATHANOR_TRY(yaml.expect_end());
  return document;
}

}  // namespace athanor::coordinator

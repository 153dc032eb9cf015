#include "coordinator/intake/yaml_reader.hpp"

#include "shared/base/check.hpp"
#include "shared/base/limits.hpp"
#include "shared/base/strings.hpp"

#include <yaml.h>

#include <utility>

namespace athanor::coordinator {

// The library's parser in RAII.
struct YamlReader::Parser {
  yaml_parser_t yaml{};

  explicit Parser(std::string_view text) {
    ATHANOR_CHECK(yaml_parser_initialize(&yaml) == 1);
    yaml_parser_set_encoding(&yaml, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&yaml, reinterpret_cast<const unsigned char*>(text.data()),
                                 text.size());
  }
  ~Parser() { yaml_parser_delete(&yaml); }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;
};

namespace {

// One event of the library in RAII.
struct RawEvent {
  yaml_event_t yaml{};
  RawEvent() = default;
  ~RawEvent() { yaml_event_delete(&yaml); }
  RawEvent(const RawEvent&) = delete;
  RawEvent& operator=(const RawEvent&) = delete;
};

// The library compares each directive with all before it, so many of them would take forever; real
// files have none, or one "%YAML".
bool has_too_many_directives(std::string_view text) {
  constexpr std::size_t k_directives = 8;
  std::size_t count = text.starts_with('%') ? 1 : 0;
  for (std::size_t at = text.find("\n%"); at != std::string_view::npos && count <= k_directives;
       at = text.find("\n%", at + 1)) {
    ++count;
  }
  return count > k_directives;
}

bool spells_null(std::string_view text) {
  return text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL";
}

}  // namespace

YamlReader::YamlReader(const InputText& input)
    : input_(input),
      parser_(std::make_unique<Parser>(input.text)) {}

YamlReader::~YamlReader() = default;

Error YamlReader::syntax_error() const {
  const yaml_parser_t& yaml = parser_->yaml;
  std::string message = "not YAML: ";
  message += yaml.problem == nullptr ? "unreadable" : printable(yaml.problem, 120);
  if (yaml.context != nullptr) {
    message += " (" + printable(yaml.context, 120) + ", begun in line " +
               std::to_string(yaml.context_mark.line + 1) + ")";
  }
  return input_.error(yaml.problem_mark.line + 1, message);
}

Result<void> YamlReader::count(const Event& event) {
  if (event.kind == Kind::mapping_begin || event.kind == Kind::sequence_begin) {
    if (++depth_ > limits::k_input_depth) {
      return input_.error(
          event.line, "nested deeper than " + std::to_string(limits::k_input_depth) + " levels");
    }
  } else if (event.kind == Kind::mapping_end || event.kind == Kind::sequence_end) {
    --depth_;
  }
  if (++nodes_ > limits::k_input_nodes) {
    return input_.error(event.line,
                        "more than " + std::to_string(limits::k_input_nodes) + " values");
  }
  return {};
}

Result<void> YamlReader::advance() {
  if (nodes_ == 0 && has_too_many_directives(input_.text)) {
    return input_.error(0, "more YAML directives (%...) than are read");
  }
  for (;;) {
    RawEvent raw;
    if (yaml_parser_parse(&parser_->yaml, &raw.yaml) == 0) {
      return syntax_error();
    }
    Event event{
        .kind = Kind::end, .text = {}, .is_null = false, .line = raw.yaml.start_mark.line + 1};
    switch (raw.yaml.type) {
      case YAML_SCALAR_EVENT: {
        const auto& scalar = raw.yaml.data.scalar;
        event.kind = Kind::scalar;
        event.text.assign(reinterpret_cast<const char*>(scalar.value), scalar.length);
        event.is_null = scalar.style == YAML_PLAIN_SCALAR_STYLE && spells_null(event.text);
        break;
      }
      case YAML_SEQUENCE_START_EVENT:
        event.kind = Kind::sequence_begin;
        break;
      case YAML_SEQUENCE_END_EVENT:
        event.kind = Kind::sequence_end;
        break;
      case YAML_MAPPING_START_EVENT:
        event.kind = Kind::mapping_begin;
        break;
      case YAML_MAPPING_END_EVENT:
        event.kind = Kind::mapping_end;
        break;
      case YAML_ALIAS_EVENT:
        return input_.error(event.line, "a YAML alias (*name): aliases are not read");
      case YAML_STREAM_END_EVENT:
        break;
      case YAML_DOCUMENT_START_EVENT:
        if (nodes_ > 0) {
          return input_.error(event.line, "a second YAML document begins; only one is read");
        }
        continue;
      case YAML_NO_EVENT:
      case YAML_STREAM_START_EVENT:
      case YAML_DOCUMENT_END_EVENT:
        continue;
    }
    ATHANOR_TRY(count(event));
    current_ = std::move(event);
    has_current_ = true;
    return {};
  }
}

Result<const YamlReader::Event*> YamlReader::peek() {
  if (!has_current_) {
    ATHANOR_TRY(advance());
  }
  return &std::as_const(current_);
}

Result<YamlReader::Event> YamlReader::next() {
  if (!has_current_) {
    ATHANOR_TRY(advance());
  }
  // Past the end there is only the end.
  has_current_ = current_.kind == Kind::end;
  return has_current_ ? current_ : std::move(current_);
}

Result<void> YamlReader::skip() {
  std::size_t open = 0;
  do {
    ATHANOR_ASSIGN(const Event event, next());
    switch (event.kind) {
      case Kind::sequence_begin:
      case Kind::mapping_begin:
        ++open;
        break;
      case Kind::sequence_end:
      case Kind::mapping_end:
        ATHANOR_CHECK(open > 0);
        --open;
        break;
      case Kind::scalar:
        break;
      case Kind::end:
        return input_.error(event.line, "the document ends too early");
    }
  } while (open > 0);
  return {};
}

Result<std::string> YamlReader::scalar(std::string_view what) {
  ATHANOR_ASSIGN(Event event, next());
  if (event.kind != Kind::scalar) {
    return input_.error(event.line, std::string(what) + ": expected a text");
  }
  return event.is_null ? std::string() : std::move(event.text);
}

Result<std::optional<std::string>> YamlReader::scalar_or_skip() {
  ATHANOR_ASSIGN(const Event* event, peek());
  if (event->kind != Kind::scalar) {
    ATHANOR_TRY(skip());
    return std::optional<std::string>();
  }
  ATHANOR_ASSIGN(Event taken, next());
  return taken.is_null ? std::optional<std::string>() : std::optional(std::move(taken.text));
}

Result<void> YamlReader::expect_end() {
  ATHANOR_ASSIGN(const Event event, next());
  ATHANOR_CHECK(event.kind == Kind::end);
  return {};
}

Result<bool> YamlReader::begin(Kind kind, std::string_view expected, std::string_view what) {
  ATHANOR_ASSIGN(const Event event, next());
  if (event.kind == Kind::scalar && event.is_null) {
    return false;
  }
  if (event.kind != kind) {
    return input_.error(event.line, std::string(what) + ": expected " + std::string(expected));
  }
  return true;
}

Error YamlReader::duplicate(const Event& key) const {
  return input_.error(key.line,
                      "the key '" + printable(key.text, 80) + "' stands twice in one mapping");
}

}  // namespace athanor::coordinator

#include "shared/channels/rc_document.hpp"

#include "shared/base/check.hpp"
#include "shared/base/limits.hpp"
#include "shared/base/strings.hpp"

#include <yaml.h>

#include <algorithm>
#include <memory>

namespace athanor {
namespace {

constexpr std::size_t k_nodes = 100'000;  // of one file; real ones have a few dozen
constexpr std::size_t k_depth = 16;

RcFlag flag_of_line(std::string_view line) {
  line = trim(line);
  const auto ends_in = [&](std::string_view word) {
    if (!line.ends_with(word)) {
      return false;
    }
    const std::string_view before = line.substr(0, line.size() - word.size());
    return before.empty() || before.ends_with(' ') || before.ends_with('\t');
  };
  if (ends_in("#!final")) {
    return RcFlag::final;
  }
  if (ends_in("#!top")) {
    return RcFlag::top;
  }
  return ends_in("#!bottom") ? RcFlag::bottom : RcFlag::none;
}

class Reader {
 public:
  Reader(std::string_view text, std::string_view file)
      : file_(file) {
    ATHANOR_CHECK(yaml_parser_initialize(&parser_) == 1);
    yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()),
                                 text.size());
    for (const std::string_view line : split(text, '\n')) {
      flags_.push_back(flag_of_line(line));
    }
  }
  ~Reader() { yaml_parser_delete(&parser_); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  Result<RcValue> document() {
    ATHANOR_ASSIGN(Event event, next());
    while (event->type == YAML_STREAM_START_EVENT || event->type == YAML_DOCUMENT_START_EVENT) {
      ATHANOR_ASSIGN(event, next());
    }
    RcValue nothing;
    nothing.kind = RcValue::Kind::map;
    if (event->type == YAML_STREAM_END_EVENT) {
      return nothing;
    }
    ATHANOR_ASSIGN(RcValue value, value_of(*event, 0));
    if (value.kind == RcValue::Kind::null) {
      return nothing;
    }
    if (value.kind != RcValue::Kind::map) {
      return error(ErrorKind::invalid, value.line, "expected settings such as 'channels: [...]'");
    }
    return value;
  }

 private:
  struct DeleteEvent {
    void operator()(yaml_event_t* event) const {
      yaml_event_delete(event);
      delete event;
    }
  };
  using Event = std::unique_ptr<yaml_event_t, DeleteEvent>;

  Error error(ErrorKind kind, std::size_t line, std::string_view what) const {
    return make_error(kind,
                      printable(file_) + ":" + std::to_string(line) + ": " + std::string(what));
  }

  Result<Event> next() {
    Event event(new yaml_event_t{});
    if (yaml_parser_parse(&parser_, event.get()) == 0) {
      return error(
          ErrorKind::invalid, parser_.problem_mark.line + 1,
          "not YAML: " + printable(parser_.problem == nullptr ? "unreadable" : parser_.problem));
    }
    return event;
  }

  RcFlag flag_at(std::size_t line) const {
    return line >= 1 && line <= flags_.size() ? flags_[line - 1] : RcFlag::none;
  }

  Result<RcValue> value_of(const yaml_event_t& event, std::size_t depth) {
    RcValue value;
    value.line = event.start_mark.line + 1;
    value.flag = flag_at(value.line);
    if (++nodes_ > k_nodes || depth > k_depth) {
      return error(ErrorKind::rejected, value.line, "larger or deeper than any such file");
    }
    if (event.type == YAML_SEQUENCE_START_EVENT) {
      return list(std::move(value), depth);
    }
    if (event.type == YAML_MAPPING_START_EVENT) {
      return map(std::move(value), depth);
    }
    if (event.type != YAML_SCALAR_EVENT) {
      return error(ErrorKind::invalid, value.line, "YAML aliases (*name) are not read here");
    }
    const auto& scalar = event.data.scalar;
    value.text.assign(reinterpret_cast<const char*>(scalar.value), scalar.length);
    const bool null = scalar.style == YAML_PLAIN_SCALAR_STYLE &&
                      (value.text.empty() || value.text == "~" || to_lower(value.text) == "null");
    value.kind = null ? RcValue::Kind::null : RcValue::Kind::scalar;
    return value;
  }

  Result<RcValue> list(RcValue value, std::size_t depth) {
    value.kind = RcValue::Kind::list;
    while (true) {
      ATHANOR_ASSIGN(const Event event, next());
      if (event->type == YAML_SEQUENCE_END_EVENT) {
        return value;
      }
      ATHANOR_ASSIGN(RcValue item, value_of(*event, depth + 1));
      value.items.push_back(std::move(item));
    }
  }

  Result<RcValue> map(RcValue value, std::size_t depth) {
    value.kind = RcValue::Kind::map;
    while (true) {
      ATHANOR_ASSIGN(const Event event, next());
      if (event->type == YAML_MAPPING_END_EVENT) {
        return value;
      }
      ATHANOR_ASSIGN(RcValue key, value_of(*event, depth + 1));
      ATHANOR_ASSIGN(const Event content, next());
      ATHANOR_ASSIGN(RcValue member, value_of(*content, depth + 1));
      if (key.kind != RcValue::Kind::scalar) {
        return error(ErrorKind::invalid, key.line, "a key must be a plain text");
      }
      if (value.find(key.text) != nullptr) {
        return error(ErrorKind::invalid, key.line,
                     "the key '" + printable(key.text, 80) + "' stands twice");
      }
      member.key_line = key.line;
      member.key_flag = key.flag;
      value.members.emplace_back(std::move(key.text), std::move(member));
    }
  }

  yaml_parser_t parser_{};
  std::string file_;
  std::vector<RcFlag> flags_;  // of each line
  std::size_t nodes_ = 0;
};

}  // namespace

const RcValue* RcValue::find(std::string_view key) const {
  const auto found = std::find_if(members.begin(), members.end(),
                                  [&](const auto& member) { return member.first == key; });
  return found == members.end() ? nullptr : &found->second;
}

Result<RcValue> parse_rc_document(std::string_view text, std::string_view file) {
  // The library compares each directive with all before it; real files have none.
  if (text.starts_with('%') || text.find("\n%") != std::string_view::npos) {
    return make_error(ErrorKind::invalid,
                      printable(file) + ": YAML directives (%...) are not read here");
  }
  return Reader(text, file).document();
}

}  // namespace athanor

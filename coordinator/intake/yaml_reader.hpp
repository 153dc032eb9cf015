#pragma once

#include "coordinator/intake/input_text.hpp"
#include "shared/base/result.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

namespace athanor::coordinator {

// Reads one YAML document from its beginning to its end, event by event, so that memory doesn't
// grow with the document: a reader takes what it knows and skips the rest. Bounded by
// limits::k_input_depth and limits::k_input_nodes. Aliases are refused (no lock file needs them,
// and they make small texts large); so are a key twice in one mapping and a second document. Errors
// begin with "file:line: ". Not thread-safe; the InputText must outlive the reader.
class YamlReader {
 public:
  enum class Kind { scalar, sequence_begin, sequence_end, mapping_begin, mapping_end, end };

  struct Event {
    Kind kind = Kind::end;
    std::string text;      // of a scalar
    bool is_null = false;  // an empty plain scalar, "~" or "null"
    std::size_t line = 0;
  };

  explicit YamlReader(const InputText& input);
  ~YamlReader();
  YamlReader(const YamlReader&) = delete;
  YamlReader& operator=(const YamlReader&) = delete;

  const InputText& input() const { return input_; }

  // What comes next, without taking it. The pointer is good until the next call that takes.
  Result<const Event*> peek();
  // Takes what comes next.
  Result<Event> next();
  // Takes a whole value: a scalar, or a collection with all that is in it.
  Result<void> skip();
  // Takes a scalar; fails, naming `what`, if a collection comes. A null is an empty text.
  Result<std::string> scalar(std::string_view what);
  // Takes a scalar, or skips whatever else comes and gives nothing.
  Result<std::optional<std::string>> scalar_or_skip();
  // Fails unless the document ends here.
  Result<void> expect_end();

  // Takes a mapping and calls read_value(key, line) for each key; it must take the value, exactly.
  // A null counts as an empty mapping.
  template <typename ReadValue>
  Result<void> mapping(std::string_view what, ReadValue read_value) {
    ATHANOR_ASSIGN(const bool open, begin(Kind::mapping_begin, "a mapping", what));
    std::unordered_set<std::string> seen;
    while (open) {
      ATHANOR_ASSIGN(const Event key, next());
      if (key.kind == Kind::mapping_end) {
        break;
      }
      if (key.kind != Kind::scalar) {
        return input_.error(key.line, std::string(what) + ": a key must be a plain text");
      }
      if (!seen.insert(key.text).second) {
        return duplicate(key);
      }
      ATHANOR_TRY(read_value(key.text, key.line));
    }
    return {};
  }

  // Takes a sequence and calls read_item() for each item; it must take the item, exactly. A null
  // counts as an empty sequence.
  template <typename ReadItem>
  Result<void> sequence(std::string_view what, ReadItem read_item) {
    ATHANOR_ASSIGN(const bool open, begin(Kind::sequence_begin, "a list", what));
    while (open) {
      ATHANOR_ASSIGN(const Event* event, peek());
      if (event->kind == Kind::sequence_end) {
        ATHANOR_TRY(next());
        break;
      }
      ATHANOR_TRY(read_item());
    }
    return {};
  }

 private:
  struct Parser;

  // Takes the beginning of a collection (true) or a null (false); fails on anything else.
  Result<bool> begin(Kind kind, std::string_view expected, std::string_view what);
  Error duplicate(const Event& key) const;
  Result<void> advance();
  Result<void> count(const Event& event);
  Error syntax_error() const;

  const InputText& input_;
  std::unique_ptr<Parser> parser_;
  Event current_;
  bool has_current_ = false;
  std::size_t depth_ = 0;
  std::size_t nodes_ = 0;
};

}  // namespace athanor::coordinator

#include "shared/base/strings.hpp"
#include "shared/json/json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iterator>
#include <numeric>

namespace athanor {
namespace {

// Reads the text and lets the handler see how far the lexer has come: the library's events carry no
// position, and messages need a line.
class TrackedIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  TrackedIterator(const char* at, const char** seen)
      : at_(at),
        seen_(seen) {}

  reference operator*() const { return *at_; }
  TrackedIterator& operator++() {
    *seen_ = ++at_;
    return *this;
  }
  TrackedIterator operator++(int) {
    TrackedIterator before = *this;
    ++*this;
    return before;
  }
  friend bool operator==(const TrackedIterator& a, const TrackedIterator& b) {
    return a.at_ == b.at_;
  }
  friend bool operator!=(const TrackedIterator& a, const TrackedIterator& b) { return !(a == b); }

 private:
  const char* at_;
  const char** seen_;
};

std::string position_of(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const std::size_t newline = before.rfind('\n');
  const std::size_t column =
      newline == std::string_view::npos ? before.size() : before.size() - newline - 1;
  return "line " + std::to_string(line) + ", column " +
         std::to_string(std::max<std::size_t>(column, 1));
}

// The name that stands twice in the object, if one does. Sorts instead of comparing each with each,
// so that an object with a million members costs no more than reading it.
const std::string* duplicate_key(const Json::Object& members) {
  std::vector<const std::string*> keys;
  keys.reserve(members.size());
  for (const Json::Member& member : members) {
    keys.push_back(&member.key);
  }
  std::sort(keys.begin(), keys.end(), [](const auto* a, const auto* b) { return *a < *b; });
  const auto twice = std::adjacent_find(keys.begin(), keys.end(),
                                        [](const auto* a, const auto* b) { return *a == *b; });
  return twice == keys.end() ? nullptr : *twice;
}

// Builds the value from the library's events. Stops the parser (by returning false) at the first
// violated bound, so that memory is never spent on what will be refused.
class Builder final : public nlohmann::json_sax<nlohmann::json> {
 public:
  Builder(std::string_view text, const JsonLimits& bounds)
      : text_(text),
        bounds_(bounds),
        seen_(text.data()),
        counted_(text.data()) {}

  const char** seen() { return &seen_; }
  Result<Json> finish(bool parsed) {
    if (error_) {
      return std::move(*error_);
    }
    if (!parsed) {
      return make_error(ErrorKind::invalid, "not a JSON document");
    }
    return std::move(root_);
  }

  bool null() override { return add(Json()); }
  bool boolean(bool value) override { return add(Json(value)); }
  bool number_integer(std::int64_t value) override { return add(Json(value)); }
  bool number_unsigned(std::uint64_t value) override { return add(Json(value)); }
  bool number_float(double value, const std::string& spelling) override {
    if (spelling.find_first_of(".eE") == std::string::npos) {
      return fail(ErrorKind::invalid,
                  "the integer " + printable(spelling, 40) + " doesn't fit in 64 bits");
    }
    return add(Json(value));
  }
  bool string(std::string& value) override { return add(Json(std::move(value))); }
  bool binary(nlohmann::json::binary_t& /*value*/) override { return false; }
  bool start_object(std::size_t /*size*/) override { return open(Json::object()); }
  bool start_array(std::size_t /*size*/) override { return open(Json::array()); }
  bool key(std::string& value) override {
    auto& members = *open_.back()->as_object();
    members.push_back(Json::Member{.key = std::move(value), .value = Json()});
    return true;
  }
  bool end_object() override {
    if (const std::string* key = duplicate_key(*open_.back()->as_object())) {
      return fail(ErrorKind::invalid,
                  "the name '" + printable(*key, 80) + "' stands twice in one object");
    }
    return close();
  }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t position, const std::string& /*last_token*/,
                   const nlohmann::json::exception& exception) override {
    std::string_view what = exception.what();
    // The library's text is "[json.exception.…] parse error at line 1, column 2: <reason>".
    const std::size_t reason = what.find(": ");
    what = reason == std::string_view::npos ? what : what.substr(reason + 2);
    if (!error_) {
      error_ = make_error(ErrorKind::invalid,
                          position_of(text_, position) + ": not JSON: " + printable(what, 160));
    }
    return false;
  }

 private:
  bool fail(ErrorKind kind, std::string message) {
    const auto offset = static_cast<std::size_t>(seen_ - text_.data());
    error_ = make_error(kind, position_of(text_, offset) + ": " + std::move(message));
    return false;
  }

  // The lexer may have read the character behind a number, so the last one is not counted.
  std::uint32_t current_line() {
    const char* const end = seen_ == text_.data() ? seen_ : seen_ - 1;
    if (end > counted_) {
      line_ += static_cast<std::uint32_t>(std::count(counted_, end, '\n'));
      counted_ = end;
    }
    return line_;
  }

  bool place(Json value, Json** placed) {
    if (++nodes_ > bounds_.nodes) {
      return fail(ErrorKind::rejected,
                  "more than " + std::to_string(bounds_.nodes) + " values in one document");
    }
    value.set_line(current_line());
    if (open_.empty()) {
      root_ = std::move(value);
      *placed = &root_;
    } else if (auto* items = open_.back()->as_array()) {
      items->push_back(std::move(value));
      *placed = &items->back();
    } else {
      Json& slot = open_.back()->as_object()->back().value;
      slot = std::move(value);
      *placed = &slot;
    }
    return true;
  }

  bool add(Json value) {
    Json* placed = nullptr;
    return place(std::move(value), &placed);
  }

  // A pointer to an open container stays valid: only the innermost open one ever grows.
  bool open(Json value) {
    if (open_.size() >= bounds_.depth) {
      return fail(ErrorKind::rejected,
                  "nested deeper than " + std::to_string(bounds_.depth) + " levels");
    }
    Json* placed = nullptr;
    if (!place(std::move(value), &placed)) {
      return false;
    }
    open_.push_back(placed);
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  std::string_view text_;
  JsonLimits bounds_;
  const char* seen_;     // how far the lexer has read
  const char* counted_;  // up to where newlines are in line_
  std::uint32_t line_ = 1;
  std::size_t nodes_ = 0;
  Json root_;
  std::vector<Json*> open_;
  std::optional<Error> error_;
};

}  // namespace

Result<Json> parse_json(std::string_view text, const JsonLimits& bounds) {
  if (text.size() > bounds.bytes) {
    return make_error(ErrorKind::rejected, "the document has " + human_size(text.size()) +
                                               "; at most " + human_size(bounds.bytes) +
                                               " are read");
  }
  // The library takes a NUL for the end of the text and would ignore what follows it.
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) {
    return make_error(ErrorKind::invalid, position_of(text, nul + 1) + ": a NUL byte");
  }
  if (text.empty()) {
    return make_error(ErrorKind::invalid, "line 1, column 1: not JSON: the document is empty");
  }
  try {
    Builder builder(text, bounds);
    const bool parsed = nlohmann::json::sax_parse(
        TrackedIterator(text.data(), builder.seen()),
        TrackedIterator(text.data() + text.size(), builder.seen()), &builder);
    return builder.finish(parsed);
  } catch (const std::exception& failure) {
    return make_error(ErrorKind::invalid, "not a JSON document: " + printable(failure.what(), 160));
  }
}

}  // namespace athanor

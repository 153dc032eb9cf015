#include "shared/conda/pattern.hpp"

#include "shared/base/strings.hpp"

#include <re2/re2.h>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace athanor {
namespace {

constexpr std::size_t k_max_bytes = 128;
constexpr std::int64_t k_max_memory = 1 << 20;

re2::StringPiece piece(std::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace

bool Pattern::is_meant(std::string_view text) {
  return text.size() >= 2 && text.starts_with('^') && text.ends_with('$');
}

Result<Pattern> Pattern::compile(std::string_view text) {
  if (!is_meant(text)) {
    return make_error(ErrorKind::invalid, "a regular expression begins with '^' and ends with '$'");
  }
  if (text.size() > k_max_bytes) {
    return make_error(ErrorKind::invalid, "a regular expression may have at most 128 bytes");
  }
  re2::RE2::Options options;
  options.set_encoding(re2::RE2::Options::EncodingLatin1);  // any bytes are a text
  options.set_max_mem(k_max_memory);
  options.set_log_errors(false);
  auto expression = std::make_shared<const re2::RE2>(piece(text), options);
  if (!expression->ok()) {
    return make_error(ErrorKind::invalid,
                      "it is no regular expression: " + printable(expression->error(), 100));
  }
  return Pattern(std::move(expression));
}

bool Pattern::matches(std::string_view text) const {
  return re2::RE2::FullMatch(piece(text), *expression_);
}

}  // namespace athanor

#include "shared/store/bearer_token.hpp"

#include "shared/base/units.hpp"
#include "shared/json/json.hpp"

#include <algorithm>
#include <charconv>

namespace athanor {
namespace {

std::optional<std::uint64_t> number_member(const Json& json, std::string_view name) {
  const Json* member = json.find(name);
  if (member == nullptr) {
    return std::nullopt;
  }
  if (const std::string* text = member->as_string()) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    return error == std::errc() && end == text->data() + text->size() ? std::optional(value)
                                                                      : std::nullopt;
  }
  return member->as_uint();
}

}  // namespace

BearerTokenSource::BearerTokenSource(const Clock& clock, Fetch fetch)
    : clock_(clock),
      fetch_(std::move(fetch)) {}

Result<std::string> BearerTokenSource::get() {
  constexpr auto k_margin = std::chrono::minutes(5);
  const std::lock_guard lock(mutex_);
  const auto now = clock_.wall_now();
  if (current_ && current_->expires - now > k_margin) {
    return current_->text;
  }
  auto fetched = fetch_();
  if (!fetched) {
    if (current_ && current_->expires > now) {
      return current_->text;  // still good for a moment; the next call tries again
    }
    return std::move(fetched).error();
  }
  current_ = std::move(fetched).value();
  return current_->text;
}

void BearerTokenSource::invalidate(const std::string& refused) {
  const std::lock_guard lock(mutex_);
  if (current_ && current_->text == refused) {
    current_.reset();
  }
}

Result<BearerToken> parse_token_answer(std::string_view json_text, WallTime now) {
  ATHANOR_ASSIGN(const Json json, parse_json(json_text, {.bytes = 256_KiB}));
  const Json* token = json.find("access_token");
  if (token == nullptr || token->as_string() == nullptr || token->as_string()->empty()) {
    return make_error(ErrorKind::rejected, "the token endpoint gives no access token");
  }
  constexpr std::uint64_t k_most_seconds = 7ULL * 24 * 60 * 60;
  BearerToken result{.text = *token->as_string(), .expires = now + std::chrono::hours(1)};
  if (const auto seconds = number_member(json, "expires_in")) {
    result.expires = now + std::chrono::seconds(std::min(*seconds, k_most_seconds));
  } else if (const auto on = number_member(json, "expires_on"); on && *on < (1ULL << 34U)) {
    result.expires = WallTime(std::chrono::seconds(*on));
  }
  return result;
}

}  // namespace athanor

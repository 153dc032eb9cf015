#pragma once

#include "shared/base/clock.hpp"
#include "shared/base/result.hpp"

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace athanor {

struct BearerToken {
  std::string text;  // a secret
  WallTime expires;
};

// A token that is fetched when it is needed, again five minutes before it expires, and by one
// thread at a time. Thread-safe.
class BearerTokenSource {
 public:
  using Fetch = std::function<Result<BearerToken>()>;

  // `clock` outlives this.
  BearerTokenSource(const Clock& clock, Fetch fetch);

  Result<std::string> get();
  // The store refused it: the next get() fetches, unless that has happened already.
  void invalidate(const std::string& refused);

 private:
  const Clock& clock_;
  const Fetch fetch_;
  std::mutex mutex_;
  std::optional<BearerToken> current_;  // guarded by mutex_
};

// What token endpoints answer: "access_token" with "expires_in" or "expires_on" (numbers or text).
Result<BearerToken> parse_token_answer(std::string_view json, WallTime now);

}  // namespace athanor

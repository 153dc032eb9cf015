#pragma once

#include "shared/base/check.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace athanor {

// What the caller may do about a failure; nothing finer is ever needed to decide.
// Absent is not a failure: functions that look something up return an optional.
enum class ErrorKind {
  not_found,    // what was named doesn't exist, and it should: a file, a URL that answers 404
  retry,        // the same call may succeed later: throttled, timed out, connection lost
  corrupt,      // bytes are not what they claim to be: digest, CRC, truncated or altered
  rejected,     // refused on purpose: unsafe archive, slot conflict, no permission, bad credentials
  unsupported,  // well formed, but not something this version can handle
  invalid,      // the user's input or configuration is wrong
  canceled,     // asked to stop
  bug,          // our own mistake; never expected
};

// "not_found", "retry", ...: stable names for JSON, logs and the protocol.
std::string_view to_string(ErrorKind kind);
std::optional<ErrorKind> error_kind_from_string(std::string_view name);

// A failure that can be shown to a person: what happened, where, and what to do next. Neither text
// may hold a credential; callers pass redacted URLs.
struct Error {
  ErrorKind kind = ErrorKind::bug;
  std::string message;  // one sentence without a final full stop: "cannot open 'x': No such file"
  std::string hint;     // what to do next; empty if there is nothing to say

  // The same failure seen from further out: "reading 'a.yml': " + message.
  Error with_context(std::string_view context) &&;
  // Message and hint in one line.
  std::string to_string() const;
};

Error make_error(ErrorKind kind, std::string message, std::string hint = {});

// The Error for errno after a failed system call, e.g. system_error(ENOENT, "cannot open 'x'").
// ENOENT is not_found; EACCES, EPERM, EROFS are rejected; ENOSPC, EDQUOT, EINTR, EAGAIN, EMFILE,
// ETIMEDOUT are retry; the rest is rejected. Full disks, quotas and permissions get a hint.
Error system_error(int error_number, std::string_view what);

// A value or an Error. A failed Result must be looked at: the type is [[nodiscard]].
// Accessing value() of a failed one, or error() of a good one, is a bug and aborts.
template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value)
      : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT(*-explicit-*)
  Result(Error error)
      : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(*-explicit-*)

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & {
    ATHANOR_CHECK(ok());
    return std::get<0>(state_);
  }
  const T& value() const& {
    ATHANOR_CHECK(ok());
    return std::get<0>(state_);
  }
  T&& value() && {
    ATHANOR_CHECK(ok());
    return std::get<0>(std::move(state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const& {
    ATHANOR_CHECK(!ok());
    return std::get<1>(state_);
  }
  Error&& error() && {
    ATHANOR_CHECK(!ok());
    return std::get<1>(std::move(state_));
  }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error)
      : error_(std::move(error)) {}  // NOLINT(*-explicit-*)

  bool ok() const { return !error_; }
  explicit operator bool() const { return ok(); }
  const Error& error() const& {
    ATHANOR_CHECK(!ok());
    return *error_;
  }
  Error&& error() && {
    ATHANOR_CHECK(!ok());
    return std::move(*error_);
  }

 private:
  std::optional<Error> error_;
};

}  // namespace athanor

#define ATHANOR_CONCAT_INNER(a, b) a##b
#define ATHANOR_CONCAT(a, b) ATHANOR_CONCAT_INNER(a, b)

// Returns the error of a Result<...> expression from the enclosing function, if it failed.
#define ATHANOR_TRY(expression)                                        \
  do {                                                                 \
    if (auto athanor_try_result = (expression); !athanor_try_result) { \
      return std::move(athanor_try_result).error();                    \
    }                                                                  \
  } while (false)

// ATHANOR_ASSIGN(auto x, f()): x is the value of f(), or the enclosing function returns its error.
#define ATHANOR_ASSIGN(declaration, expression) \
  ATHANOR_ASSIGN_INNER(ATHANOR_CONCAT(athanor_assign_result_, __LINE__), declaration, expression)
#define ATHANOR_ASSIGN_INNER(result, declaration, expression) \
  auto result = (expression);                                 \
  if (!result) {                                              \
    return std::move(result).error();                         \
  }                                                           \
  declaration = std::move(result).value()

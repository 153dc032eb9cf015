#pragma once

#include <ostream>
#include <string_view>
#include <utility>

namespace athanor {

// A value that must not be printed: a password, a token, a URL with either. Whatever prints it
// prints "***"; who needs the value says so by name. Value type.
template <typename T>
class Redacted {
 public:
  Redacted() = default;
  explicit Redacted(T value)
      : value_(std::move(value)) {}

  const T& reveal() const { return value_; }

  friend bool operator==(const Redacted&, const Redacted&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Redacted& /*value*/) {
    return out << "***";
  }
  friend std::string_view to_string(const Redacted& /*value*/) { return "***"; }

 private:
  T value_{};
};

}  // namespace athanor

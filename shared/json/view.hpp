#pragma once

#include "shared/base/result.hpp"
#include "shared/json/json.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace athanor {

// A value together with the way to it, for reading documents whose shape nobody guarantees. Every
// error is `invalid` and says path, line and both types: "packages[3].url: expected a string, found
// a number (line 12)". Holds a reference: the document must outlive the view. Not thread-safe.
class JsonView {
 public:
  // `path` is what the value is called in messages; empty for a whole document.
  explicit JsonView(const Json& value, std::string path = {})
      : value_(&value),
        path_(std::move(path)) {}

  const Json& value() const { return *value_; }
  const std::string& path() const { return path_; }

  // This value as the type; fails if it is another.
  Result<std::string_view> string() const;
  Result<std::int64_t> integer() const;
  Result<std::uint64_t> unsigned_integer() const;
  Result<bool> boolean() const;
  Result<std::vector<JsonView>> items() const;
  Result<std::vector<std::pair<std::string_view, JsonView>>> members() const;

  // A member that must be there.
  Result<JsonView> member(std::string_view key) const;
  Result<std::string_view> string(std::string_view key) const;
  // A member that may be absent or null (both give nothing); fails if this isn't an object or the
  // member has another type.
  Result<std::optional<JsonView>> optional_member(std::string_view key) const;
  Result<std::optional<std::string_view>> optional_string(std::string_view key) const;
  Result<std::optional<std::uint64_t>> optional_unsigned(std::string_view key) const;
  Result<std::optional<bool>> optional_boolean(std::string_view key) const;
  // The items of a member that may be absent or null (then none), each of which must be a string.
  Result<std::vector<std::string>> strings(std::string_view key) const;

  // The Error that says that `what` ("a string", "40 hexadecimal digits") was expected here.
  Error expected(std::string_view what) const;

 private:
  const Json* value_;
  std::string path_;
};

}  // namespace athanor

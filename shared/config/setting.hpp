#pragma once

#include "shared/base/result.hpp"
#include "shared/config/origin.hpp"
#include "shared/json/json.hpp"

#include <chrono>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace athanor::config {

// Which files may set it. A project's file comes with somebody else's repository.
enum class FilePolicy { anywhere, not_in_project };

// What a setting says about itself; help, sample file and messages are made from this.
struct SettingInfo {
  std::string name = {};      // "store.url": table and key of the file
  std::string variable = {};  // "ATHANOR_STORE"
  std::string prose = {};     // whole sentences, for the sample file and the help
  std::string unit = {};      // "bytes", "a duration such as 1h30m"; empty if it has none
  std::vector<std::string> choices = {};  // if not empty, the only values accepted
  // Of numbers, both included.
  std::uint64_t minimum = 0;
  std::uint64_t maximum = std::numeric_limits<std::uint64_t>::max();
  // At which characters a list splits when it is given as one text (variable or flag).
  std::string separators = ",";
  FilePolicy policy = FilePolicy::anywhere;
  bool secret = false;  // shown as "***"
};

// A value that lost against a stronger layer, for "overrides ...".
struct Overridden {
  Origin origin;
  Json value;
};

class SettingGroup;

// One setting, whatever its type. Not thread-safe.
class SettingBase {
 public:
  SettingBase(SettingGroup* group, SettingInfo info);
  virtual ~SettingBase() = default;
  SettingBase(const SettingBase&) = delete;
  SettingBase& operator=(const SettingBase&) = delete;

  const SettingInfo& info() const { return info_; }
  const Origin& origin() const { return origin_; }
  bool is_default() const { return origin_.layer == Layer::built_in; }
  // Weaker values that were given, too; strongest last.
  const std::vector<Overridden>& overridden() const { return overridden_; }

  // Takes a value from a text (variable, flag) or from a document (file). A weaker layer than the
  // present one is remembered as overridden. Within the flags, lists and maps grow. invalid: names
  // the origin and says what was expected.
  Result<void> assign_text(std::string_view text, Origin origin);
  Result<void> assign_json(const Json& value, Origin origin);

  virtual Json value_as_json() const = 0;
  virtual Json default_as_json() const = 0;
  // Where each entry of a map comes from; nothing for other types.
  virtual const std::map<std::string, Origin>* entry_origins() const { return nullptr; }

 protected:
  // The document form of a text: what a file would hold.
  virtual Result<Json> json_from_text(std::string_view text) const = 0;
  // Checks the type and, if `take`, makes it the value.
  virtual Result<void> accept(const Json& value, const Origin& origin, bool take) = 0;

  // The Error for a value that isn't what was `expected`.
  Error expected(std::string_view what, std::string_view got) const;
  Result<void> check_choice(std::string_view text) const;
  Result<void> check_range(std::uint64_t number) const;

 private:
  SettingInfo info_;
  Origin origin_{Layer::built_in, "default"};
  std::vector<Overridden> overridden_;
};

// The settings of one program, in the order of their declaration.
class SettingGroup {
 public:
  SettingGroup() = default;
  SettingGroup(const SettingGroup&) = delete;
  SettingGroup& operator=(const SettingGroup&) = delete;

  const std::vector<SettingBase*>& all() const { return all_; }
  // Null pointer if there is none of that name.
  SettingBase* find(std::string_view name) const;

 private:
  friend class SettingBase;

  std::vector<SettingBase*> all_;
};

using TextMap = std::map<std::string, std::string>;

// How a type is read and shown. Specialised in setting.cpp for exactly the types below.
template <typename T>
struct Codec {
  static Result<Json> from_text(const SettingInfo& info, std::string_view text);
  // The value; absent if the document's type is wrong.
  static Result<T> from_json(const Json& value);
  static Json to_json(const T& value);
  static std::string_view type_name();
};

// A value with its declaration: `Setting<bool> color{this, {.name = …}, true}`. T is bool,
// std::uint64_t, std::chrono::milliseconds, std::string, std::vector<std::string> or TextMap.
template <typename T>
class Setting final : public SettingBase {
 public:
  Setting(SettingGroup* group, SettingInfo info, T default_value)
      : SettingBase(group, std::move(info)),
        value_(default_value),
        default_(std::move(default_value)) {}

  const T& value() const { return value_; }
  const T& operator*() const { return value_; }
  const T* operator->() const { return &value_; }

  Json value_as_json() const override { return Codec<T>::to_json(value_); }
  Json default_as_json() const override { return Codec<T>::to_json(default_); }
  const std::map<std::string, Origin>* entry_origins() const override {
    return std::is_same_v<T, TextMap> ? &entry_origins_ : nullptr;
  }

 protected:
  Result<Json> json_from_text(std::string_view text) const override {
    return Codec<T>::from_text(info(), text);
  }
  Result<void> accept(const Json& value, const Origin& origin, bool take) override;

 private:
  T value_;
  const T default_;
  std::map<std::string, Origin> entry_origins_;  // of a map's entries
};

// "1h30m", "90s", "250ms": whole numbers with h, m, s or ms, longest first. Absent otherwise.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
std::string spell_duration(std::chrono::milliseconds duration);

extern template class Setting<bool>;
extern template class Setting<std::uint64_t>;
extern template class Setting<std::chrono::milliseconds>;
extern template class Setting<std::string>;
extern template class Setting<std::vector<std::string>>;
extern template class Setting<TextMap>;

}  // namespace athanor::config

#include "shared/config/setting.hpp"

#include "shared/base/check.hpp"
#include "shared/base/strings.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace athanor::config {

namespace {

Error invalid(std::string message, std::string hint = {}) {
  return make_error(ErrorKind::invalid, std::move(message), std::move(hint));
}

std::optional<std::uint64_t> parse_unsigned(std::string_view text) {
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, number);
  return problem == std::errc{} && stop == end && !text.empty() ? std::optional(number)
                                                                : std::nullopt;
}

std::vector<std::string> split_at(std::string_view text, std::string_view separators) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const std::size_t end = std::min(text.find_first_of(separators, begin), text.size());
    const std::string_view part = trim(text.substr(begin, end - begin));
    if (!part.empty()) {
      parts.emplace_back(part);
    }
    begin = end + 1;
  }
  return parts;
}

// The union of what is there and what is added, for lists and maps given by several flags.
Json grown(const Json& present, const Json& added) {
  Json result = present;
  if (const auto* items = added.as_array(); items != nullptr && result.is_array()) {
    for (const Json& item : *items) {
      result.push_back(item);
    }
    return result;
  }
  return added;
}

}  // namespace

std::string_view to_string(Layer layer) {
  switch (layer) {
    case Layer::built_in:
      return "default";
    case Layer::other_tools:
      return "other tools";
    case Layer::system_file:
      return "system file";
    case Layer::user_file:
      return "user file";
    case Layer::project_file:
      return "project file";
    case Layer::chosen_file:
      return "chosen file";
    case Layer::environment:
      return "environment";
    case Layer::flag:
      return "flag";
  }
  return "default";
}

SettingBase::SettingBase(SettingGroup* group, SettingInfo info)
    : info_(std::move(info)) {
  ATHANOR_CHECK(group != nullptr && group->find(info_.name) == nullptr);
  group->all_.push_back(this);
}

SettingBase* SettingGroup::find(std::string_view name) const {
  for (SettingBase* setting : all_) {
    if (setting->info().name == name) {
      return setting;
    }
  }
  return nullptr;
}

Result<void> SettingBase::assign_text(std::string_view text, Origin origin) {
  auto value = json_from_text(text);
  if (!value) {
    return std::move(value).error().with_context(origin.where);
  }
  return assign_json(*value, std::move(origin));
}

Result<void> SettingBase::assign_json(const Json& value, Origin origin) {
  const bool stronger = origin.layer >= origin_.layer;
  const bool grows = origin.layer == Layer::flag && origin_.layer == Layer::flag;
  const Json taken = grows ? grown(value_as_json(), value) : value;
  const Json before = value_as_json();
  if (auto accepted = accept(taken, origin, stronger); !accepted) {
    return std::move(accepted).error().with_context(origin.where);
  }
  const bool merges = entry_origins() != nullptr;
  if (!stronger) {
    if (!merges) {
      overridden_.push_back({std::move(origin), value});
    }
    return {};
  }
  if (!grows && !merges && !is_default()) {
    overridden_.push_back({origin_, before});
  }
  origin_ = std::move(origin);
  return {};
}

Error SettingBase::expected(std::string_view what, std::string_view got) const {
  std::string message =
      info_.name + ": expected " + std::string(what) + ", got " + std::string(got);
  return invalid(std::move(message));
}

Result<void> SettingBase::check_choice(std::string_view text) const {
  const auto& choices = info_.choices;
  if (choices.empty() || std::find(choices.begin(), choices.end(), text) != choices.end()) {
    return {};
  }
  const auto nearest = closest(text, choices);
  return invalid(info_.name + ": '" + printable(text, 64) + "' is none of " + join(choices, ", "),
                 nearest ? "did you mean '" + *nearest + "'?" : "");
}

Result<void> SettingBase::check_range(std::uint64_t number) const {
  if (number < info_.minimum || number > info_.maximum) {
    return invalid(info_.name + ": " + std::to_string(number) + " is not between " +
                   std::to_string(info_.minimum) + " and " + std::to_string(info_.maximum));
  }
  return {};
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  struct Scale {
    std::string_view suffix;
    std::uint64_t milliseconds;
  };
  constexpr std::array<Scale, 4> k_scales = {
      {{"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
  constexpr std::uint64_t k_longest = 366ULL * 24 * 3'600'000;
  std::uint64_t total = 0;
  std::size_t next_scale = 0;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
    const auto number = parse_unsigned(rest.substr(0, digits));
    rest.remove_prefix(digits);
    const std::size_t letters = std::min(rest.find_first_of("0123456789"), rest.size());
    const std::string_view suffix = rest.substr(0, letters);
    rest.remove_prefix(letters);
    const auto* scale = std::find_if(k_scales.begin() + next_scale, k_scales.end(),
                                     [&](const Scale& known) { return known.suffix == suffix; });
    if (!number || scale == k_scales.end() || *number > k_longest / scale->milliseconds) {
      return std::nullopt;
    }
    total += *number * scale->milliseconds;
    next_scale = static_cast<std::size_t>(scale - k_scales.begin()) + 1;
  }
  if (text.empty() || total > k_longest) {
    return std::nullopt;
  }
  return std::chrono::milliseconds(total);
}

std::string spell_duration(std::chrono::milliseconds duration) {
  const auto total = static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0));
  const std::uint64_t hours = total / 3'600'000;
  const std::uint64_t minutes = total / 60'000 % 60;
  const std::uint64_t seconds = total / 1'000 % 60;
  const std::uint64_t rest = total % 1'000;
  std::string text;
  text += hours > 0 ? std::to_string(hours) + "h" : "";
  text += minutes > 0 ? std::to_string(minutes) + "m" : "";
  text += seconds > 0 ? std::to_string(seconds) + "s" : "";
  text += rest > 0 ? std::to_string(rest) + "ms" : "";
  return text.empty() ? "0s" : text;
}

// --- bool --------------------------------------------------------------------------------------

template <>
std::string_view Codec<bool>::type_name() {
  return "true or false";
}

template <>
Result<Json> Codec<bool>::from_text(const SettingInfo& info, std::string_view text) {
  const std::string lower = to_lower(trim(text));
  if (lower == "true" || lower == "1" || lower == "yes" || lower == "on") {
    return Json(true);
  }
  if (lower == "false" || lower == "0" || lower == "no" || lower == "off") {
    return Json(false);
  }
  return invalid(info.name + ": expected true or false, got '" + printable(text, 64) + "'");
}

template <>
Result<bool> Codec<bool>::from_json(const Json& value) {
  const auto flag = value.as_bool();
  return flag ? Result<bool>(*flag) : Result<bool>(invalid(std::string(value.type_name())));
}

template <>
Json Codec<bool>::to_json(const bool& value) {
  return value;
}

// --- std::uint64_t -----------------------------------------------------------------------------

template <>
std::string_view Codec<std::uint64_t>::type_name() {
  return "a whole number";
}

template <>
Result<Json> Codec<std::uint64_t>::from_text(const SettingInfo& info, std::string_view text) {
  const auto number = parse_unsigned(trim(text));
  if (!number) {
    return invalid(info.name + ": expected a whole number, got '" + printable(text, 64) + "'");
  }
  return Json(*number);
}

template <>
Result<std::uint64_t> Codec<std::uint64_t>::from_json(const Json& value) {
  const auto number = value.as_uint();
  return number ? Result<std::uint64_t>(*number)
                : Result<std::uint64_t>(invalid(std::string(value.type_name())));
}

template <>
Json Codec<std::uint64_t>::to_json(const std::uint64_t& value) {
  return value;
}

// --- duration ----------------------------------------------------------------------------------

template <>
std::string_view Codec<std::chrono::milliseconds>::type_name() {
  return "a duration such as \"1h30m\", \"90s\" or \"250ms\"";
}

template <>
Result<Json> Codec<std::chrono::milliseconds>::from_text(const SettingInfo&,
                                                         std::string_view text) {
  return Json(trim(text));
}

template <>
Result<std::chrono::milliseconds> Codec<std::chrono::milliseconds>::from_json(const Json& value) {
  const std::string* text = value.as_string();
  if (text == nullptr) {
    return invalid(std::string(value.type_name()));
  }
  const auto duration = parse_duration(*text);
  return duration ? Result<std::chrono::milliseconds>(*duration)
                  : Result<std::chrono::milliseconds>(invalid("'" + printable(*text, 64) + "'"));
}

template <>
Json Codec<std::chrono::milliseconds>::to_json(const std::chrono::milliseconds& value) {
  return spell_duration(value);
}

// --- std::string -------------------------------------------------------------------------------

template <>
std::string_view Codec<std::string>::type_name() {
  return "a string";
}

template <>
Result<Json> Codec<std::string>::from_text(const SettingInfo&, std::string_view text) {
  return Json(text);
}

template <>
Result<std::string> Codec<std::string>::from_json(const Json& value) {
  const std::string* text = value.as_string();
  return text != nullptr ? Result<std::string>(*text)
                         : Result<std::string>(invalid(std::string(value.type_name())));
}

template <>
Json Codec<std::string>::to_json(const std::string& value) {
  return value;
}

// --- list --------------------------------------------------------------------------------------

using TextList = std::vector<std::string>;

template <>
Json Codec<TextList>::to_json(const TextList& value) {
  Json list = Json::array();
  for (const std::string& item : value) {
    list.push_back(item);
  }
  return list;
}

template <>
std::string_view Codec<TextList>::type_name() {
  return "a list of strings";
}

template <>
Result<Json> Codec<TextList>::from_text(const SettingInfo& info, std::string_view text) {
  return to_json(split_at(text, info.separators));
}

template <>
Result<TextList> Codec<TextList>::from_json(const Json& value) {
  if (!value.is_array()) {
    return invalid(std::string(value.type_name()));
  }
  TextList list;
  for (const Json& item : *value.as_array()) {
    if (!item.is_string()) {
      return invalid("a list with " + std::string(item.type_name()));
    }
    list.push_back(*item.as_string());
  }
  return list;
}

// --- map ---------------------------------------------------------------------------------------

template <>
Json Codec<TextMap>::to_json(const TextMap& value) {
  Json table = Json::object();
  for (const auto& [from, to] : value) {
    table.set(from, to);
  }
  return table;
}

template <>
std::string_view Codec<TextMap>::type_name() {
  return "a table of strings";
}

template <>
Result<Json> Codec<TextMap>::from_text(const SettingInfo& info, std::string_view text) {
  TextMap entries;
  for (const std::string& entry : split_at(text, info.separators)) {
    const std::size_t middle = entry.find('=');
    if (middle == std::string::npos || middle == 0 || middle + 1 == entry.size()) {
      return invalid(info.name + ": expected FROM=TO, got '" + printable(entry, 200) + "'");
    }
    entries[entry.substr(0, middle)] = entry.substr(middle + 1);
  }
  return to_json(entries);
}

template <>
Result<TextMap> Codec<TextMap>::from_json(const Json& value) {
  if (!value.is_object()) {
    return invalid(std::string(value.type_name()));
  }
  TextMap entries;
  for (const Json::Member& member : *value.as_object()) {
    if (!member.value.is_string()) {
      return invalid("a table with " + std::string(member.value.type_name()) + " at '" +
                     printable(member.key, 200) + "'");
    }
    entries[member.key] = *member.value.as_string();
  }
  return entries;
}

// --- Setting -----------------------------------------------------------------------------------

template <typename T>
Result<void> Setting<T>::accept(const Json& value, const Origin& origin, bool take) {
  auto read = Codec<T>::from_json(value);
  if (!read) {
    return expected(Codec<T>::type_name(), read.error().message);
  }
  if constexpr (std::is_same_v<T, std::string>) {
    ATHANOR_TRY(check_choice(*read));
  }
  if constexpr (std::is_same_v<T, TextList>) {
    for (const std::string& item : *read) {
      ATHANOR_TRY(check_choice(item));
    }
  }
  if constexpr (std::is_same_v<T, std::uint64_t>) {
    ATHANOR_TRY(check_range(*read));
  }
  if constexpr (std::is_same_v<T, TextMap>) {
    // Entry by entry: each keeps the strongest origin.
    for (auto& [key, text] : *read) {
      const auto known = entry_origins_.find(key);
      if (known == entry_origins_.end() || origin.layer >= known->second.layer) {
        value_[key] = std::move(text);
        entry_origins_[key] = origin;
      }
    }
  } else if (take) {
    value_ = std::move(read).value();
  }
  return {};
}

template class Setting<bool>;
template class Setting<std::uint64_t>;
template class Setting<std::chrono::milliseconds>;
template class Setting<std::string>;
template class Setting<TextList>;
template class Setting<TextMap>;

}  // namespace athanor::config

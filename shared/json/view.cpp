#include "shared/json/view.hpp"

#include "shared/base/strings.hpp"

namespace athanor {
namespace {

std::string child_path(const std::string& path, std::string_view key) {
  return path.empty() ? printable(key, 80) : path + "." + printable(key, 80);
}

}  // namespace

Error JsonView::expected(std::string_view what) const {
  std::string message = path_.empty() ? std::string("the document") : path_;
  message += ": expected ";
  message += what;
  message += ", found ";
  if (const auto* text = value_->as_string()) {
    message += "the string '" + printable(*text, 60) + "'";
  } else {
    message += value_->type_name();
  }
  if (value_->line() > 0) {
    message += " (line " + std::to_string(value_->line()) + ")";
  }
  return make_error(ErrorKind::invalid, std::move(message));
}

Result<std::string_view> JsonView::string() const {
  const auto* text = value_->as_string();
  return text == nullptr ? Result<std::string_view>(expected("a string"))
                         : Result<std::string_view>(std::string_view(*text));
}

Result<std::int64_t> JsonView::integer() const {
  const auto number = value_->as_int();
  return number ? Result<std::int64_t>(*number) : Result<std::int64_t>(expected("an integer"));
}

Result<std::uint64_t> JsonView::unsigned_integer() const {
  const auto number = value_->as_uint();
  return number ? Result<std::uint64_t>(*number)
                : Result<std::uint64_t>(expected("a whole number that isn't negative"));
}

Result<bool> JsonView::boolean() const {
  const auto value = value_->as_bool();
  return value ? Result<bool>(*value) : Result<bool>(expected("true or false"));
}

Result<std::vector<JsonView>> JsonView::items() const {
  const auto* items = value_->as_array();
  if (items == nullptr) {
    return expected("a list");
  }
  std::vector<JsonView> views;
  views.reserve(items->size());
  for (std::size_t i = 0; i < items->size(); ++i) {
    views.emplace_back((*items)[i], path_ + "[" + std::to_string(i) + "]");
  }
  return views;
}

Result<std::vector<std::pair<std::string_view, JsonView>>> JsonView::members() const {
  const auto* members = value_->as_object();
  if (members == nullptr) {
    return expected("an object");
  }
  std::vector<std::pair<std::string_view, JsonView>> views;
  views.reserve(members->size());
  for (const Json::Member& member : *members) {
    views.emplace_back(member.key, JsonView(member.value, child_path(path_, member.key)));
  }
  return views;
}

Result<JsonView> JsonView::member(std::string_view key) const {
  ATHANOR_ASSIGN(const auto found, optional_member(key));
  if (!found) {
    const std::string line =
        value_->line() > 0 ? " (line " + std::to_string(value_->line()) + ")" : std::string();
    return make_error(ErrorKind::invalid, child_path(path_, key) + ": missing" + line);
  }
  return *found;
}

Result<std::string_view> JsonView::string(std::string_view key) const {
  ATHANOR_ASSIGN(const auto found, member(key));
  return found.string();
}

Result<std::optional<JsonView>> JsonView::optional_member(std::string_view key) const {
  if (!value_->is_object()) {
    return expected("an object");
  }
  const Json* found = value_->find(key);
  if (found == nullptr || found->is_null()) {
    return std::optional<JsonView>();
  }
  return std::optional<JsonView>(JsonView(*found, child_path(path_, key)));
}

Result<std::optional<std::string_view>> JsonView::optional_string(std::string_view key) const {
  ATHANOR_ASSIGN(const auto found, optional_member(key));
  if (!found) {
    return std::optional<std::string_view>();
  }
  ATHANOR_ASSIGN(const std::string_view text, found->string());
  return std::optional<std::string_view>(text);
}

Result<std::optional<std::uint64_t>> JsonView::optional_unsigned(std::string_view key) const {
  ATHANOR_ASSIGN(const auto found, optional_member(key));
  if (!found) {
    return std::optional<std::uint64_t>();
  }
  ATHANOR_ASSIGN(const std::uint64_t number, found->unsigned_integer());
  return std::optional<std::uint64_t>(number);
}

Result<std::optional<bool>> JsonView::optional_boolean(std::string_view key) const {
  ATHANOR_ASSIGN(const auto found, optional_member(key));
  if (!found) {
    return std::optional<bool>();
  }
  ATHANOR_ASSIGN(const bool value, found->boolean());
  return std::optional<bool>(value);
}

Result<std::vector<std::string>> JsonView::strings(std::string_view key) const {
  std::vector<std::string> strings;
  ATHANOR_ASSIGN(const auto found, optional_member(key));
  if (!found) {
    return strings;
  }
  ATHANOR_ASSIGN(const auto views, found->items());
  strings.reserve(views.size());
  for (const JsonView& view : views) {
    ATHANOR_ASSIGN(const std::string_view text, view.string());
    strings.emplace_back(text);
  }
  return strings;
}

}  // namespace athanor

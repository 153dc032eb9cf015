#include "shared/base/result.hpp"

#include <array>
#include <cerrno>
#include <system_error>

namespace athanor {
namespace {

constexpr std::array<std::pair<ErrorKind, std::string_view>, 8> k_names = {{
    {ErrorKind::not_found, "not_found"},
    {ErrorKind::retry, "retry"},
    {ErrorKind::corrupt, "corrupt"},
    {ErrorKind::rejected, "rejected"},
    {ErrorKind::unsupported, "unsupported"},
    {ErrorKind::invalid, "invalid"},
    {ErrorKind::canceled, "canceled"},
    {ErrorKind::bug, "bug"},
}};

ErrorKind kind_of_errno(int error_number) {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      return ErrorKind::not_found;
    case ENOSPC:
    case EDQUOT:
    case EINTR:
    case EAGAIN:
    case EMFILE:
    case ENFILE:
    case ETIMEDOUT:
      return ErrorKind::retry;
    default:
      return ErrorKind::rejected;
  }
}

// What a person can do about it.
std::string_view hint_of_errno(int error_number) {
  switch (error_number) {
    case ENOSPC:
      return "The disk is full: free some space on it and run again";
    case EDQUOT:
      return "The disk quota is used up: free some space or have it raised, and run again";
    case EROFS:
      return "The file system is mounted read-only";
    case EACCES:
    case EPERM:
      return "Check who owns it and what its permissions are";
    case EMFILE:
      return "Raise the limit of open files (ulimit -n)";
    default:
      return {};
  }
}

}  // namespace

std::string_view to_string(ErrorKind kind) {
  for (const auto& [value, name] : k_names) {
    if (value == kind) {
      return name;
    }
  }
  return "bug";
}

std::optional<ErrorKind> error_kind_from_string(std::string_view name) {
  for (const auto& [value, known] : k_names) {
    if (known == name) {
      return value;
    }
  }
  return std::nullopt;
}

Error Error::with_context(std::string_view context) && {
  message.insert(0, ": ");
  message.insert(0, context);
  return std::move(*this);
}

std::string Error::to_string() const {
  return hint.empty() ? message : message + ". " + hint;
}

Error make_error(ErrorKind kind, std::string message, std::string hint) {
  return Error{kind, std::move(message), std::move(hint)};
}

Error system_error(int error_number, std::string_view what) {
  std::string message(what);
  message += ": ";
  message += std::generic_category().message(error_number);
  return Error{kind_of_errno(error_number), std::move(message),
               std::string(hint_of_errno(error_number))};
}

}  // namespace athanor

#include "shared/net/http_client.hpp"

namespace athanor {

std::optional<std::string> HttpResponse::header(std::string_view lower_case_name) const {
  const auto found = headers.find(std::string(lower_case_name));
  return found == headers.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace athanor

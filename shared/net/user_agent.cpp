#include "shared/net/user_agent.hpp"

#include "shared/base/strings.hpp"
#include "shared/base/version.hpp"

namespace athanor {

std::string user_agent(std::string_view contact) {
  std::string agent = "athanor/" + std::string(version());
  if (!contact.empty()) {
    agent += " (+" + printable(contact, 255) + ")";
  }
  return agent;
}

}  // namespace athanor

#pragma once

#include "shared/net/http_client.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace athanor {

// How one request is to be made so that the server lets us in.
struct AuthorizedUrl {
  std::string url{};                           // to be requested; may hold a token: a secret
  std::optional<std::string> authorization{};  // the header's value, a secret: "Bearer ..."
  // Who knew it, for people: the name of the chain's link ("netrc") and where it says so
  // ("/home/ann/.netrc:3"). Both empty: nobody knew anything. Never a secret.
  std::string link{};
  std::string where{};
};

// What is known about users, passwords and tokens of origins. `shared/auth` implements it.
// Thread-safe; asking does no I/O.
class CredentialSource {
 public:
  virtual ~CredentialSource() = default;
  // `url` is an origin's, as the input or a setting spells it, credentials included. The answer's
  // URL has no user and password any more: they are in the header.
  virtual AuthorizedUrl authorize(std::string_view url) const = 0;
};

// A client that asks the source about every request and sends what it says. A request that has an
// Authorization header already is left alone. For origins only: stores sign their own requests.
// On a redirect the header goes along to the same host and no other (see HttpClient).
std::unique_ptr<HttpClient> make_authorized_http_client(
    std::unique_ptr<HttpClient> inner, std::shared_ptr<const CredentialSource> credentials);

}  // namespace athanor

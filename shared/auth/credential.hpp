#pragma once

#include "shared/channels/channel_config.hpp"
#include "shared/net/credentials.hpp"
#include "shared/net/url.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace athanor {

// One secret and how it is to be shown to a server. A value; its texts are secrets but `where`.
struct Credential {
  enum class Kind {
    basic,   // user and password
    bearer,  // "Authorization: Bearer <token>"
    token,   // "/t/<token>" in front of the path
    url,     // `secret_url` is asked for instead: the token is in it at its own place
  };
  Kind kind = Kind::basic;
  std::string user{};
  std::string secret{};      // password or token
  std::string secret_url{};  // of kind basic: asked for with the header, if it isn't empty
  std::string where{};       // "/home/ann/.netrc:3"
};

// One place that may know credentials. Immutable, so thread-safe; finding does no I/O.
class CredentialLink {
 public:
  virtual ~CredentialLink() = default;
  // "settings", "rattler", ...: for people.
  virtual std::string_view name() const = 0;
  // Where it reads, for people; empty: nothing is there.
  virtual std::string place() const = 0;
  virtual std::optional<Credential> find(const Url& url) const = 0;
};

// The links of other modules' files; see links.cpp and friends.
using CredentialLinkPtr = std::unique_ptr<CredentialLink>;

// The request that shows the credential to the URL's server.
AuthorizedUrl apply_credential(const Url& url, const Credential& credential);
// The same for people: "Authorization: Basic ***", "https://host/t/***/x".
std::string describe_credential(const Url& url, const Credential& credential);

// How a host in a list of credentials fits a URL; the most exact entry counts.
//   "host", "host:port"      exactly
//   "*.example.com"          example.com and everything below it
//   "host/path"              whole segments of the path, too
//   "https://host/path"      and only with this scheme
// Higher is more exact; absent if it doesn't fit.
std::optional<std::size_t> fits(std::string_view pattern, const Url& url);

}  // namespace athanor

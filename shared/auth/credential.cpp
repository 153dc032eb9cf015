#include "shared/auth/credential.hpp"

#include "shared/base/base64.hpp"
#include "shared/base/limits.hpp"
#include "shared/base/strings.hpp"

#include <algorithm>

namespace athanor {
namespace {

Url without_credentials(Url url) {
  url.userinfo.clear();
  const std::size_t marker = url.path.find("/t/");
  if (marker != std::string::npos) {
    const std::size_t end = std::min(url.path.find('/', marker + 3), url.path.size());
    if (end > marker + 3) {
      url.path.erase(marker, end - marker);
    }
  }
  return url;
}

}  // namespace

AuthorizedUrl apply_credential(const Url& url, const Credential& credential) {
  AuthorizedUrl access{.where = credential.where};
  Url bare = without_credentials(url);
  switch (credential.kind) {
    case Credential::Kind::basic:
      access.authorization =
          "Basic " + base64_encode(std::string_view(credential.user + ":" + credential.secret));
      if (!credential.secret_url.empty()) {
        access.url = credential.secret_url;
        return access;
      }
      break;
    case Credential::Kind::bearer:
      access.authorization = "Bearer " + credential.secret;
      break;
    case Credential::Kind::token:
      bare.path.insert(0, "/t/" + percent_encode(credential.secret, KeepSlash::no));
      break;
    case Credential::Kind::url:
      access.url = credential.secret_url;
      return access;
  }
  access.url = bare.spell();
  return access;
}

std::string describe_credential(const Url& url, const Credential& credential) {
  switch (credential.kind) {
    case Credential::Kind::basic:
      return "Authorization: Basic ***";
    case Credential::Kind::bearer:
      return "Authorization: Bearer ***";
    case Credential::Kind::token:
    case Credential::Kind::url:
      break;
  }
  return redact_url(apply_credential(url, credential).url);
}

std::optional<std::size_t> fits(std::string_view pattern, const Url& url) {
  std::string_view rest = pattern;
  std::size_t exactness = 1;
  if (const std::size_t scheme_end = rest.find("://"); scheme_end != std::string_view::npos) {
    if (to_lower(rest.substr(0, scheme_end)) != url.scheme) {
      return std::nullopt;
    }
    rest.remove_prefix(scheme_end + 3);
  }
  const std::size_t path_begin = std::min(rest.find('/'), rest.size());
  const std::string host = to_lower(rest.substr(0, path_begin));
  std::string_view path = rest.substr(path_begin);
  if (host.starts_with("*.")) {
    const std::string_view domain = std::string_view(host).substr(2);
    const bool below = url.host.ends_with(domain) && url.host.size() > domain.size() &&
                       url.host[url.host.size() - domain.size() - 1] == '.';
    if (domain.empty() || (url.host != domain && !below)) {
      return std::nullopt;
    }
    exactness += domain.size();
  } else if (host == url.netloc()) {
    exactness += limits::k_url_bytes + 1;
  } else if (host == url.host) {
    exactness += limits::k_url_bytes;
  } else {
    return std::nullopt;
  }
  while (path.ends_with('/')) {
    path.remove_suffix(1);
  }
  if (!path.empty()) {
    const Url bare = without_credentials(url);
    const std::string_view whole = bare.path;
    if (!whole.starts_with(path) || (whole.size() > path.size() && whole[path.size()] != '/')) {
      return std::nullopt;
    }
    exactness += 2 * limits::k_url_bytes * path.size();
  }
  return exactness;
}

}  // namespace athanor

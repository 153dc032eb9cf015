#pragma once

#include "shared/base/clock.hpp"
#include "shared/base/result.hpp"
#include "shared/net/http_client.hpp"

#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace athanor {

// Where a package stands in a registry.
struct OciPlace {
  std::string registry;    // "https://ghcr.io"; may hold user and password
  std::string repository;  // "channel-mirrors/conda-forge/linux-64/zzz_libgcc_mutex"
  std::string tag;         // "0.1-main"
  std::string media_type;  // of the layer that is the package

  friend bool operator==(const OciPlace&, const OciPlace&) = default;
};

// "oci://ghcr.io/channel-mirrors/conda-forge/linux-64/_libgcc_mutex-0.1-main.tar.bz2" → its place:
// names that begin with "_" get a "zzz" before it, and a tag spells "+", "!" and "=" as "__p__",
// "__e__" and "__eq__", because registries allow none of these. An index file
// ("repodata.json.zst") has an image of its own, tagged "latest". invalid: the last segment is
// neither a conda package nor an index.
Result<OciPlace> oci_place(std::string_view url);

// What a registry asks for with "WWW-Authenticate: Bearer realm=…,service=…,scope=…". Absent if it
// is no such thing or its realm is no http or https URL.
std::optional<std::string> oci_token_url(std::string_view challenge);

// Packages in OCI registries. Tokens are kept as long as they are good. Internal to origin;
// thread-safe.
class OciOrigins {
 public:
  // Both outlive this.
  OciOrigins(HttpClient& http, const Clock& clock);

  Result<HttpResponse> perform(const HttpRequest& request, const HttpSink& sink,
                               std::stop_token stop);

 private:
  struct Token {
    std::string value;
    TimePoint good_until;
  };
  struct Layer {
    std::string digest;  // "sha256:…"
    std::string media_type;
  };

  // The answer to a request for the registry, with the token that it asks for.
  Result<HttpResponse> ask(const OciPlace& place, HttpRequest request, const HttpSink& sink,
                           const std::stop_token& stop);
  Result<HttpResponse> manifest_of(const OciPlace& place, std::string& text,
                                   const std::stop_token& stop);
  Result<std::optional<Layer>> layer_of(const OciPlace& place, const std::string& manifest) const;
  Result<void> fetch_token(const OciPlace& place, const std::string& url,
                           const std::stop_token& stop);

  HttpClient& http_;
  const Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, Token> tokens_;  // by registry and repository; guarded by mutex_
};

}  // namespace athanor

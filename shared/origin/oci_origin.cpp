#include "shared/origin/oci_origin.hpp"

#include "shared/base/strings.hpp"
#include "shared/base/units.hpp"
#include "shared/conda/artifact.hpp"
#include "shared/json/json.hpp"
#include "shared/json/view.hpp"
#include "shared/net/content_range.hpp"
#include "shared/net/retry.hpp"
#include "shared/net/url.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

namespace athanor {
namespace {

constexpr std::uint64_t k_manifest_bytes = 4_MiB;  // what registries accept at most
constexpr std::uint64_t k_token_bytes = 256_KiB;
constexpr std::size_t k_tokens = 10'000;          // one per package name; then all are forgotten
constexpr std::chrono::seconds k_token_life{60};  // where a registry doesn't say it
constexpr std::chrono::seconds k_token_margin{10};

constexpr std::array<std::pair<std::string_view, std::string_view>, 3> k_indexes = {{
    {"repodata.json", "application/vnd.conda.repodata.v1+json"},
    {"repodata.json.gz", "application/vnd.conda.repodata.v1+json+gzip"},
    {"repodata.json.zst", "application/vnd.conda.repodata.v1+json+zst"},
}};

bool is_this_machine(const std::string& host) {
  return host == "localhost" || host == "[::1]" || host.starts_with("127.");
}

std::string tag_of(const ArtifactName& name) {
  std::string tag;
  for (const char c : name.version + "-" + name.build) {
    switch (c) {
      case '+':
        tag += "__p__";
        break;
      case '!':
        tag += "__e__";
        break;
      case '=':
        tag += "__eq__";
        break;
      default:
        tag += c;
    }
  }
  return tag;
}

// key="value" pairs of a challenge; the values may hold commas.
std::map<std::string, std::string> parameters_of(std::string_view text) {
  std::map<std::string, std::string> parameters;
  while (!text.empty()) {
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos || equals + 1 >= text.size()) {
      break;
    }
    const std::string name = to_lower(trim(text.substr(0, equals)));
    text.remove_prefix(equals + 1);
    const bool quoted = text.front() == '"';
    const std::size_t end = quoted ? text.find('"', 1) : text.find(',');
    const std::size_t length = std::min(end, text.size());
    parameters[name] =
        std::string(quoted ? text.substr(1, length - 1) : trim(text.substr(0, length)));
    text.remove_prefix(length);
    const std::size_t comma = text.find(',');
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  }
  return parameters;
}

HttpSink append_to(std::string& text) {
  return [&text](std::span<const std::uint8_t> bytes) -> Result<void> {
    text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  };
}

bool is_digest(std::string_view text) {
  constexpr std::string_view k_prefix = "sha256:";
  return text.starts_with(k_prefix) && text.size() == k_prefix.size() + 64 &&
         text.find_first_not_of("0123456789abcdef", k_prefix.size()) == std::string_view::npos;
}

}  // namespace

Result<OciPlace> oci_place(std::string_view text) {
  ATHANOR_ASSIGN(const Url url, Url::parse(text));
  const std::string path = percent_decode(url.path);
  const std::size_t slash = path.rfind('/');
  const std::string file = path.substr(slash + 1);
  OciPlace place;
  place.registry = (is_this_machine(url.host) ? "http://" : "https://") +
                   (url.userinfo.empty() ? "" : url.userinfo + "@") + url.netloc();
  place.repository = path.substr(1, slash);  // with its final "/"
  for (const auto& [name, media_type] : k_indexes) {
    if (file == name) {
      place.repository += "repodata.json";
      place.tag = "latest";
      place.media_type = media_type;
      return place;
    }
  }
  const std::optional<Format> format = format_of_filename(file, PackageType::conda);
  const auto name =
      format ? ArtifactName::parse(file.substr(0, file.size() - extension(*format).size()))
             : std::nullopt;
  if (!name || slash == 0) {
    return make_error(ErrorKind::invalid, "'" + url.redacted() + "' is no package of a registry");
  }
  place.repository += (name->name.starts_with('_') ? "zzz" : "") + name->name;
  place.tag = tag_of(*name);
  place.media_type = *format == Format::conda ? "application/vnd.conda.package.v2"
                                              : "application/vnd.conda.package.v1";
  return place;
}

std::optional<std::string> oci_token_url(std::string_view challenge) {
  constexpr std::string_view k_scheme = "bearer ";
  challenge = trim(challenge);
  if (to_lower(challenge.substr(0, k_scheme.size())) != k_scheme) {
    return std::nullopt;
  }
  const auto parameters = parameters_of(challenge.substr(k_scheme.size()));
  const auto realm = parameters.find("realm");
  if (realm == parameters.end()) {
    return std::nullopt;
  }
  const Result<Url> url = Url::parse(realm->second);
  if (!url || (url->scheme != "https" && !(url->scheme == "http" && is_this_machine(url->host)))) {
    return std::nullopt;
  }
  std::string result = realm->second;
  for (const char* name : {"service", "scope"}) {
    if (const auto value = parameters.find(name); value != parameters.end()) {
      result += (result.find('?') == std::string::npos ? "?" : "&") + std::string(name) + "=" +
                percent_encode(value->second, KeepSlash::yes);
    }
  }
  return result;
}

OciOrigins::OciOrigins(HttpClient& http, const Clock& clock)
    : http_(http),
      clock_(clock) {}

Result<HttpResponse> OciOrigins::perform(const HttpRequest& request, const HttpSink& sink,
                                         std::stop_token stop) {
  if (request.method != "GET" && request.method != "HEAD") {
    return make_error(ErrorKind::unsupported, "registries are only read");
  }
  ATHANOR_ASSIGN(const OciPlace place, oci_place(request.url));
  std::string manifest;
  ATHANOR_ASSIGN(HttpResponse found, manifest_of(place, manifest, stop));
  if (found.status != 200) {
    return found;
  }
  ATHANOR_ASSIGN(const std::optional<Layer> layer, layer_of(place, manifest));
  if (!layer) {  // the package is there in its other format only
    found.status = 404;
    return found;
  }
  // A layer is named by its digest: what it is never changes, so that it is its own version.
  const std::string tag = '"' + layer->digest + '"';
  HttpRequest blob = request;
  blob.url = place.registry + "/v2/" + percent_encode(place.repository, KeepSlash::yes) +
             "/blobs/" + layer->digest;
  const auto start = open_range_start(request.headers, tag);
  std::erase_if(blob.headers, [&](const auto& header) {
    const std::string name = to_lower(header.first);
    return name == "if-range" || (name == "range" && !start);
  });
  if (request.on_answer) {
    blob.on_answer = [&](const HttpResponse& response) {
      HttpResponse versioned = response;
      versioned.headers["etag"] = tag;
      return request.on_answer(versioned);
    };
  }
  ATHANOR_ASSIGN(HttpResponse response, ask(place, std::move(blob), sink, stop));
  response.headers["etag"] = tag;
  return response;
}

Result<HttpResponse> OciOrigins::manifest_of(const OciPlace& place, std::string& text,
                                             const std::stop_token& stop) {
  HttpRequest request{.url = place.registry + "/v2/" +
                             percent_encode(place.repository, KeepSlash::yes) + "/manifests/" +
                             percent_encode(place.tag, KeepSlash::no),
                      .headers = {{"Accept",
                                   "application/vnd.oci.image.manifest.v1+json, "
                                   "application/vnd.docker.distribution.manifest.v2+json"}},
                      .max_body_bytes = k_manifest_bytes};
  return ask(place, std::move(request), append_to(text), stop);
}

Result<std::optional<OciOrigins::Layer>> OciOrigins::layer_of(const OciPlace& place,
                                                              const std::string& manifest) const {
  const std::string what = "the manifest of " + place.repository + ":" + place.tag;
  Result<Json> json = parse_json(manifest);
  if (!json) {
    return make_error(ErrorKind::rejected, what + " can't be read: " + json.error().message);
  }
  const Json* layers = json->find("layers");
  const Json::Array* list = layers == nullptr ? nullptr : layers->as_array();
  if (list == nullptr) {
    return make_error(ErrorKind::rejected, what + " lists no layers");
  }
  for (const Json& entry : *list) {
    const Json* type = entry.find("mediaType");
    const Json* digest = entry.find("digest");
    const std::string* type_text = type == nullptr ? nullptr : type->as_string();
    const std::string* digest_text = digest == nullptr ? nullptr : digest->as_string();
    if (type_text == nullptr || *type_text != place.media_type) {
      continue;
    }
    if (digest_text == nullptr || !is_digest(*digest_text)) {
      return make_error(ErrorKind::rejected, what + " names no SHA-256 for its package");
    }
    return std::optional(Layer{.digest = *digest_text, .media_type = *type_text});
  }
  return std::optional<Layer>();
}

Result<HttpResponse> OciOrigins::ask(const OciPlace& place, HttpRequest request,
                                     const HttpSink& sink, const std::stop_token& stop) {
  const std::string whose = place.registry + "/" + place.repository;
  HttpRequest authorized = request;
  {
    const std::lock_guard lock(mutex_);
    const auto token = tokens_.find(whose);
    if (token != tokens_.end() && clock_.now() < token->second.good_until) {
      authorized.headers.emplace_back("Authorization", "Bearer " + token->second.value);
    }
  }
  ATHANOR_ASSIGN(HttpResponse response, http_.perform(authorized, sink, stop));
  const auto url = response.status == 401
                       ? oci_token_url(response.header("www-authenticate").value_or(""))
                       : std::nullopt;
  if (!url) {
    return response;
  }
  ATHANOR_TRY(fetch_token(place, *url, stop));
  {
    const std::lock_guard lock(mutex_);
    request.headers.emplace_back("Authorization", "Bearer " + tokens_[whose].value);
  }
  return http_.perform(request, sink, stop);
}

Result<void> OciOrigins::fetch_token(const OciPlace& place, const std::string& url,
                                     const std::stop_token& stop) {
  std::string text;
  ATHANOR_ASSIGN(
      const HttpResponse response,
      http_.perform({.url = url, .max_body_bytes = k_token_bytes}, append_to(text), stop));
  const std::string what = "asking " + redact_url(url) + " for a token";
  if (response.status != 200) {
    return status_error(response, what);
  }
  const Result<Json> json = parse_json(text);
  const Json* value = json ? json->find("token") : nullptr;
  if (value == nullptr && json) {
    value = json->find("access_token");
  }
  if (value == nullptr || value->as_string() == nullptr) {
    return make_error(ErrorKind::rejected, what + ": the answer holds none");
  }
  const Json* life = json->find("expires_in");
  const std::chrono::seconds seconds(
      life == nullptr ? 0 : std::clamp<std::int64_t>(life->as_int().value_or(0), 0, 86'400));
  const std::lock_guard lock(mutex_);
  if (tokens_.size() >= k_tokens) {
    tokens_.clear();
  }
  tokens_[place.registry + "/" + place.repository] = {
      .value = *value->as_string(),
      .good_until = clock_.now() + std::max(seconds, k_token_life) - k_token_margin};
  return {};
}

}  // namespace athanor

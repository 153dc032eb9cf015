#include "shared/store/google_credentials.hpp"

#include "shared/base/strings.hpp"
#include "shared/base/units.hpp"
#include "shared/json/json.hpp"
#include "shared/json/view.hpp"
#include "shared/net/http_date.hpp"
#include "shared/net/url.hpp"
#include "shared/os/files.hpp"
#include "shared/store/aws_config.hpp"
#include "shared/store/encoding.hpp"
#include "shared/store/sigv4.hpp"
#include "shared/store/source_body.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <utility>

namespace athanor {
namespace {

constexpr std::uint64_t k_token_bytes = 256_KiB;
// What is needed to ask for another account's token.
constexpr std::string_view k_platform_scope = "https://www.googleapis.com/auth/cloud-platform";

// The body of a 2xx answer.
Result<std::string> fetch_text(HttpClient& http, HttpRequest request, const std::string& what) {
  std::string text;
  request.max_body_bytes = k_token_bytes;
  request.follow_redirects = FollowRedirects::no;
  ATHANOR_ASSIGN(const HttpResponse response, http.perform(request, collect_into(text), {}));
  if (response.status != 200) {
    Error error = status_error(response, what);
    if (error.kind == ErrorKind::not_found) {
      error.kind = ErrorKind::rejected;
    }
    return error;
  }
  return text;
}

Result<BearerToken> fetch_from(HttpClient& http, HttpRequest request, WallTime now,
                               const std::string& what) {
  ATHANOR_ASSIGN(const std::string text, fetch_text(http, std::move(request), what));
  return parse_token_answer(text, now);
}

HttpRequest form_request(std::string url, const QueryPairs& form) {
  return {.method = "POST",
          .url = std::move(url),
          .headers = {{"Content-Type", "application/x-www-form-urlencoded"}},
          .body = body_of_text(canonical_query(form))};
}

// The signed claim that a service account asks for a token with.
Result<std::string> signed_claim(const JsonView& account, const std::string& token_uri,
                                 std::string_view scope, WallTime now) {
  ATHANOR_ASSIGN(const std::string_view email, account.string("client_email"));
  ATHANOR_ASSIGN(const std::string_view key, account.string("private_key"));
  ATHANOR_ASSIGN(const auto key_id, account.optional_string("private_key_id"));
  const std::int64_t seconds =
      std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  Json header = Json::object({{"alg", "RS256"}, {"typ", "JWT"}});
  if (key_id) {
    header.set("kid", *key_id);
  }
  const Json claim = Json::object({{"iss", email},
                                   {"scope", scope},
                                   {"aud", token_uri},
                                   {"iat", seconds},
                                   {"exp", seconds + 3600}});
  const std::string text = base64url_encode(as_bytes(dump_json(header))) + "." +
                           base64url_encode(as_bytes(dump_json(claim)));
  ATHANOR_ASSIGN(const auto signature, sign_rs256(key, text));
  return text + "." + base64url_encode(signature);
}

// One credentials document; `path` is for messages.
class GoogleCredentials {
 public:
  GoogleCredentials(const CloudServices& services, std::string path)
      : services_(services),
        what_("asking for a token with '" + printable(path) + "'"),
        path_(std::move(path)) {}

  Result<BearerToken> token(const JsonView& view, std::string_view scope) const {
    ATHANOR_ASSIGN(const std::string_view type, view.string("type"));
    if (type == "service_account") {
      return of_service_account(view, scope);
    }
    if (type == "authorized_user") {
      return of_user(view);
    }
    if (type == "external_account") {
      return of_federation(view, scope);
    }
    if (type == "impersonated_service_account") {
      ATHANOR_ASSIGN(const JsonView source, view.member("source_credentials"));
      ATHANOR_ASSIGN(const std::string_view source_type, source.string("type"));
      if (source_type == type) {
        return make_error(ErrorKind::invalid,
                          "the credentials in '" + printable(path_) + "' impersonate twice");
      }
      ATHANOR_ASSIGN(const BearerToken own, token(source, k_platform_scope));
      ATHANOR_ASSIGN(const std::string_view url, view.string("service_account_impersonation_url"));
      ATHANOR_ASSIGN(const auto delegates, view.strings("delegates"));
      return impersonate(std::string(url), own, scope, delegates);
    }
    return make_error(ErrorKind::unsupported,
                      "the credentials in '" + printable(path_) + "' are of the type '" +
                          printable(type, 64) + "'",
                      "Known are service_account, authorized_user, external_account and "
                      "impersonated_service_account");
  }

 private:
  WallTime now() const { return services_.clock->wall_now(); }

  static Result<std::string> token_uri(const JsonView& view) {
    ATHANOR_ASSIGN(const auto named, view.optional_string("token_uri"));
    return std::string(named.value_or("https://oauth2.googleapis.com/token"));
  }

  Result<BearerToken> of_service_account(const JsonView& view, std::string_view scope) const {
    ATHANOR_ASSIGN(const std::string uri, token_uri(view));
    ATHANOR_ASSIGN(const std::string claim, signed_claim(view, uri, scope, now()));
    return fetch_from(
        *services_.http,
        form_request(uri, {{"grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"},
                           {"assertion", claim}}),
        now(), what_);
  }

  Result<BearerToken> of_user(const JsonView& view) const {
    ATHANOR_ASSIGN(const std::string uri, token_uri(view));
    ATHANOR_ASSIGN(const std::string_view id, view.string("client_id"));
    ATHANOR_ASSIGN(const std::string_view secret, view.string("client_secret"));
    ATHANOR_ASSIGN(const std::string_view refresh, view.string("refresh_token"));
    return fetch_from(*services_.http,
                      form_request(uri, {{"grant_type", "refresh_token"},
                                         {"client_id", std::string(id)},
                                         {"client_secret", std::string(secret)},
                                         {"refresh_token", std::string(refresh)}}),
                      now(), what_);
  }

  // RFC 8693: the token of another house is exchanged for one of Google's.
  Result<BearerToken> of_federation(const JsonView& view, std::string_view scope) const {
    ATHANOR_ASSIGN(const std::string subject, subject_token(view));
    ATHANOR_ASSIGN(const std::string_view audience, view.string("audience"));
    ATHANOR_ASSIGN(const std::string_view type, view.string("subject_token_type"));
    ATHANOR_ASSIGN(const std::string_view url, view.string("token_url"));
    ATHANOR_ASSIGN(const auto impersonation,
                   view.optional_string("service_account_impersonation_url"));
    ATHANOR_ASSIGN(
        const BearerToken own,
        fetch_from(
            *services_.http,
            form_request(std::string(url),
                         {{"grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"},
                          {"audience", std::string(audience)},
                          {"scope", std::string(impersonation ? k_platform_scope : scope)},
                          {"requested_token_type", "urn:ietf:params:oauth:token-type:access_token"},
                          {"subject_token", subject},
                          {"subject_token_type", std::string(type)}}),
            now(), what_));
    return impersonation ? impersonate(std::string(*impersonation), own, scope, {})
                         : Result<BearerToken>(own);
  }

  // From the file or the URL that the document names, which may change at any time.
  Result<std::string> subject_token(const JsonView& view) const {
    ATHANOR_ASSIGN(const JsonView source, view.member("credential_source"));
    ATHANOR_ASSIGN(const auto file, source.optional_string("file"));
    ATHANOR_ASSIGN(const auto url, source.optional_string("url"));
    std::string text;
    if (file) {
      ATHANOR_ASSIGN(text, read_file(std::string(*file), k_token_bytes));
    } else if (url) {
      HttpRequest request{.url = std::string(*url)};
      ATHANOR_ASSIGN(const auto headers, source.optional_member("headers"));
      if (headers) {
        ATHANOR_ASSIGN(const auto members, headers->members());
        for (const auto& [name, value] : members) {
          ATHANOR_ASSIGN(const std::string_view content, value.string());
          request.headers.emplace_back(name, content);
        }
      }
      ATHANOR_ASSIGN(text, fetch_text(*services_.metadata_http, std::move(request), what_));
    } else {
      return make_error(ErrorKind::unsupported,
                        "the credentials in '" + printable(path_) +
                            "' take their token from neither a file nor a URL",
                        "programs (executable) and AWS identities are not known here; write the "
                        "token to a file");
    }
    ATHANOR_ASSIGN(const auto format, source.optional_member("format"));
    ATHANOR_ASSIGN(const auto field, format ? format->optional_string("subject_token_field_name")
                                            : Result<std::optional<std::string_view>>(
                                                  std::optional<std::string_view>()));
    if (!field) {
      return std::string(trim(text));
    }
    ATHANOR_ASSIGN(const Json json, parse_json(text, {.bytes = k_token_bytes}));
    ATHANOR_ASSIGN(const std::string_view token,
                   JsonView(json, "the federated token").string(*field));
    return std::string(token);
  }

  Result<BearerToken> impersonate(const std::string& url, const BearerToken& own,
                                  std::string_view scope,
                                  const std::vector<std::string>& delegates) const {
    Json scopes = Json::array();
    scopes.push_back(scope);
    Json ask = Json::object({{"scope", std::move(scopes)}, {"lifetime", "3600s"}});
    if (!delegates.empty()) {
      Json list = Json::array();
      for (const std::string& delegate : delegates) {
        list.push_back(delegate);
      }
      ask.set("delegates", std::move(list));
    }
    ATHANOR_ASSIGN(const std::string text,
                   fetch_text(*services_.http,
                              {.method = "POST",
                               .url = url,
                               .headers = {{"Authorization", "Bearer " + own.text},
                                           {"Content-Type", "application/json"}},
                               .body = body_of_text(dump_json(ask))},
                              what_ + ", of the account that it stands for"));
    ATHANOR_ASSIGN(const Json json, parse_json(text, {.bytes = k_token_bytes}));
    const JsonView view(json, "the impersonated account's token");
    ATHANOR_ASSIGN(const std::string_view token, view.string("accessToken"));
    ATHANOR_ASSIGN(const std::string_view until, view.string("expireTime"));
    return BearerToken{.text = std::string(token),
                       .expires = parse_iso_date(until).value_or(own.expires)};
  }

  const CloudServices& services_;
  const std::string what_;
  const std::string path_;
};

Result<BearerToken> token_of_file(const CloudServices& services, const std::string& path,
                                  std::string_view scope) {
  ATHANOR_ASSIGN(const std::string text, read_file(path, k_token_bytes));
  auto parsed = parse_json(text);
  if (!parsed) {
    return make_error(ErrorKind::invalid,
                      "the credentials file '" + printable(path) + "' is no JSON document");
  }
  return GoogleCredentials(services, path)
      .token(JsonView(parsed.value(), "the credentials file"), scope);
}

Result<BearerToken> token_of_machine(const CloudServices& services) {
  const std::string host = environment_value(services.environment, "GCE_METADATA_HOST")
                               .value_or("metadata.google.internal");
  auto token = fetch_from(
      *services.metadata_http,
      {.url = "http://" + host + "/computeMetadata/v1/instance/service-accounts/default/token",
       .headers = {{"Metadata-Flavor", "Google"}}},
      services.clock->wall_now(), "asking the metadata server for a token");
  if (!token) {
    return make_error(
        ErrorKind::rejected, "there are no Google credentials (" + token.error().message + ")",
        "Looked at GOOGLE_APPLICATION_CREDENTIALS, gcloud's application default credentials and "
        "the metadata server. For a public bucket add ?anonymous=true to the store's URL");
  }
  return token;
}

}  // namespace

Result<BearerToken> fetch_google_token(const CloudServices& services, std::string_view scope) {
  const auto& environment = services.environment;
  if (const auto named = environment_value(environment, "GOOGLE_APPLICATION_CREDENTIALS")) {
    return token_of_file(services, *named, scope);
  }
  const std::string folder = environment_value(environment, "CLOUDSDK_CONFIG")
                                 .value_or(expand_home(environment, "~/.config/gcloud"));
  const std::string usual = folder + "/application_default_credentials.json";
  ATHANOR_ASSIGN(const auto there, read_file_if_exists(usual, k_token_bytes));
  return there ? token_of_file(services, usual, scope) : token_of_machine(services);
}

}  // namespace athanor

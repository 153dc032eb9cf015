#include "shared/store/gcs_client.hpp"

#include "shared/base/strings.hpp"
#include "shared/base/units.hpp"
#include "shared/json/json.hpp"
#include "shared/json/view.hpp"
#include "shared/net/url.hpp"
#include "shared/os/files.hpp"
#include "shared/store/aws_config.hpp"
#include "shared/store/encoding.hpp"
#include "shared/store/source_body.hpp"

#include <chrono>

namespace athanor {
namespace {

constexpr const char* k_scope = "https://www.googleapis.com/auth/devstorage.read_write";
constexpr std::uint64_t k_token_bytes = 256_KiB;

Result<BearerToken> fetch_from(HttpClient& http, HttpRequest request, WallTime now,
                               const std::string& what) {
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
                                 WallTime now) {
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
                                   {"scope", k_scope},
                                   {"aud", token_uri},
                                   {"iat", seconds},
                                   {"exp", seconds + 3600}});
  const std::string text = base64url_encode(as_bytes(dump_json(header))) + "." +
                           base64url_encode(as_bytes(dump_json(claim)));
  ATHANOR_ASSIGN(const auto signature, sign_rs256(key, text));
  return text + "." + base64url_encode(signature);
}

// Google's "reason" of an error: error.errors[0].reason.
std::string error_reason(const HttpResponse& response) {
  const auto json = parse_json(response.error_body);
  const Json* error = json ? json->find("error") : nullptr;
  const Json* errors = error != nullptr ? error->find("errors") : nullptr;
  const Json::Array* list = errors != nullptr ? errors->as_array() : nullptr;
  const Json* reason = list != nullptr && !list->empty() ? list->front().find("reason") : nullptr;
  return reason != nullptr && reason->as_string() != nullptr ? *reason->as_string() : std::string();
}

}  // namespace

const std::vector<std::string>& GcsSettings::names() {
  static const std::vector<std::string> names = {"endpoint", "anonymous", "part_size",
                                                 "multipart_from"};
  return names;
}

Result<GcsSettings> GcsSettings::make(const StoreUrl& url, const EnvironmentLookup& environment) {
  GcsSettings settings;
  settings.bucket = url.container;
  settings.prefix = url.prefix;
  ATHANOR_ASSIGN(settings.anonymous, url.flag("anonymous"));
  const auto emulator = environment_value(environment, "STORAGE_EMULATOR_HOST");
  if (const auto endpoint = url.setting("endpoint")) {
    settings.endpoint = *endpoint;
  } else if (emulator) {
    settings.endpoint =
        emulator->find("://") == std::string::npos ? "http://" + *emulator : *emulator;
    settings.anonymous = true;  // as Google's own clients take it
  }
  while (settings.endpoint.ends_with('/')) {
    settings.endpoint.pop_back();
  }
  ATHANOR_ASSIGN(const Url parsed, Url::parse(settings.endpoint));
  if ((parsed.scheme != "https" && parsed.scheme != "http") || !parsed.userinfo.empty() ||
      !parsed.query.empty()) {
    return make_error(ErrorKind::invalid,
                      "the endpoint '" + parsed.redacted() + "' is no https URL");
  }
  ATHANOR_ASSIGN(const auto chunk, url.number("part_size", 256_KiB, 1_GiB));
  settings.chunk_bytes = chunk.value_or(settings.chunk_bytes) / 256_KiB * 256_KiB;
  ATHANOR_ASSIGN(const auto from, url.number("multipart_from", 0, 1_GiB));
  settings.resumable_from = from.value_or(settings.resumable_from);
  return settings;
}

GcsClient::GcsClient(CloudServices services, GcsSettings settings)
    : settings_(std::move(settings)),
      cloud_(std::move(services)),
      tokens_(*cloud_.services().clock, [this] { return fetch_token(); }) {}

std::string GcsClient::objects_url(const QueryPairs& query) const {
  return settings_.endpoint + "/storage/v1/b/" + percent_encode(settings_.bucket, KeepSlash::no) +
         "/o?" + canonical_query(query);
}

std::string GcsClient::object_url(const std::string& key, const QueryPairs& query) const {
  return settings_.endpoint + "/storage/v1/b/" + percent_encode(settings_.bucket, KeepSlash::no) +
         "/o/" + percent_encode(key, KeepSlash::no) + "?" + canonical_query(query);
}

std::string GcsClient::upload_url(const QueryPairs& query) const {
  return settings_.endpoint + "/upload/storage/v1/b/" +
         percent_encode(settings_.bucket, KeepSlash::no) + "/o?" + canonical_query(query);
}

Result<BearerToken> GcsClient::fetch_token() {
  const auto& environment = cloud_.services().environment;
  if (const auto named = environment_value(environment, "GOOGLE_APPLICATION_CREDENTIALS")) {
    return token_of_file(*named);
  }
  const std::string folder = environment_value(environment, "CLOUDSDK_CONFIG")
                                 .value_or(expand_home(environment, "~/.config/gcloud"));
  const std::string usual = folder + "/application_default_credentials.json";
  ATHANOR_ASSIGN(const auto there, read_file_if_exists(usual, k_token_bytes));
  return there ? token_of_file(usual) : token_of_machine();
}

Result<BearerToken> GcsClient::token_of_file(const std::string& path) {
  ATHANOR_ASSIGN(const std::string text, read_file(path, k_token_bytes));
  auto parsed = parse_json(text);
  if (!parsed) {
    return make_error(ErrorKind::invalid,
                      "the credentials file '" + printable(path) + "' is no JSON document");
  }
  const JsonView view(parsed.value(), "the credentials file");
  ATHANOR_ASSIGN(const std::string_view type, view.string("type"));
  ATHANOR_ASSIGN(const auto named_uri, view.optional_string("token_uri"));
  const std::string uri(named_uri.value_or("https://oauth2.googleapis.com/token"));
  const WallTime now = cloud_.services().clock->wall_now();
  const std::string what = "asking for a token with '" + printable(path) + "'";
  if (type == "service_account") {
    ATHANOR_ASSIGN(const std::string claim, signed_claim(view, uri, now));
    return fetch_from(
        *cloud_.services().http,
        form_request(uri, {{"grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"},
                           {"assertion", claim}}),
        now, what);
  }
  if (type == "authorized_user") {
    ATHANOR_ASSIGN(const std::string_view id, view.string("client_id"));
    ATHANOR_ASSIGN(const std::string_view secret, view.string("client_secret"));
    ATHANOR_ASSIGN(const std::string_view refresh, view.string("refresh_token"));
    return fetch_from(*cloud_.services().http,
                      form_request(uri, {{"grant_type", "refresh_token"},
                                         {"client_id", std::string(id)},
                                         {"client_secret", std::string(secret)},
                                         {"refresh_token", std::string(refresh)}}),
                      now, what);
  }
  return make_error(
      ErrorKind::unsupported,
      "the credentials in '" + printable(path) + "' are of the type '" + printable(type, 64) + "'",
      "Known are service_account and authorized_user");
}

Result<BearerToken> GcsClient::token_of_machine() {
  const std::string host = environment_value(cloud_.services().environment, "GCE_METADATA_HOST")
                               .value_or("metadata.google.internal");
  auto token = fetch_from(
      *cloud_.services().metadata_http,
      {.url = "http://" + host + "/computeMetadata/v1/instance/service-accounts/default/token",
       .headers = {{"Metadata-Flavor", "Google"}}},
      cloud_.services().clock->wall_now(), "asking the metadata server for a token");
  if (!token) {
    return make_error(
        ErrorKind::rejected, "there are no Google credentials (" + token.error().message + ")",
        "Looked at GOOGLE_APPLICATION_CREDENTIALS, gcloud's application default credentials and "
        "the metadata server. For a public bucket add ?anonymous=true to the store's URL");
  }
  return token;
}

Result<HttpRequest> GcsClient::build(const GcsCall& call, unsigned attempt, std::string& token) {
  HttpRequest http{.method = call.method, .url = call.url, .headers = call.headers};
  if (call.body) {
    ATHANOR_ASSIGN(http.body, call.body());
  }
  http.follow_redirects = FollowRedirects::no;
  http.max_body_bytes = call.max_body_bytes;
  if (!settings_.anonymous) {
    ATHANOR_ASSIGN(token, tokens_.get());
    http.headers.emplace_back("Authorization", "Bearer " + token);
  }
  if (call.change_each_try) {
    ATHANOR_TRY(call.change_each_try(http, attempt));
  }
  return http;
}

Verdict GcsClient::judge(const HttpResponse& response, unsigned attempt, const std::string& token) {
  const int status = response.status;
  if ((status >= 200 && status < 300) || status == 308 || status == 404 || status == 410 ||
      status == 412 || status == 416) {
    return Verdict::accept;
  }
  const std::string reason = error_reason(response);
  if (is_retryable_status(status) || reason == "rateLimitExceeded" ||
      reason == "userRateLimitExceeded" || reason == "backendError") {
    return Verdict::again;
  }
  if (status == 401 && !token.empty() && attempt == 1) {
    tokens_.invalidate(token);
    return Verdict::again;
  }
  return Verdict::fail;
}

Error GcsClient::explain(const HttpResponse& response, const std::string& what) const {
  Error error = status_error(response, what);
  if (const std::string reason = error_reason(response); !reason.empty()) {
    error.message += ", " + printable(reason, 64);
  }
  if (response.status == 404) {
    error.hint = "Check the bucket's name";
  } else if (response.status == 403) {
    error.hint =
        "These credentials may not do that: wanted are to list, get and create objects "
        "and, for gc, to delete them (role Storage Object Admin)";
  }
  return error;
}

Result<CloudAnswer> GcsClient::perform(const GcsCall& call, const HttpSink& sink,
                                       std::stop_token stop) {
  std::string token;
  unsigned attempt = 0;
  return cloud_.perform(
      {.build = [&] { return build(call, ++attempt, token); },
       .sink = sink,
       .judge = [&](const HttpResponse& response,
                    unsigned number) { return judge(response, number, token); },
       .explain = [&](const HttpResponse& response) { return explain(response, call.what); },
       .stop = std::move(stop)});
}

}  // namespace athanor

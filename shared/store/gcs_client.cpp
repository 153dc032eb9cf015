#include "shared/store/gcs_client.hpp"

#include "shared/base/strings.hpp"
#include "shared/base/units.hpp"
#include "shared/json/json.hpp"
#include "shared/net/url.hpp"
#include "shared/store/aws_config.hpp"
#include "shared/store/google_credentials.hpp"

namespace athanor {
namespace {

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
      tokens_(*cloud_.services().clock,
              [this] { return fetch_google_token(cloud_.services(), k_google_storage_scope); }) {}

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

#include "shared/store/azure_client.hpp"

#include "shared/base/strings.hpp"
#include "shared/base/units.hpp"
#include "shared/net/http_date.hpp"
#include "shared/net/url.hpp"
#include "shared/os/files.hpp"
#include "shared/store/aws_config.hpp"
#include "shared/store/encoding.hpp"
#include "shared/store/source_body.hpp"
#include "shared/store/xml.hpp"

#include <algorithm>
#include <array>

namespace athanor {
namespace {

constexpr const char* k_version = "2021-12-02";  // of the protocol: Azurite knows no later one
constexpr const char* k_resource = "https://storage.azure.com/";
constexpr std::uint64_t k_token_bytes = 256_KiB;

// "AccountName=x;AccountKey=y==;…"
std::map<std::string, std::string> parse_connection_string(std::string_view text) {
  std::map<std::string, std::string> parts;
  for (const std::string_view part : split(text, ';')) {
    const std::size_t equals = part.find('=');
    if (equals != std::string_view::npos) {
      parts[to_lower(trim(part.substr(0, equals)))] = std::string(trim(part.substr(equals + 1)));
    }
  }
  return parts;
}

QueryPairs parse_sas(std::string_view text) {
  if (text.starts_with('?')) {
    text.remove_prefix(1);
  }
  QueryPairs pairs;
  for (const std::string_view pair : split(text, '&')) {
    const std::size_t equals = pair.find('=');
    if (equals != std::string_view::npos) {
      pairs.emplace_back(percent_decode(pair.substr(0, equals)),
                         percent_decode(pair.substr(equals + 1)));
    }
  }
  return pairs;
}

// The body of a 200 answer of a token endpoint.
Result<BearerToken> fetch_from(HttpClient& http, HttpRequest request, const Clock& clock,
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
  return parse_token_answer(text, clock.wall_now());
}

}  // namespace

const std::vector<std::string>& AzureSettings::names() {
  static const std::vector<std::string> names = {"account", "endpoint", "anonymous", "part_size",
                                                 "multipart_from"};
  return names;
}

Result<AzureSettings> AzureSettings::make(const StoreUrl& url,
                                          const EnvironmentLookup& environment) {
  const auto variable = [&](std::string_view name) { return environment_value(environment, name); };
  const auto connection =
      parse_connection_string(variable("AZURE_STORAGE_CONNECTION_STRING").value_or(""));
  const auto connected = [&](const char* name) -> std::optional<std::string> {
    const auto found = connection.find(name);
    return found == connection.end() ? std::nullopt : std::optional(found->second);
  };
  const auto first = [](std::initializer_list<std::optional<std::string>> candidates) {
    for (const auto& candidate : candidates) {
      if (candidate && !candidate->empty()) {
        return *candidate;
      }
    }
    return std::string();
  };
  AzureSettings settings;
  settings.container = url.container;
  settings.prefix = url.prefix;
  const std::string account =
      first({url.setting("account"), connected("accountname"), variable("AZURE_STORAGE_ACCOUNT"),
             variable("AZURE_STORAGE_ACCOUNT_NAME")});
  settings.endpoint = first({url.setting("endpoint"), connected("blobendpoint"),
                             variable("METAFLOW_AZURE_STORAGE_BLOB_SERVICE_ENDPOINT")});
  if (settings.endpoint.empty() && !account.empty()) {
    settings.endpoint = first({connected("defaultendpointsprotocol"), "https"}) + "://" + account +
                        ".blob." + first({connected("endpointsuffix"), "core.windows.net"});
  }
  while (settings.endpoint.ends_with('/')) {
    settings.endpoint.pop_back();
  }
  if (settings.endpoint.empty()) {
    return make_error(ErrorKind::invalid, "the store " + url.text() + " has no storage account",
                      "Set AZURE_STORAGE_CONNECTION_STRING or AZURE_STORAGE_ACCOUNT, or add "
                      "?account=NAME to the store's URL");
  }
  ATHANOR_ASSIGN(const Url endpoint, Url::parse(settings.endpoint));
  if ((endpoint.scheme != "https" && endpoint.scheme != "http") || !endpoint.query.empty() ||
      !endpoint.userinfo.empty()) {
    return make_error(ErrorKind::invalid,
                      "the blob endpoint '" + endpoint.redacted() + "' is no https URL");
  }
  const std::string key =
      first({connected("accountkey"), variable("AZURE_STORAGE_KEY"),
             variable("AZURE_STORAGE_ACCOUNT_KEY"), variable("AZURE_STORAGE_ACCESS_KEY")});
  if (!key.empty()) {
    auto decoded = base64_decode(key);
    if (!decoded || account.empty()) {
      return make_error(ErrorKind::invalid,
                        account.empty() ? "there is an Azure account key but no account name"
                                        : "the Azure account key is no base64 text");
    }
    settings.shared_key = AzureSharedKey{.account = account, .key = std::move(*decoded)};
  } else {
    settings.sas =
        parse_sas(first({connected("sharedaccesssignature"), variable("AZURE_STORAGE_SAS_TOKEN")}));
  }
  ATHANOR_ASSIGN(settings.anonymous, url.flag("anonymous"));
  ATHANOR_ASSIGN(const auto block_bytes, url.number("part_size", 1_MiB, 4000_MiB));
  settings.block_bytes = block_bytes.value_or(settings.block_bytes);
  ATHANOR_ASSIGN(const auto blocks_from, url.number("multipart_from", 1_MiB, 5000_MiB));
  settings.blocks_from = blocks_from.value_or(settings.blocks_from);
  return settings;
}

AzureClient::AzureClient(CloudServices services, AzureSettings settings)
    : settings_(std::move(settings)),
      cloud_(std::move(services)),
      tokens_(*cloud_.services().clock, [this] { return fetch_token(); }) {}

Result<BearerToken> AzureClient::fetch_token() {
  const auto& environment = cloud_.services().environment;
  const auto tenant = environment_value(environment, "AZURE_TENANT_ID");
  const auto client = environment_value(environment, "AZURE_CLIENT_ID");
  if (tenant && client &&
      (environment_value(environment, "AZURE_FEDERATED_TOKEN_FILE") ||
       environment_value(environment, "AZURE_CLIENT_SECRET"))) {
    return token_of_application(*tenant, *client);
  }
  return token_of_machine();
}

// A workload identity (the file is an assertion) or an application's secret.
Result<BearerToken> AzureClient::token_of_application(const std::string& tenant,
                                                      const std::string& client) {
  const auto& environment = cloud_.services().environment;
  std::string host = environment_value(environment, "AZURE_AUTHORITY_HOST")
                         .value_or("https://login.microsoftonline.com");
  while (host.ends_with('/')) {
    host.pop_back();
  }
  QueryPairs form = {{"grant_type", "client_credentials"},
                     {"client_id", client},
                     {"scope", std::string(k_resource) + ".default"}};
  if (const auto file = environment_value(environment, "AZURE_FEDERATED_TOKEN_FILE")) {
    ATHANOR_ASSIGN(const std::string assertion, read_file(*file, k_token_bytes));
    form.emplace_back("client_assertion", trim(assertion));
    form.emplace_back("client_assertion_type",
                      "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
  } else {
    form.emplace_back("client_secret",
                      environment_value(environment, "AZURE_CLIENT_SECRET").value_or(""));
  }
  return fetch_from(
      *cloud_.services().http,
      {.method = "POST",
       .url = host + "/" + percent_encode(tenant, KeepSlash::no) + "/oauth2/v2.0/token",
       .headers = {{"Content-Type", "application/x-www-form-urlencoded"}},
       .body = body_of_text(canonical_query(form))},
      *cloud_.services().clock, "asking for a token of an Azure identity");
}

Result<BearerToken> AzureClient::token_of_machine() {
  const auto& environment = cloud_.services().environment;
  const auto app_endpoint = environment_value(environment, "IDENTITY_ENDPOINT");
  const auto app_header = environment_value(environment, "IDENTITY_HEADER");
  QueryPairs query = {{"resource", k_resource}};
  if (const auto client = environment_value(environment, "AZURE_CLIENT_ID")) {
    query.emplace_back("client_id", *client);
  }
  HttpRequest request;
  if (app_endpoint && app_header) {
    query.emplace_back("api-version", "2019-08-01");
    request.url = *app_endpoint + "?" + canonical_query(query);
    request.headers = {{"X-IDENTITY-HEADER", *app_header}};
  } else {
    query.emplace_back("api-version", "2018-02-01");
    const std::string host = environment_value(environment, "AZURE_POD_IDENTITY_AUTHORITY_HOST")
                                 .value_or("http://169.254.169.254");
    request.url = host + "/metadata/identity/oauth2/token?" + canonical_query(query);
    request.headers = {{"Metadata", "true"}};
  }
  auto token = fetch_from(*cloud_.services().metadata_http, std::move(request),
                          *cloud_.services().clock, "asking for a token of the managed identity");
  if (!token) {
    Error error = std::move(token).error();
    error.kind = ErrorKind::rejected;
    error.message = "there are no Azure credentials (" + error.message + ")";
    error.hint =
        "Looked at AZURE_STORAGE_CONNECTION_STRING, AZURE_STORAGE_KEY, AZURE_STORAGE_SAS_TOKEN, "
        "AZURE_FEDERATED_TOKEN_FILE, AZURE_CLIENT_SECRET and the managed identity. For a public "
        "container add ?anonymous=true to the store's URL";
    return error;
  }
  return token;
}

Result<HttpRequest> AzureClient::build(const AzureCall& call, std::string& token) {
  // Only the path of an endpoint like http://127.0.0.1:10000/account stands before the container.
  const std::size_t host = settings_.endpoint.find("://") + 3;
  const std::size_t slash = settings_.endpoint.find('/', host);
  const std::string base = slash == std::string::npos ? "" : settings_.endpoint.substr(slash);
  const std::string path = base + "/" + percent_encode(settings_.container, KeepSlash::no) +
                           (call.key.empty() ? "" : "/" + percent_encode(call.key, KeepSlash::yes));
  QueryPairs query = call.query;
  query.insert(query.end(), settings_.sas.begin(), settings_.sas.end());
  const std::string query_text = canonical_query(query);
  HttpRequest http;
  http.method = call.method;
  http.url =
      settings_.endpoint.substr(0, slash) + path + (query_text.empty() ? "" : "?") + query_text;
  http.headers = call.headers;
  if (call.change_each_try) {
    call.change_each_try(http.headers);
  }
  if (call.body) {
    ATHANOR_ASSIGN(http.body, call.body());
  }
  http.headers.emplace_back("x-ms-version", k_version);
  http.headers.emplace_back("x-ms-date", format_http_date(cloud_.now()));
  http.follow_redirects = FollowRedirects::no;
  http.max_body_bytes = call.max_body_bytes;
  if (settings_.shared_key) {
    http.headers.emplace_back("Authorization",
                              sign_azure_shared_key({.method = call.method,
                                                     .encoded_path = path,
                                                     .query = query,
                                                     .headers = http.headers,
                                                     .content_length = call.content_length},
                                                    *settings_.shared_key));
  } else if (settings_.sas.empty() && !settings_.anonymous) {
    ATHANOR_ASSIGN(token, tokens_.get());
    http.headers.emplace_back("Authorization", "Bearer " + token);
  }
  return http;
}

std::string AzureClient::error_code(const HttpResponse& response) {
  if (const auto header = response.header("x-ms-error-code")) {
    return *header;
  }
  const auto xml = parse_xml(response.error_body);
  return xml ? xml->text_of("Code") : std::string();
}

Verdict AzureClient::judge(const HttpResponse& response, unsigned attempt,
                           const std::string& token) {
  const int status = response.status;
  const std::string code = error_code(response);
  if (code == "ContainerNotFound") {
    return Verdict::fail;
  }
  if (code == "ContainerBeingDeleted" || code == "ServerBusy" || code == "OperationTimedOut") {
    return Verdict::again;
  }
  if ((status >= 200 && status < 300) || status == 404 || status == 409 || status == 412 ||
      status == 416 || code == "InvalidBlockList") {
    return Verdict::accept;
  }
  if (is_retryable_status(status)) {
    return Verdict::again;
  }
  if (code == "Md5Mismatch") {
    return attempt == 1 ? Verdict::again : Verdict::fail;  // altered on the way, perhaps
  }
  if (status == 403 && cloud_.learn_time(response)) {
    return Verdict::again;
  }
  if ((status == 401 || status == 403) && !token.empty() && attempt == 1) {
    tokens_.invalidate(token);
    return Verdict::again;
  }
  return Verdict::fail;
}

Error AzureClient::explain(const HttpResponse& response, const std::string& what) const {
  Error error = status_error(response, what);
  const std::string code = error_code(response);
  if (!code.empty()) {
    error.message += ", " + printable(code, 64);
  }
  if (code == "ContainerNotFound") {
    error.kind = ErrorKind::not_found;
    error.hint = "Check the container's name and the storage account";
  } else if (code == "Md5Mismatch") {
    error.kind = ErrorKind::corrupt;
    error.hint = "The bytes that arrived are not those that were announced";
  } else if (code == "AuthenticationFailed" || code == "AuthorizationFailure") {
    error.hint =
        "The account key, signature or token is wrong, has expired, or this machine's "
        "address is not allowed";
  } else if (code.starts_with("Authorization")) {
    error.hint =
        "These credentials may not do that: wanted are list, read, create, write and, for "
        "gc, delete (role Storage Blob Data Contributor)";
  }
  return error;
}

Result<CloudAnswer> AzureClient::perform(const AzureCall& call, const HttpSink& sink,
                                         std::stop_token stop) {
  std::string token;
  return cloud_.perform(
      {.build = [&] { return build(call, token); },
       .sink = sink,
       .judge = [&](const HttpResponse& response,
                    unsigned attempt) { return judge(response, attempt, token); },
       .explain = [&](const HttpResponse& response) { return explain(response, call.what); },
       .stop = std::move(stop)});
}

}  // namespace athanor

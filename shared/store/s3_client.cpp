#include "shared/store/s3_client.hpp"

#include "shared/base/strings.hpp"
#include "shared/base/units.hpp"
#include "shared/net/url.hpp"
#include "shared/store/xml.hpp"

#include <algorithm>
#include <array>

namespace athanor {
namespace {

constexpr std::string_view k_empty_sha256 =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> list) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

// A bucket whose name can be a label of a host name: with dots it would not match the certificate.
bool fits_a_host(const std::string& bucket) {
  return bucket.size() >= 3 && bucket.size() <= 63 &&
         std::all_of(bucket.begin(), bucket.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

std::optional<std::string> first_of(std::initializer_list<std::optional<std::string>> candidates) {
  for (const auto& candidate : candidates) {
    if (candidate && !candidate->empty()) {
      return candidate;
    }
  }
  return std::nullopt;
}

std::optional<std::string> find_in(const std::map<std::string, std::string>& map,
                                   const std::string& name) {
  const auto found = map.find(name);
  return found == map.end() ? std::nullopt : std::optional(found->second);
}

// "https://host:port" of an endpoint setting.
Result<std::string> origin_of(const std::string& endpoint) {
  ATHANOR_ASSIGN(const Url url, Url::parse(endpoint));
  if ((url.scheme != "http" && url.scheme != "https") || url.host.empty() ||
      !url.userinfo.empty() || url.path != "/" || !url.query.empty()) {
    return make_error(ErrorKind::invalid, "the S3 endpoint '" + url.redacted() +
                                              "' is not of the form https://host[:port]");
  }
  return url.scheme + "://" + url.netloc();
}

Result<HttpHeaders> headers_of_writes(const StoreUrl& url) {
  constexpr std::array<std::pair<const char*, const char*>, 4> k_headers = {{
      {"sse", "x-amz-server-side-encryption"},
      {"sse_kms_key_id", "x-amz-server-side-encryption-aws-kms-key-id"},
      {"storage_class", "x-amz-storage-class"},
      {"tags", "x-amz-tagging"},
  }};
  HttpHeaders headers;
  for (const auto& [name, header] : k_headers) {
    if (const auto value = url.setting(name)) {
      headers.emplace_back(header, *value);
    }
  }
  const auto sse = url.setting("sse");
  if (sse && *sse != "AES256" && *sse != "aws:kms" && *sse != "aws:kms:dsse") {
    return make_error(ErrorKind::invalid,
                      "the store setting 'sse' is none of AES256, aws:kms and aws:kms:dsse");
  }
  return headers;
}

}  // namespace

const std::vector<std::string>& S3Settings::names() {
  static const std::vector<std::string> names = {
      "endpoint",      "region", "addressing", "anonymous",      "sse",           "sse_kms_key_id",
      "storage_class", "tags",   "part_size",  "multipart_from", "requester_pays"};
  return names;
}

Result<S3Settings> S3Settings::make(const StoreUrl& url, const EnvironmentLookup& environment,
                                    const AwsProfile& profile) {
  S3Settings settings;
  settings.bucket = url.container;
  settings.prefix = url.prefix;
  const auto variable = [&](std::string_view name) { return environment_value(environment, name); };
  const auto endpoint =
      first_of({url.setting("endpoint"), variable("AWS_ENDPOINT_URL_S3"),
                variable("METAFLOW_S3_ENDPOINT_URL"), variable("AWS_ENDPOINT_URL"),
                find_in(profile.services, "s3.endpoint_url"), profile.find("s3.endpoint_url"),
                profile.find("endpoint_url")});
  if (endpoint) {
    ATHANOR_ASSIGN(settings.endpoint, origin_of(*endpoint));
  }
  settings.region = first_of({url.setting("region"), variable("AWS_REGION"),
                              variable("AWS_DEFAULT_REGION"), profile.find("region")})
                        .value_or("us-east-1");
  const auto addressing =
      first_of({url.setting("addressing"), profile.find("s3.addressing_style")}).value_or("auto");
  if (!is_one_of(addressing, {"auto", "path", "virtual"})) {
    return make_error(ErrorKind::invalid,
                      "the store setting 'addressing' is none of auto, path and virtual");
  }
  const bool by_path =
      addressing == "path" ||
      (addressing == "auto" && (endpoint.has_value() || !fits_a_host(settings.bucket)));
  settings.addressing = by_path ? S3Addressing::path : S3Addressing::virtual_host;
  ATHANOR_ASSIGN(settings.anonymous, url.flag("anonymous"));
  ATHANOR_ASSIGN(settings.write_headers, headers_of_writes(url));
  ATHANOR_ASSIGN(const bool requester_pays, url.flag("requester_pays"));
  if (requester_pays) {
    settings.request_headers.emplace_back("x-amz-request-payer", "requester");
  }
  ATHANOR_ASSIGN(const auto part_bytes, url.number("part_size", 5_MiB, 5_GiB));
  settings.part_bytes = part_bytes.value_or(settings.part_bytes);
  ATHANOR_ASSIGN(const auto multipart_from, url.number("multipart_from", 5_MiB, 5_GiB));
  settings.multipart_from = multipart_from.value_or(settings.multipart_from);
  return settings;
}

S3Client::S3Client(CloudServices services, S3Settings settings, AwsProfile profile)
    : settings_(std::move(settings)),
      cloud_(std::move(services)),
      credentials_({.http = *cloud_.services().http,
                    .metadata_http = *cloud_.services().metadata_http,
                    .clock = *cloud_.services().clock,
                    .environment = cloud_.services().environment,
                    .profile = std::move(profile),
                    .region = settings_.region}),
      region_(settings_.region) {}

std::string S3Client::region() const {
  const std::lock_guard lock(mutex_);
  return region_;
}

S3Client::Address S3Client::address_of(const std::string& key) const {
  std::string origin = settings_.endpoint;
  if (origin.empty()) {
    const std::string region_name = region();
    origin = "https://s3." + region_name +
             (region_name.starts_with("cn-") ? ".amazonaws.com.cn" : ".amazonaws.com");
  }
  Address address;
  address.path = "/" + percent_encode(key, KeepSlash::yes);
  const std::size_t host = origin.find("://") + 3;
  if (settings_.addressing == S3Addressing::virtual_host) {
    origin.insert(host, settings_.bucket + ".");
  } else {
    address.path =
        "/" + percent_encode(settings_.bucket, KeepSlash::no) + (key.empty() ? "" : address.path);
  }
  address.host = origin.substr(host);
  address.origin = std::move(origin);
  // The default port is not sent in the Host header, and so not signed.
  for (const auto& [scheme, port] : {std::pair("https://", ":443"), std::pair("http://", ":80")}) {
    if (address.origin.starts_with(scheme) && address.host.ends_with(port)) {
      address.host.resize(address.host.size() - std::string_view(port).size());
    }
  }
  return address;
}

Result<HttpRequest> S3Client::build(const S3Request& request, std::optional<AwsCredentials>& used) {
  const Address address = address_of(request.key);
  const std::string query = canonical_query(request.query);
  HttpRequest http;
  http.method = request.method;
  http.url = address.origin + address.path + (query.empty() ? "" : "?" + query);
  http.headers = request.headers;
  http.headers.insert(http.headers.end(), settings_.request_headers.begin(),
                      settings_.request_headers.end());
  if (request.change_each_try) {
    request.change_each_try(http.headers);
  }
  if (request.body) {
    ATHANOR_ASSIGN(http.body, request.body());
  }
  http.follow_redirects = FollowRedirects::no;
  http.max_body_bytes = request.max_body_bytes;
  used.reset();
  if (!settings_.anonymous) {
    ATHANOR_ASSIGN(used, credentials_.get());
    http.headers =
        sign_sigv4({.method = request.method,
                    .host = address.host,
                    .encoded_path = address.path,
                    .query = request.query,
                    .headers = std::move(http.headers),
                    .payload_sha256 = request.payload_sha256.empty() ? std::string(k_empty_sha256)
                                                                     : request.payload_sha256},
                   {.region = region(), .service = "s3"}, used->keys, cloud_.now());
  }
  return http;
}

std::string S3Client::error_code(const HttpResponse& response) {
  const auto xml = parse_xml(response.error_body);
  if (!xml || xml->name != "Error") {
    return {};
  }
  return xml->text_of("Code");
}

bool S3Client::learn_region(const HttpResponse& response) {
  std::string told = response.header("x-amz-bucket-region").value_or("");
  if (const auto xml = parse_xml(response.error_body); told.empty() && xml) {
    told = xml->text_of("Region");
  }
  const bool is_name =
      !told.empty() && told.size() < 64 && std::all_of(told.begin(), told.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
      });
  const std::lock_guard lock(mutex_);
  if (!is_name || told == region_) {
    return false;
  }
  region_ = told;
  return true;
}

Verdict S3Client::judge(const HttpResponse& response, unsigned attempt,
                        const std::optional<AwsCredentials>& used) {
  const int status = response.status;
  if ((status >= 200 && status < 300) || status == 404 || status == 412 || status == 416 ||
      status == 501) {
    return error_code(response) == "NoSuchBucket" ? Verdict::fail : Verdict::accept;
  }
  if (is_retryable_status(status)) {
    return Verdict::again;
  }
  const std::string code = error_code(response);
  if (is_one_of(code, {"ConditionalRequestConflict", "OperationAborted", "RequestTimeout",
                       "SlowDown", "InternalError", "ServiceUnavailable", "ThrottlingException"})) {
    return Verdict::again;
  }
  if (is_one_of(code, {"XAmzContentSHA256Mismatch", "BadDigest"})) {
    return attempt == 1 ? Verdict::again : Verdict::fail;  // altered on the way, perhaps
  }
  if (status == 301 || status == 307 || status == 400) {
    // The answer to a HEAD has no code, only perhaps the header.
    if (learn_region(response)) {
      return Verdict::again;
    }
  }
  if (status == 403 && cloud_.learn_time(response)) {
    return Verdict::again;
  }
  // Some stores say AccessDenied about an expired token, so any refusal is reason to fetch once.
  if ((status == 400 || status == 401 || status == 403) && used && attempt == 1 &&
      (status != 400 || is_one_of(code, {"ExpiredToken", "InvalidToken"})) &&
      credentials_.invalidate(*used)) {
    return Verdict::again;
  }
  return Verdict::fail;
}

Error S3Client::explain(const HttpResponse& response, const std::string& what) const {
  struct Row {
    std::string_view code;
    ErrorKind kind;
    std::string_view hint;
  };
  constexpr std::array<Row, 9> k_rows = {{
      {"NoSuchBucket", ErrorKind::not_found,
       "Check the bucket's name, the endpoint and the region"},
      {"InvalidAccessKeyId", ErrorKind::rejected, "This store doesn't know the access key id"},
      {"SignatureDoesNotMatch", ErrorKind::rejected, "The secret access key is wrong"},
      {"ExpiredToken", ErrorKind::rejected, "The session has expired: get new credentials"},
      {"InvalidToken", ErrorKind::rejected, "The session token is not valid here"},
      {"RequestTimeTooSkewed", ErrorKind::rejected, "Set this machine's clock"},
      {"QuotaExceeded", ErrorKind::rejected, "The store's quota is used up"},
      {"XAmzContentSHA256Mismatch", ErrorKind::corrupt,
       "The bytes that arrived are not those that were announced"},
      {"BadDigest", ErrorKind::corrupt, "The bytes that arrived are not those that were announced"},
  }};
  Error error = status_error(response, what);
  const auto xml = parse_xml(response.error_body);
  const std::string code = xml ? xml->text_of("Code") : std::string();
  if (code.empty()) {
    return error;
  }
  error.message += ", " + printable(code, 64);
  if (const std::string words = xml->text_of("Message"); !words.empty() && words != code) {
    error.message += ": " + printable(words, 300);
  }
  for (const Row& row : k_rows) {
    if (row.code == code) {
      error.kind = row.kind;
      error.hint = row.hint;
    }
  }
  if (code == "AccessDenied") {
    error.hint =
        "These credentials may not do that here (wanted are list, get, put and, for trial objects "
        "and gc, delete), or their secret is wrong";
  }
  return error;
}

Result<CloudAnswer> S3Client::perform(const S3Request& request, const HttpSink& sink,
                                      std::stop_token stop) {
  std::optional<AwsCredentials> used;
  return cloud_.perform(
      {.build = [&] { return build(request, used); },
       .sink = sink,
       .judge = [&](const HttpResponse& response,
                    unsigned attempt) { return judge(response, attempt, used); },
       .explain = [&](const HttpResponse& response) { return explain(response, request.what); },
       .stop = std::move(stop)});
}

}  // namespace athanor

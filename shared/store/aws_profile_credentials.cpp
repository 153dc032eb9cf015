#include "shared/store/aws_profile_credentials.hpp"

#include "shared/base/strings.hpp"
#include "shared/base/units.hpp"
#include "shared/json/json.hpp"
#include "shared/net/http_date.hpp"
#include "shared/net/retry.hpp"
#include "shared/net/url.hpp"
#include "shared/os/fd.hpp"
#include "shared/os/files.hpp"
#include "shared/os/process.hpp"
#include "shared/store/source_body.hpp"
#include "shared/store/xml.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <utility>

namespace athanor {
namespace {

constexpr std::uint64_t k_answer_bytes = 64_KiB;
constexpr unsigned k_most_profiles = 8;  // that lead to each other
constexpr std::chrono::seconds k_process_patience{60};

std::string string_member(const Json& json, std::string_view name) {
  const Json* member = json.find(name);
  const std::string* text = member == nullptr ? nullptr : member->as_string();
  return text == nullptr ? std::string() : *text;
}

std::string in_quotes(const AwsProfile& profile) {
  return "the profile '" + printable(profile.name) + "'";
}

Result<AwsCredentials> assume_role(const AwsWorld& world, const AwsProfile& profile,
                                   const AwsCredentials& source) {
  QueryPairs form = {{"Action", "AssumeRole"},
                     {"Version", "2011-06-15"},
                     {"RoleArn", *profile.find("role_arn")},
                     {"RoleSessionName", profile.find("role_session_name").value_or("athanor")}};
  for (const auto& [setting, parameter] :
       {std::pair{"external_id", "ExternalId"}, std::pair{"duration_seconds", "DurationSeconds"}}) {
    if (const auto value = profile.find(setting)) {
      form.emplace_back(parameter, *value);
    }
  }
  const std::string body = canonical_query(form);
  const std::string endpoint = sts_endpoint(world);
  ATHANOR_ASSIGN(const Url url, Url::parse(endpoint + "/"));
  const SigV4Request signed_request{
      .method = "POST",
      .host = url.netloc(),
      .encoded_path = url.path,
      .headers = {{"Content-Type", "application/x-www-form-urlencoded"}},
      .payload_sha256 = sha256_of(body).hex()};
  HttpRequest request{
      .method = "POST",
      .url = endpoint + "/",
      .headers = sign_sigv4(signed_request, {.region = world.region, .service = "sts"}, source.keys,
                            world.clock.wall_now()),
      .body = body_of_text(body)};
  ATHANOR_ASSIGN(
      const std::string text,
      fetch_credential_text(world.http, std::move(request),
                            "asking the token service for the role of " + in_quotes(profile)));
  return credentials_from_sts(text, "AssumeRole", "the role of " + in_quotes(profile));
}

Result<AwsCredentials> credentials_to_assume_with(const AwsWorld& world, const AwsProfile& profile,
                                                  const AwsPlace& from_place, unsigned depth);

Result<std::optional<AwsCredentials>> assumed_role(const AwsWorld& world, const AwsProfile& profile,
                                                   const AwsPlace& from_place, unsigned depth) {
  if (!profile.find("role_arn") ||
      (!profile.find("source_profile") && !profile.find("credential_source"))) {
    return std::optional<AwsCredentials>();
  }
  if (profile.find("mfa_serial")) {
    return make_error(ErrorKind::unsupported,
                      "the role of " + in_quotes(profile) + " asks for a code from a device",
                      "nobody can type it here: export temporary credentials of that role instead");
  }
  ATHANOR_ASSIGN(const AwsCredentials source,
                 credentials_to_assume_with(world, profile, from_place, depth));
  ATHANOR_ASSIGN(AwsCredentials credentials, assume_role(world, profile, source));
  return std::optional(std::move(credentials));
}

Result<AwsCredentials> credentials_to_assume_with(const AwsWorld& world, const AwsProfile& profile,
                                                  const AwsPlace& from_place, unsigned depth) {
  const auto name = profile.find("source_profile");
  if (!name) {
    return from_place(*profile.find("credential_source"));
  }
  if (depth >= k_most_profiles) {
    return make_error(ErrorKind::invalid,
                      in_quotes(profile) + " leads through too many source_profiles",
                      "look for a circle in ~/.aws/config");
  }
  ATHANOR_ASSIGN(const AwsProfile source, load_aws_profile(world.environment, *name));
  // A profile may name itself: its own keys are meant.
  if (*name != profile.name) {
    ATHANOR_ASSIGN(auto role, assumed_role(world, source, from_place, depth + 1));
    if (role) {
      return std::move(*role);
    }
  }
  ATHANOR_ASSIGN(auto sso, sso_credentials(world, source));
  if (sso) {
    return std::move(*sso);
  }
  if (auto keys = static_credentials(source)) {
    return std::move(*keys);
  }
  ATHANOR_ASSIGN(auto process, process_credentials(source));
  if (process) {
    return std::move(*process);
  }
  return make_error(ErrorKind::rejected, in_quotes(source) + ", the source_profile of " +
                                             in_quotes(profile) + ", has no credentials");
}

// The program's standard output, up to its end.
Result<std::string> read_answer(const Fd& pipe, ChildProcess& child, const std::string& program) {
  const auto deadline = std::chrono::steady_clock::now() + k_process_patience;
  std::string text;
  std::array<char, 4096> buffer{};
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    pollfd waiting{.fd = pipe.get(), .events = POLLIN, .revents = 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(std::max(left.count(), 0L)));
    if (ready < 0 && errno == EINTR) {
      continue;
    }
    const ssize_t got = ready > 0 ? ::read(pipe.get(), buffer.data(), buffer.size()) : -1;
    if (got == 0) {
      return text;
    }
    if (got < 0 || text.size() + static_cast<std::size_t>(got) > k_answer_bytes) {
      child.signal(SIGKILL);
      child.wait();
      return make_error(ErrorKind::rejected,
                        "the credential process " + program +
                            (got < 0 ? " does not answer" : " answers with too much"));
    }
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace

Result<std::string> fetch_credential_text(HttpClient& http, HttpRequest request,
                                          const std::string& what) {
  std::string text;
  request.max_body_bytes = k_answer_bytes;
  request.follow_redirects = FollowRedirects::no;
  ATHANOR_ASSIGN(const HttpResponse response, http.perform(request, collect_into(text), {}));
  if (response.status != 200) {
    return status_error(response, what);
  }
  return text;
}

Result<AwsCredentials> aws_credentials_from_json(std::string_view text, std::string origin,
                                                 std::string_view token_name) {
  ATHANOR_ASSIGN(const Json json, parse_json(text, {.bytes = k_answer_bytes}));
  AwsCredentials credentials;
  credentials.keys = {.access_key_id = string_member(json, "AccessKeyId"),
                      .secret_access_key = string_member(json, "SecretAccessKey"),
                      .session_token = string_member(json, token_name)};
  credentials.expires = parse_iso_date(string_member(json, "Expiration"));
  credentials.origin = std::move(origin);
  if (credentials.keys.access_key_id.empty() || credentials.keys.secret_access_key.empty()) {
    return make_error(ErrorKind::rejected, credentials.origin + " gives no AWS credentials");
  }
  return credentials;
}

std::string sts_endpoint(const AwsWorld& world) {
  const std::string host = world.region.starts_with("cn-") ? ".amazonaws.com.cn" : ".amazonaws.com";
  std::string endpoint = environment_value(world.environment, "AWS_ENDPOINT_URL_STS")
                             .value_or("https://sts." + world.region + host);
  while (endpoint.ends_with('/')) {
    endpoint.pop_back();
  }
  return endpoint;
}

Result<AwsCredentials> credentials_from_sts(std::string_view xml, const std::string& action,
                                            std::string origin) {
  ATHANOR_ASSIGN(const XmlElement root, parse_xml(xml));
  const XmlElement* result = root.child(action + "Result");
  const XmlElement* keys = result == nullptr ? nullptr : result->child("Credentials");
  if (keys == nullptr || keys->text_of("AccessKeyId").empty()) {
    return make_error(ErrorKind::rejected, "the token service gives no credentials");
  }
  return AwsCredentials{.keys = {.access_key_id = keys->text_of("AccessKeyId"),
                                 .secret_access_key = keys->text_of("SecretAccessKey"),
                                 .session_token = keys->text_of("SessionToken")},
                        .expires = parse_iso_date(keys->text_of("Expiration")),
                        .origin = std::move(origin)};
}

Result<std::optional<AwsCredentials>> assumed_role_credentials(const AwsWorld& world,
                                                               const AwsProfile& profile,
                                                               const AwsPlace& from_place) {
  return assumed_role(world, profile, from_place, 0);
}

std::optional<AwsCredentials> static_credentials(const AwsProfile& profile) {
  const auto id = profile.find("aws_access_key_id");
  const auto secret = profile.find("aws_secret_access_key");
  if (!id || !secret) {
    return std::nullopt;
  }
  return AwsCredentials{.keys = {.access_key_id = *id,
                                 .secret_access_key = *secret,
                                 .session_token = profile.find("aws_session_token").value_or("")},
                        .expires = std::nullopt,
                        .origin = in_quotes(profile)};
}

Result<std::optional<AwsCredentials>> sso_credentials(const AwsWorld& world,
                                                      const AwsProfile& profile) {
  const auto account = profile.find("sso_account_id");
  const auto role = profile.find("sso_role_name");
  if (!account || !role) {
    return std::optional<AwsCredentials>();
  }
  const auto setting = [&](const char* name) {
    const auto found = profile.sso_session.find(name);
    return found != profile.sso_session.end() ? std::optional(found->second) : profile.find(name);
  };
  const auto region = setting("sso_region");
  // The cache names a session's token by the session, an older profile's by where it logs in.
  const auto token_of =
      profile.find("sso_session") ? profile.find("sso_session") : setting("sso_start_url");
  const std::string log_in = "`aws sso login --profile " + printable(profile.name) + "` does that";
  if (!region || !token_of) {
    return make_error(ErrorKind::invalid,
                      in_quotes(profile) + " logs in by SSO, but names no sso_region or start URL");
  }
  const std::string path =
      expand_home(world.environment, "~/.aws/sso/cache/") + sha1_of(*token_of).hex() + ".json";
  ATHANOR_ASSIGN(const auto text, read_file_if_exists(path, k_answer_bytes));
  const auto json = parse_json(text.value_or("null"));
  const std::string token = json ? string_member(*json, "accessToken") : std::string();
  const auto expires = parse_iso_date(json ? string_member(*json, "expiresAt") : std::string());
  if (token.empty() || !expires || *expires <= world.clock.wall_now()) {
    return make_error(
        ErrorKind::rejected,
        "nobody is logged in by SSO for " + in_quotes(profile) + ", or the login has expired",
        log_in);
  }
  const std::string endpoint = environment_value(world.environment, "AWS_ENDPOINT_URL_SSO")
                                   .value_or("https://portal.sso." + *region + ".amazonaws.com");
  ATHANOR_ASSIGN(const std::string answer,
                 fetch_credential_text(
                     world.http,
                     {.url = endpoint + "/federation/credentials?" +
                             canonical_query({{"account_id", *account}, {"role_name", *role}}),
                      .headers = {{"x-amz-sso_bearer_token", token}}},
                     "asking for the SSO role of " + in_quotes(profile)));
  ATHANOR_ASSIGN(const Json whole, parse_json(answer));
  const Json* keys = whole.find("roleCredentials");
  if (keys == nullptr || string_member(*keys, "accessKeyId").empty()) {
    return make_error(ErrorKind::rejected, "the SSO service gives no credentials", log_in);
  }
  AwsCredentials credentials{.keys = {.access_key_id = string_member(*keys, "accessKeyId"),
                                      .secret_access_key = string_member(*keys, "secretAccessKey"),
                                      .session_token = string_member(*keys, "sessionToken")},
                             .expires = std::nullopt,
                             .origin = "the SSO role of " + in_quotes(profile)};
  if (const Json* when = keys->find("expiration"); when != nullptr && when->as_int()) {
    credentials.expires = WallTime(std::chrono::milliseconds(*when->as_int()));
  }
  return std::optional(std::move(credentials));
}

std::optional<std::vector<std::string>> split_command(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool begun = false;
  char quote = '\0';
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote == '\0' && (c == ' ' || c == '\t')) {
      if (begun) {
        words.push_back(std::exchange(word, {}));
      }
      begun = false;
    } else if (c == '\\' && quote != '\'' && i + 1 < text.size()) {
      const char next = text[++i];
      const bool kept = quote == '"' && next != '"' && next != '\\';
      word += kept ? std::string("\\") + next : std::string(1, next);
      begun = true;
    } else if (quote == '\0' && (c == '"' || c == '\'')) {
      quote = c;
      begun = true;
    } else if (c == quote && quote != '\0') {
      quote = '\0';
    } else {
      word += c;
      begun = true;
    }
  }
  if (quote != '\0') {
    return std::nullopt;
  }
  if (begun) {
    words.push_back(std::move(word));
  }
  return words;
}

Result<std::optional<AwsCredentials>> process_credentials(const AwsProfile& profile) {
  const auto command = profile.find("credential_process");
  if (!command) {
    return std::optional<AwsCredentials>();
  }
  auto words = split_command(*command);
  if (!words || words->empty()) {
    return make_error(ErrorKind::invalid,
                      "the credential_process of " + in_quotes(profile) + " is no command line");
  }
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return system_error(errno, "cannot make a pipe");
  }
  const Fd reader(ends[0]);
  Fd writer(ends[1]);
  const std::string program = "'" + printable(words->front(), 256) + "'";
  SpawnOptions options{.program = words->front(), .stdout_fd = writer.get()};
  options.arguments.assign(words->begin() + 1, words->end());
  ATHANOR_ASSIGN(ChildProcess child, ChildProcess::spawn(options));
  writer.reset();
  ATHANOR_ASSIGN(const std::string text, read_answer(reader, child, program));
  const ExitStatus status = child.wait();
  if (!status.success()) {
    return make_error(ErrorKind::rejected,
                      "the credential process " + program + " " + status.to_string());
  }
  ATHANOR_ASSIGN(AwsCredentials credentials,
                 aws_credentials_from_json(text, "the credential process of " + in_quotes(profile),
                                           "SessionToken"));
  return std::optional(std::move(credentials));
}

}  // namespace athanor

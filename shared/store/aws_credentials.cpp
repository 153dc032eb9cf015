#include "shared/store/aws_credentials.hpp"

#include "shared/base/strings.hpp"
#include "shared/base/units.hpp"
#include "shared/net/retry.hpp"
#include "shared/net/url.hpp"
#include "shared/os/files.hpp"
#include "shared/store/aws_profile_credentials.hpp"
#include "shared/store/source_body.hpp"

namespace athanor {
namespace {

constexpr auto k_refresh_margin = std::chrono::minutes(5);
constexpr std::uint64_t k_answer_bytes = 64_KiB;

bool is_loopback_or_container_host(const std::string& host) {
  return host == "localhost" || host.starts_with("127.") || host == "[::1]" ||
         host == "169.254.170.2" || host == "169.254.170.23" || host == "[fd00:ec2::23]";
}

}  // namespace

AwsCredentialChain::AwsCredentialChain(World world)
    : world_(std::move(world)) {}

Result<AwsCredentials> AwsCredentialChain::get() {
  const std::lock_guard lock(mutex_);
  const auto now = world_.clock.wall_now();
  if (current_ && (!current_->expires || *current_->expires - now > k_refresh_margin)) {
    return *current_;
  }
  auto found = find();
  if (found) {
    current_ = found.value();
  } else if (current_ && current_->expires && *current_->expires > now) {
    return *current_;  // still good for a moment; the next call tries again
  }
  return found;
}

bool AwsCredentialChain::invalidate(const AwsCredentials& refused) {
  const std::lock_guard lock(mutex_);
  if (!current_ || !current_->expires) {
    return false;
  }
  if (current_->keys.access_key_id == refused.keys.access_key_id &&
      current_->keys.session_token == refused.keys.session_token) {
    current_.reset();
  }
  return true;
}

Result<AwsCredentials> AwsCredentialChain::find() {
  if (auto credentials = from_environment()) {
    return std::move(*credentials);
  }
  ATHANOR_ASSIGN(auto role, from_role());
  if (role) {
    return std::move(*role);
  }
  ATHANOR_ASSIGN(auto web_identity, from_web_identity());
  if (web_identity) {
    return std::move(*web_identity);
  }
  ATHANOR_ASSIGN(auto profile, from_profile());
  if (profile) {
    return std::move(*profile);
  }
  ATHANOR_ASSIGN(auto container, from_container());
  if (container) {
    return std::move(*container);
  }
  ATHANOR_ASSIGN(auto metadata, from_metadata());
  if (metadata) {
    return std::move(*metadata);
  }
  return make_error(
      ErrorKind::rejected, "there are no AWS credentials",
      "Looked at AWS_ACCESS_KEY_ID, a web identity, the profile '" +
          printable(world_.profile.name) +
          "', a container's endpoint and the machine's metadata service. For a public bucket add "
          "?anonymous=true to the store's URL");
}

std::optional<AwsCredentials> AwsCredentialChain::from_environment() const {
  const auto id = environment_value(world_.environment, "AWS_ACCESS_KEY_ID");
  const auto secret = environment_value(world_.environment, "AWS_SECRET_ACCESS_KEY");
  if (!id || !secret) {
    return std::nullopt;
  }
  return AwsCredentials{
      .keys = {.access_key_id = *id,
               .secret_access_key = *secret,
               .session_token =
                   environment_value(world_.environment, "AWS_SESSION_TOKEN").value_or("")},
      .expires = std::nullopt,
      .origin = "the environment"};
}

Result<std::optional<AwsCredentials>> AwsCredentialChain::from_web_identity() {
  const auto setting = [&](std::string_view variable, const char* in_profile) {
    const auto value = environment_value(world_.environment, variable);
    return value ? value : world_.profile.find(in_profile);
  };
  const auto file = setting("AWS_WEB_IDENTITY_TOKEN_FILE", "web_identity_token_file");
  const auto role = setting("AWS_ROLE_ARN", "role_arn");
  if (!file || !role) {
    return std::optional<AwsCredentials>();
  }
  ATHANOR_ASSIGN(const std::string token, read_file(*file, k_answer_bytes));
  const std::string session =
      setting("AWS_ROLE_SESSION_NAME", "role_session_name").value_or("athanor");
  HttpRequest request;
  request.method = "POST";
  request.url = sts_endpoint(world_) + "/";
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}};
  request.body = body_of_text(canonical_query({{"Action", "AssumeRoleWithWebIdentity"},
                                               {"Version", "2011-06-15"},
                                               {"RoleArn", *role},
                                               {"RoleSessionName", session},
                                               {"WebIdentityToken", std::string(trim(token))}}));
  ATHANOR_ASSIGN(const std::string text,
                 fetch_credential_text(world_.http, std::move(request),
                                       "asking the token service for the role of a web identity"));
  ATHANOR_ASSIGN(AwsCredentials credentials, credentials_from_sts(text, "AssumeRoleWithWebIdentity",
                                                                  "the web identity in " + *file));
  return std::optional(std::move(credentials));
}

Result<std::optional<AwsCredentials>> AwsCredentialChain::from_role() {
  return assumed_role_credentials(
      world_, world_.profile,
      [this](const std::string& credential_source) { return from_place(credential_source); });
}

Result<AwsCredentials> AwsCredentialChain::from_place(const std::string& credential_source) {
  std::optional<AwsCredentials> found;
  if (credential_source == "Environment") {
    found = from_environment();
  } else if (credential_source == "EcsContainer") {
    ATHANOR_ASSIGN(found, from_container());
  } else if (credential_source == "Ec2InstanceMetadata") {
    ATHANOR_ASSIGN(found, from_metadata());
  } else {
    return make_error(ErrorKind::invalid,
                      "the credential_source '" + printable(credential_source, 64) +
                          "' is not one of Environment, EcsContainer and Ec2InstanceMetadata");
  }
  if (!found) {
    return make_error(ErrorKind::rejected,
                      "there are no AWS credentials in the credential_source "
                      "of the profile '" +
                          printable(world_.profile.name) + "'");
  }
  return std::move(*found);
}

Result<std::optional<AwsCredentials>> AwsCredentialChain::from_profile() {
  ATHANOR_ASSIGN(auto sso, sso_credentials(world_, world_.profile));
  if (sso) {
    return sso;
  }
  if (auto keys = static_credentials(world_.profile)) {
    return keys;
  }
  return process_credentials(world_.profile);
}

Result<std::optional<AwsCredentials>> AwsCredentialChain::from_container() {
  const auto relative =
      environment_value(world_.environment, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  const auto full = environment_value(world_.environment, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
  if (!relative && !full) {
    return std::optional<AwsCredentials>();
  }
  HttpRequest request;
  request.url = relative ? "http://169.254.170.2" + *relative : *full;
  ATHANOR_ASSIGN(const Url url, Url::parse(request.url));
  if (url.scheme != "https" && !is_loopback_or_container_host(url.host)) {
    return make_error(ErrorKind::rejected,
                      "AWS_CONTAINER_CREDENTIALS_FULL_URI names another machine without TLS",
                      "Only this machine and the container service may be asked over http");
  }
  auto token = environment_value(world_.environment, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
  if (const auto file =
          environment_value(world_.environment, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")) {
    ATHANOR_ASSIGN(const std::string text, read_file(*file, k_answer_bytes));
    token = std::string(trim(text));
  }
  if (token) {
    request.headers = {{"Authorization", *token}};
  }
  ATHANOR_ASSIGN(const std::string text,
                 fetch_credential_text(world_.metadata_http, std::move(request),
                                       "asking the container's endpoint for credentials"));
  ATHANOR_ASSIGN(AwsCredentials credentials,
                 aws_credentials_from_json(text, "the container's endpoint", "Token"));
  return std::optional(std::move(credentials));
}

Result<std::optional<AwsCredentials>> AwsCredentialChain::from_metadata() {
  const auto disabled = environment_value(world_.environment, "AWS_EC2_METADATA_DISABLED");
  if (disabled && to_lower(*disabled) == "true") {
    return std::optional<AwsCredentials>();
  }
  std::string endpoint = environment_value(world_.environment, "AWS_EC2_METADATA_SERVICE_ENDPOINT")
                             .value_or("http://169.254.169.254");
  while (endpoint.ends_with('/')) {
    endpoint.pop_back();
  }
  HttpRequest ask{.method = "PUT",
                  .url = endpoint + "/latest/api/token",
                  .headers = {{"X-aws-ec2-metadata-token-ttl-seconds", "21600"}}};
  const auto token = fetch_credential_text(world_.metadata_http, std::move(ask), "");
  if (!token) {
    return std::optional<AwsCredentials>();  // this is no machine of that cloud
  }
  const HttpHeaders headers = {{"X-aws-ec2-metadata-token", token.value()}};
  const std::string base = endpoint + "/latest/meta-data/iam/security-credentials/";
  const std::string what = "asking the machine's metadata service for credentials";
  const auto roles =
      fetch_credential_text(world_.metadata_http, {.url = base, .headers = headers}, what);
  if (!roles) {
    return std::optional<AwsCredentials>();  // a machine without a role
  }
  const std::string role(trim(split(roles.value(), '\n').front()));
  ATHANOR_ASSIGN(
      const std::string text,
      fetch_credential_text(world_.metadata_http,
                            {.url = base + percent_encode(role, KeepSlash::no), .headers = headers},
                            what));
  ATHANOR_ASSIGN(AwsCredentials credentials,
                 aws_credentials_from_json(text, "the machine's metadata service", "Token"));
  return std::optional(std::move(credentials));
}

}  // namespace athanor

#include "shared/auth/access.hpp"

#include "shared/base/limits.hpp"
#include "shared/base/strings.hpp"
#include "shared/net/url.hpp"
#include "shared/os/path_text.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace athanor {
namespace {

// Refuses everything that would leave the machine.
class OfflineHttpClient final : public HttpClient {
 public:
  OfflineHttpClient(std::unique_ptr<HttpClient> inner, std::string where)
      : inner_(std::move(inner)),
        where_(std::move(where)) {}

  Result<HttpResponse> perform(const HttpRequest& request, const HttpSink& sink,
                               std::stop_token stop) override {
    if (to_lower(request.url.substr(0, 5)) == "file:") {
      return inner_->perform(request, sink, std::move(stop));
    }
    return make_error(
        ErrorKind::rejected,
        "requesting " + redact_url(request.url) + ": the network is off (" + where_ + ")",
        "switch offline off, or fill the store where there is a network");
  }

 private:
  std::unique_ptr<HttpClient> inner_;
  std::string where_;
};

struct Named {
  std::string text{};
  std::string where{};
};

// The first of the variables that is set and not empty.
Named first_variable(const EnvironmentLookup& environment,
                     std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    const auto value = environment(name);
    if (value && !value->empty()) {
      return {*value, std::string(name)};
    }
  }
  return {};
}

void choose_proxies(const config::Settings& settings, const EnvironmentLookup& environment,
                    const CondaNetwork& conda, NetworkSettings& network) {
  const ProxyTable variables = proxy_table_of(environment);
  network.proxies.bypass =
      settings.no_proxy->empty() ? variables.bypass : split_bypass(join(*settings.no_proxy, ","));
  if (!settings.proxy->empty()) {
    network.proxies.proxies["all"] = *settings.proxy == "none" ? "" : *settings.proxy;
    network.proxies_where = settings.proxy.origin().where;
    return;
  }
  for (const auto& [key, url] : conda.proxy_servers) {
    network.proxies.proxies[to_lower(key)] = url;
    network.proxies_where = "conda's proxy_servers";
  }
  // A variable beats conda's setting for the same scheme, as it does for conda itself.
  for (const auto& [key, url] : variables.proxies) {
    network.proxies.proxies[key] = url;
  }
  if (!variables.proxies.empty()) {
    network.proxies_where = network.proxies_where.empty()
                                ? "the environment"
                                : "the environment, conda's proxy_servers";
  }
}

Result<void> check_file(const std::filesystem::path& file, const std::string& what,
                        const std::string& where) {
  std::error_code error;
  if (!file.empty() && !std::filesystem::exists(file, error)) {
    return make_error(ErrorKind::not_found,
                      what + " " + quoted(file) + " isn't there (" + where + ")",
                      "correct or unset " + where);
  }
  return {};
}

Result<void> choose_certificates(const config::Settings& settings,
                                 const EnvironmentLookup& environment, const CondaNetwork& conda,
                                 NetworkSettings& network) {
  const Named bundle = first_variable(
      environment, {"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"});
  if (!settings.ca_bundle->empty()) {
    network.ca_bundle = *settings.ca_bundle;
    network.ca_bundle_where = settings.ca_bundle.origin().where;
  } else if (!bundle.text.empty()) {
    network.ca_bundle = bundle.text;
    network.ca_bundle_where = bundle.where;
  } else if (conda.ssl_verify == CondaNetwork::Verify::bundle) {
    network.ca_bundle = conda.ca_bundle;
    network.ca_bundle_where = "conda's ssl_verify, " + conda.ssl_verify_where;
  }
  if (!settings.client_certificate->empty()) {
    network.client_certificate = *settings.client_certificate;
    network.client_key = *settings.client_key;
    network.client_certificate_where = settings.client_certificate.origin().where;
  } else if (!conda.client_certificate.empty()) {
    network.client_certificate = conda.client_certificate;
    network.client_key = conda.client_key;
    network.client_certificate_where = "conda's client_ssl_cert";
  }
  if (network.client_certificate.empty() &&
      !(settings.client_key->empty() && conda.client_key.empty())) {
    return make_error(ErrorKind::invalid, "a client key is given without its certificate",
                      "network.client_certificate or conda's client_ssl_cert names it");
  }
  ATHANOR_TRY(check_file(network.ca_bundle, "the trusted certificates", network.ca_bundle_where));
  ATHANOR_TRY(check_file(network.client_certificate, "the client certificate",
                         network.client_certificate_where));
  return check_file(network.client_key, "the client key", network.client_certificate_where);
}

std::chrono::milliseconds chosen_timeout(const config::Setting<std::chrono::milliseconds>& setting,
                                         std::optional<std::chrono::milliseconds> conda,
                                         std::chrono::milliseconds otherwise) {
  if (setting->count() > 0) {
    return *setting;
  }
  return conda && conda->count() > 0 ? *conda : otherwise;
}

}  // namespace

Result<NetworkSettings> network_settings(const config::Settings& settings,
                                         const EnvironmentLookup& environment,
                                         const CondaNetwork& conda,
                                         std::vector<std::string>& warnings) {
  NetworkSettings network;
  choose_proxies(settings, environment, conda, network);
  ATHANOR_TRY(choose_certificates(settings, environment, conda, network));
  if (*settings.tls_verification == "off") {
    network.tls = TlsVerification::off;
    warnings.push_back(
        "TLS CERTIFICATES ARE NOT VERIFIED: anybody on the way to an origin can "
        "read passwords and forge answers (network.tls_verification = off, " +
        settings.tls_verification.origin().where + ").");
  } else if (conda.ssl_verify == CondaNetwork::Verify::off) {
    warnings.push_back("conda's ssl_verify: false (" + conda.ssl_verify_where +
                       ") is not obeyed: certificates are verified. network.ca_bundle names a "
                       "company's own authority; network.tls_verification = off would switch "
                       "verifying off.");
  }
  network.connect_timeout =
      chosen_timeout(settings.connect_timeout, conda.connect_timeout, limits::k_connect_timeout);
  network.stall_timeout =
      chosen_timeout(settings.stall_timeout, conda.read_timeout, limits::k_stall_timeout);
  if (*settings.offline) {
    network.offline = true;
    network.offline_where = "network.offline, " + settings.offline.origin().where;
  } else if (settings.offline.is_default() && conda.offline.value_or(false)) {
    network.offline = true;
    network.offline_where = "conda's offline";
  }
  return network;
}

Result<Access> load_access(const config::Settings& settings, const AccessSources& sources) {
  Access access;
  if (*settings.conda_config) {
    ATHANOR_ASSIGN(access.conda, load_conda_config({.environment = sources.environment,
                                                    .working_directory = sources.working_directory,
                                                    .system_root = sources.system_root}));
    access.warnings = access.conda.warnings;
  }
  access.conda.channels.working_directory = sources.working_directory;
  ATHANOR_ASSIGN(access.network, network_settings(settings, sources.environment,
                                                  access.conda.network, access.warnings));
  CredentialSources credentials{.environment = sources.environment,
                                .working_directory = sources.working_directory,
                                .file = *settings.auth_file,
                                .system_file = sources.system_root / "etc/athanor/credentials.toml",
                                .links = *settings.auth_sources};
  ATHANOR_ASSIGN(access.credentials, CredentialChain::load(credentials, access.conda));
  const std::vector<std::string>& more = access.credentials->warnings();
  access.warnings.insert(access.warnings.end(), more.begin(), more.end());
  return access;
}

HttpClientOptions Access::http_options() const {
  HttpClientOptions options;
  options.connect_timeout = network.connect_timeout;
  options.stall_timeout = network.stall_timeout;
  options.ca_bundle = network.ca_bundle;
  options.client_certificate = network.client_certificate;
  options.client_key = network.client_key;
  options.tls = network.tls;
  options.proxies = Proxies::table;
  options.proxy_table = network.proxies;
  return options;
}

Result<std::unique_ptr<HttpClient>> make_origin_http_client(const Access& access,
                                                            OriginClientOptions options) {
  HttpClientOptions http = access.http_options();
  http.file_urls = options.file_urls;
  http.user_agent = std::move(options.user_agent);
  ATHANOR_ASSIGN(std::unique_ptr<HttpClient> client, make_curl_http_client(std::move(http)));
  client = make_authorized_http_client(std::move(client), access.credentials);
  if (access.network.offline) {
    client = std::make_unique<OfflineHttpClient>(std::move(client), access.network.offline_where);
  }
  return client;
}

std::vector<std::pair<std::string, std::string>> access_variables(
    const config::Settings& settings, const std::filesystem::path& working_directory) {
  std::vector<std::pair<std::string, std::string>> variables;
  for (const config::SettingBase* setting : settings.all()) {
    const std::string& name = setting->info().name;
    const bool ours =
        name.starts_with("network.") || name.starts_with("auth.") || name.starts_with("conda.");
    const config::Layer layer = setting->origin().layer;
    if (!ours || layer == config::Layer::built_in || layer == config::Layer::environment) {
      continue;
    }
    const Json value = setting->value_as_json();
    std::string text;
    if (const std::string* plain = value.as_string()) {
      const bool path =
          name == "auth.file" || name == "network.ca_bundle" || name.starts_with("network.client_");
      text = path && !plain->empty() ? (working_directory / *plain).string() : *plain;
    } else if (const Json::Array* items = value.as_array()) {
      for (const Json& item : *items) {
        text += (text.empty() ? "" : ",") + *item.as_string();
      }
    } else {
      text = dump_json(value);
    }
    variables.emplace_back(setting->info().variable, std::move(text));
  }
  return variables;
}

}  // namespace athanor

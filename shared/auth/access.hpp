#pragma once

#include "shared/auth/chain.hpp"
#include "shared/base/limits.hpp"
#include "shared/base/result.hpp"
#include "shared/channels/channel_config.hpp"
#include "shared/channels/condarc.hpp"
#include "shared/config/settings.hpp"
#include "shared/net/curl_http_client.hpp"
#include "shared/net/http_client.hpp"
#include "shared/os/machine.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace athanor {

// How origins are reached from this machine, put together from our settings, the environment and
// conda's configuration, in this order of strength. Where each part comes from is said for people.
struct NetworkSettings {
  ProxyTable proxies{};
  std::string proxies_where{};        // empty: no proxy
  std::filesystem::path ca_bundle{};  // empty: the system's
  std::string ca_bundle_where{};
  std::filesystem::path client_certificate{};
  std::filesystem::path client_key{};
  std::string client_certificate_where{};
  TlsVerification tls = TlsVerification::on;
  std::chrono::milliseconds connect_timeout = limits::k_connect_timeout;
  std::chrono::milliseconds stall_timeout = limits::k_stall_timeout;
  bool offline = false;
  std::string offline_where{};
};

// What a program needs to know before it asks an origin for anything. Shared by copies.
struct Access {
  CondaConfig conda{};  // conda's defaults if conda.config is false
  NetworkSettings network{};
  // Knows nobody before it is loaded.
  std::shared_ptr<const CredentialChain> credentials = std::make_shared<CredentialChain>();
  std::vector<std::string> warnings{};  // whole sentences, for each run

  ChannelConfig channels() const { return ChannelConfig(conda.channels); }
  HttpClientOptions http_options() const;
};

struct AccessSources {
  EnvironmentLookup environment = process_environment();
  std::filesystem::path working_directory = ".";
  std::filesystem::path system_root = "/";  // for tests: where /etc is
};

// Reads everything. invalid, not_found: a broken .condarc, credentials of ours that can't be read,
// or a certificate file that isn't there: going on without would be going on differently.
Result<Access> load_access(const config::Settings& settings, const AccessSources& sources);

// The network's part alone, without reading any file.
Result<NetworkSettings> network_settings(const config::Settings& settings,
                                         const EnvironmentLookup& environment,
                                         const CondaNetwork& conda,
                                         std::vector<std::string>& warnings);

struct OriginClientOptions {
  FileUrls file_urls = FileUrls::refuse;
  std::string user_agent{};  // empty: "athanor/<version>"
};

// The HTTP client for origins: proxies, certificates and timeouts of `access`, and its credentials
// with each request. If the network is off, every request but those for file URLs is rejected.
Result<std::unique_ptr<HttpClient>> make_origin_http_client(const Access& access,
                                                            OriginClientOptions options = {});

// The variables that make a child process see the same [network], [auth] and [conda] settings as we
// do: those that a flag, a project's file or a chosen one has set.
std::vector<std::pair<std::string, std::string>> access_variables(
    const config::Settings& settings, const std::filesystem::path& working_directory);

}  // namespace athanor

#pragma once

#include "shared/base/limits.hpp"
#include "shared/base/result.hpp"
#include "shared/net/http_client.hpp"
#include "shared/net/proxy.hpp"
#include "shared/os/machine.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace athanor {

enum class FileUrls {
  refuse,  // rejected
  allow,   // read like any other; only where the user said so
};

enum class Proxies {
  environment,  // http_proxy, HTTP_PROXY, https_proxy, all_proxy, no_proxy and their capitals
  table,        // as HttpClientOptions::proxy_table says, whatever the environment does
  none,         // always direct: for what is on this machine or one hop away
};

enum class TlsVerification {
  on,
  off,  // anybody on the way can read and forge; whoever chooses it warns each time
};

struct HttpClientOptions {
  std::string user_agent{};  // empty: "athanor/<version>"
  FileUrls file_urls = FileUrls::refuse;
  std::chrono::milliseconds connect_timeout = limits::k_connect_timeout;
  // A transfer is given up (retry) when nothing moves for this long, or when less than
  // stall_min_bytes moved in such a time: an answer that drips one byte a second is stalled too.
  std::chrono::milliseconds stall_timeout = limits::k_stall_timeout;
  std::uint64_t stall_min_bytes = 1024;
  // The certificates that are trusted: a PEM file or a directory. Empty: the first one set of
  // REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE, SSL_CERT_FILE in the environment, else the system's.
  std::filesystem::path ca_bundle{};
  std::filesystem::path client_certificate{};  // PEM; with its key in it or in client_key
  std::filesystem::path client_key{};
  TlsVerification tls = TlsVerification::on;
  Proxies proxies = Proxies::environment;
  ProxyTable proxy_table{};  // for Proxies::table
  // For the names above; curl itself reads the proxies' names from the process's environment.
  EnvironmentLookup environment = process_environment();
  std::size_t kept_connections = 64;  // idle transfers that keep their connections for later
};

// The HTTP client of the house. TLS is verified unless the options say otherwise. Thread-safe: each
// perform() takes an idle transfer, by preference one that talked to the same server last, or makes
// a new one.
Result<std::unique_ptr<HttpClient>> make_curl_http_client(HttpClientOptions options);

}  // namespace athanor

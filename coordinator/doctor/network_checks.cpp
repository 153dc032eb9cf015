#include "coordinator/doctor/machine.hpp"
#include "shared/base/strings.hpp"
#include "shared/base/units.hpp"
#include "shared/net/url.hpp"
#include "shared/os/files.hpp"

#include <algorithm>

namespace athanor::coordinator {
namespace {

constexpr const char* k_area = "network";

std::size_t certificates_in(std::string_view pem) {
  constexpr std::string_view k_begin = "-----BEGIN CERTIFICATE-----";
  std::size_t count = 0;
  for (std::size_t at = pem.find(k_begin); at != std::string_view::npos;
       at = pem.find(k_begin, at + k_begin.size())) {
    ++count;
  }
  return count;
}

void look_at_bundle(Findings& findings, const NetworkSettings& network) {
  constexpr std::uint64_t k_bundle_bytes = 16_MiB;
  if (network.ca_bundle.empty()) {
    findings.ok(k_area, "certificates", "the system's certificates are trusted");
    return;
  }
  const std::string name = printable(network.ca_bundle.string());
  std::error_code ignored;
  if (std::filesystem::is_directory(network.ca_bundle, ignored)) {
    findings.ok(k_area, "certificates",
                "the certificates in " + name + " are trusted (" + network.ca_bundle_where + ")");
    return;
  }
  const auto text = read_file(network.ca_bundle, k_bundle_bytes);
  if (!text) {
    findings.fail(k_area, "certificates", text.error());
    return;
  }
  const std::size_t count = certificates_in(*text);
  if (count == 0) {
    findings.fail(k_area, "certificates", name + " holds no certificate in PEM form",
                  "name a PEM bundle (" + network.ca_bundle_where + ")");
    return;
  }
  findings.ok(k_area, "certificates",
              std::to_string(count) + " certificates of " + name + " are trusted (" +
                  network.ca_bundle_where + ")");
  if (count < 10) {
    findings.warn(k_area, "bundle-size",
                  name + " has few certificates: public servers may be unknown with it",
                  "append the system's bundle to it if public channels are used, too");
  }
}

}  // namespace

void look_at_network(Findings& findings, const NetworkSettings& network) {
  if (network.proxies.proxies.empty()) {
    findings.ok(k_area, "proxy", "origins are reached directly");
  }
  for (const auto& [key, url] : network.proxies.proxies) {
    const std::string shown = url.empty() ? "none" : redact_url(url);
    findings.ok(k_area, "proxy",
                key + " goes through " + shown + " (" + network.proxies_where + ")");
    const auto parsed = Url::parse(url.find("://") == std::string::npos ? "http://" + url : url);
    if (!url.empty() && !parsed) {
      findings.fail(k_area, "proxy", "the proxy " + shown + " is no URL",
                    "it looks like http://host:3128");
    }
  }
  if (!network.proxies.bypass.empty() && !network.proxies.proxies.empty()) {
    findings.ok(k_area, "no-proxy", "directly: " + join(network.proxies.bypass, ", "));
  }
  look_at_bundle(findings, network);
  if (network.tls == TlsVerification::off) {
    findings.warn(k_area, "tls", "certificates are not verified",
                  "set network.tls_verification to on, and network.ca_bundle to your authority");
  }
  if (!network.client_certificate.empty()) {
    const auto text = read_file(network.client_certificate, 1_MiB);
    if (!text) {
      findings.fail(k_area, "client-certificate", text.error());
    } else {
      findings.ok(k_area, "client-certificate",
                  printable(network.client_certificate.string()) + " (" +
                      network.client_certificate_where + ")");
    }
  }
  if (network.offline) {
    findings.warn(k_area, "offline", "the network is off (" + network.offline_where + ")",
                  "what the store lacks can't be fetched; set network.offline to false");
  }
}

}  // namespace athanor::coordinator

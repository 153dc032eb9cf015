#include "shared/net/proxy.hpp"

#include "shared/base/strings.hpp"
#include "shared/net/url.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

namespace athanor {
namespace {

std::optional<std::uint32_t> parse_ipv4(std::string_view text) {
  const auto parts = split(text, '.');
  std::uint32_t address = 0;
  if (parts.size() != 4) {
    return std::nullopt;
  }
  for (const std::string_view part : parts) {
    std::uint32_t byte = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), byte);
    if (error != std::errc() || end != part.data() + part.size() || byte > 255) {
      return std::nullopt;
    }
    address = address << 8U | byte;
  }
  return address;
}

bool is_in_network(std::string_view host, std::string_view network) {
  const std::size_t slash = network.find('/');
  const auto address = parse_ipv4(host);
  const auto base = parse_ipv4(network.substr(0, slash));
  unsigned bits = 33;
  if (slash != std::string_view::npos) {
    const std::string_view text = network.substr(slash + 1);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bits);
    bits = error == std::errc() && end == text.data() + text.size() ? bits : 33;
  }
  if (!address || !base || bits > 32) {
    return false;
  }
  const std::uint32_t mask = bits == 0 ? 0 : ~std::uint32_t{0} << (32 - bits);
  return (*address & mask) == (*base & mask);
}

bool bypasses(const Url& url, std::string_view entry) {
  if (entry == "*" || is_in_network(url.host, entry)) {
    return true;
  }
  std::string_view host = entry;
  // "[::1]" and "::1" have colons of their own.
  const std::size_t colon = entry.rfind(':');
  if (colon != std::string_view::npos && entry.find(':') == colon) {
    const std::uint16_t port = url.port.value_or(url.scheme == "https" ? 443 : 80);
    if (entry.substr(colon + 1) != std::to_string(port)) {
      return false;
    }
    host = entry.substr(0, colon);
  }
  std::string_view named = url.host;
  if (named.starts_with('[') && !host.starts_with('[')) {
    named = named.substr(1, named.size() - 2);
  }
  while (host.starts_with('*') || host.starts_with('.')) {
    host.remove_prefix(1);
  }
  if (host.empty() || !named.ends_with(host)) {
    return false;
  }
  return named.size() == host.size() || named[named.size() - host.size() - 1] == '.';
}

}  // namespace

std::vector<std::string> split_bypass(std::string_view text) {
  std::vector<std::string> entries;
  std::string all(text);
  std::replace_if(
      all.begin(), all.end(), [](char c) { return c == ' ' || c == '\t' || c == ';'; }, ',');
  for (const std::string_view entry : split(all, ',')) {
    if (!entry.empty()) {
      entries.push_back(to_lower(entry));
    }
  }
  return entries;
}

ProxyTable proxy_table_of(const EnvironmentLookup& environment) {
  ProxyTable table;
  const auto either = [&](std::string_view lower, std::string_view capitals) {
    const auto value = environment(lower);
    return value ? value : environment(capitals);
  };
  const bool cgi = environment("REQUEST_METHOD").has_value();
  if (const auto proxy = cgi ? environment("http_proxy") : either("http_proxy", "HTTP_PROXY")) {
    table.proxies["http"] = *proxy;
  }
  if (const auto proxy = either("https_proxy", "HTTPS_PROXY")) {
    table.proxies["https"] = *proxy;
  }
  if (const auto proxy = either("all_proxy", "ALL_PROXY")) {
    table.proxies["all"] = *proxy;
  }
  table.bypass = split_bypass(either("no_proxy", "NO_PROXY").value_or(""));
  return table;
}

std::optional<std::string> proxy_for(const ProxyTable& table, std::string_view text) {
  const auto url = Url::parse(text);
  if (!url || table.proxies.empty()) {
    return std::nullopt;
  }
  const bool direct = std::any_of(table.bypass.begin(), table.bypass.end(),
                                  [&](const std::string& entry) { return bypasses(*url, entry); });
  if (direct) {
    return std::nullopt;
  }
  const std::array<std::string, 4> keys = {url->scheme + "://" + url->host, url->scheme,
                                           "all://" + url->host, "all"};
  for (const std::string& key : keys) {
    const auto found = table.proxies.find(key);
    if (found != table.proxies.end()) {
      return found->second.empty() ? std::nullopt : std::optional(found->second);
    }
  }
  return std::nullopt;
}

}  // namespace athanor

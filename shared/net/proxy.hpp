#pragma once

#include "shared/os/machine.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace athanor {

// Which proxy serves which URL. Proxies' URLs may hold user and password: secrets.
struct ProxyTable {
  // "https://host", "https", "all://host" or "all", the most exact one counts →
  // "http://proxy:3128". An empty URL means: directly.
  std::map<std::string, std::string> proxies{};
  // Hosts that are reached directly: "host", ".domain" (the domain and all below it), "host:port",
  // an IPv4 network "10.0.0.0/8", "*" for all.
  std::vector<std::string> bypass{};

  friend bool operator==(const ProxyTable&, const ProxyTable&) = default;
};

// What http_proxy, https_proxy, all_proxy and no_proxy say, in lower case or else in capitals.
// HTTP_PROXY in capitals is left out in a CGI program (REQUEST_METHOD is set): its client sets it.
ProxyTable proxy_table_of(const EnvironmentLookup& environment);

// The proxy's URL; absent: the way is direct.
std::optional<std::string> proxy_for(const ProxyTable& table, std::string_view url);

// "host, .domain *": the list as one writes it in no_proxy.
std::vector<std::string> split_bypass(std::string_view text);

}  // namespace athanor

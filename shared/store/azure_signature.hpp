#pragma once

#include "shared/net/http_client.hpp"
#include "shared/store/sigv4.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace athanor {

struct AzureSharedKey {
  std::string account;
  std::vector<std::uint8_t> key;  // decoded from base64
};

struct AzureRequest {
  std::string method;
  std::string encoded_path;  // of the URL, as sent
  QueryPairs query{};        // not encoded
  HttpHeaders headers{};     // with x-ms-date and x-ms-version
  std::uint64_t content_length = 0;
};

// The Authorization header of Azure Storage's Shared Key scheme. Pure.
std::string sign_azure_shared_key(const AzureRequest& request, const AzureSharedKey& key);

}  // namespace athanor

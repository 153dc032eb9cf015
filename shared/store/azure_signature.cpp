#include "shared/store/azure_signature.hpp"

#include "shared/base/strings.hpp"
#include "shared/store/encoding.hpp"

#include <map>
#include <string_view>

namespace athanor {

std::string sign_azure_shared_key(const AzureRequest& request, const AzureSharedKey& key) {
  std::map<std::string, std::string> headers;
  for (const auto& [name, value] : request.headers) {
    headers[to_lower(name)] = std::string(trim(value));
  }
  const auto value_of = [&](const char* name) {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string() : found->second;
  };
  std::string text = request.method + "\n";
  text += value_of("content-encoding") + "\n" + value_of("content-language") + "\n";
  text += (request.content_length == 0 ? "" : std::to_string(request.content_length)) + "\n";
  for (const char* name : {"content-md5", "content-type", "date", "if-modified-since", "if-match",
                           "if-none-match", "if-unmodified-since", "range"}) {
    text += value_of(name) + "\n";
  }
  for (const auto& [name, value] : headers) {
    if (name.starts_with("x-ms-")) {
      text += name + ":" + value + "\n";
    }
  }
  text += "/" + key.account + request.encoded_path;
  std::map<std::string, std::string> query;
  for (const auto& [name, value] : request.query) {
    query[to_lower(name)] = value;
  }
  for (const auto& [name, value] : query) {
    text += "\n" + name + ":" + value;
  }
  return "SharedKey " + key.account + ":" + base64_encode(hmac_sha256(key.key, text).bytes);
}

}  // namespace athanor

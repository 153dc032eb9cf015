#include "shared/store/open_store.hpp"

#include "shared/base/strings.hpp"
#include "shared/net/url.hpp"
#include "shared/os/files.hpp"
#include "shared/store/azure_store.hpp"
#include "shared/store/cloud_client.hpp"
#include "shared/store/gcs_store.hpp"
#include "shared/store/local_store.hpp"
#include "shared/store/observed_store.hpp"
#include "shared/store/s3_store.hpp"

#include <array>
#include <filesystem>

namespace athanor {
namespace {

Result<std::unique_ptr<Store>> open_directory(std::string_view path, CreateStore create) {
  if (path.empty() || path.find('\0') != std::string_view::npos) {
    return make_error(ErrorKind::invalid, "'" + printable(path) + "' is no directory for a store");
  }
  const std::filesystem::path directory(path);
  if (create == CreateStore::yes) {
    auto made = make_directories(directory, Durability::synced);
    if (!made) {
      return std::move(made).error().with_context("making the store");
    }
  }
  return LocalStore::open(directory);
}

Result<std::unique_ptr<Store>> open_file_url(std::string_view text, CreateStore create) {
  ATHANOR_ASSIGN(const Url url, Url::parse(text));
  if (!url.host.empty() && url.host != "localhost") {
    return make_error(ErrorKind::invalid,
                      "the store '" + url.redacted() + "' names another machine",
                      "Write three slashes: file:///directory");
  }
  return open_directory(percent_decode(url.path), create);
}

Result<std::unique_ptr<Store>> open_s3(std::string_view url, CreateStore /*create*/) {
  // Buckets are made by who pays for them.
  ATHANOR_ASSIGN(CloudServices services,
                 real_cloud_services(process_environment()("AWS_CA_BUNDLE").value_or("")));
  return S3Store::open(url, std::move(services));
}

Result<std::unique_ptr<Store>> open_azure(std::string_view url, CreateStore /*create*/) {
  ATHANOR_ASSIGN(CloudServices services, real_cloud_services(""));
  return AzureStore::open(url, std::move(services));
}

Result<std::unique_ptr<Store>> open_gcs(std::string_view url, CreateStore /*create*/) {
  ATHANOR_ASSIGN(CloudServices services, real_cloud_services(""));
  return GcsStore::open(url, std::move(services));
}

struct Scheme {
  std::string_view name;
  Result<std::unique_ptr<Store>> (*open)(std::string_view url, CreateStore create);
};

constexpr std::array k_schemes = {
    Scheme{"file", &open_file_url}, Scheme{"s3", &open_s3},  Scheme{"az", &open_azure},
    Scheme{"azure", &open_azure},   Scheme{"gs", &open_gcs},
};

// The settings of every scheme are taken out of the query; the rest is the backend's.
Result<StoreLimits> take_limits(std::string& url) {
  StoreLimits limits;
  const std::size_t mark = url.find('?');
  if (mark == std::string::npos) {
    return limits;
  }
  std::string rest;
  for (const std::string_view setting : split(std::string_view(url).substr(mark + 1), '&')) {
    const std::size_t equals = setting.find('=');
    const std::string_view name = setting.substr(0, equals);
    const std::string value =
        equals == std::string_view::npos ? "" : percent_decode(setting.substr(equals + 1));
    if (name == "max_rate") {
      ATHANOR_ASSIGN(limits.bytes_per_second, parse_byte_rate(value, "max_rate"));
    } else if (name == "max_requests") {
      ATHANOR_ASSIGN(limits.requests_per_second, parse_request_rate(value, "max_requests"));
    } else {
      rest += (rest.empty() ? "?" : "&") + std::string(setting);
    }
  }
  url.replace(mark, std::string::npos, rest);
  return limits;
}

Result<std::unique_ptr<Store>> open_unlimited(std::string_view url, CreateStore create) {
  const std::size_t colon = url.find("://");
  if (colon == std::string_view::npos) {
    return open_directory(url, create);
  }
  const std::string name = to_lower(url.substr(0, colon));
  std::string known;
  for (const Scheme& scheme : k_schemes) {
    if (scheme.name == name) {
      return scheme.open(url, create);
    }
    known += (known.empty() ? "" : ", ") + std::string(scheme.name) + "://";
  }
  return make_error(ErrorKind::invalid,
                    "no store can be opened at '" + printable(redact_url(url)) +
                        "': the scheme is not one of " + known,
                    "A plain path names a directory");
}

}  // namespace

Result<std::unique_ptr<Store>> open_store(std::string_view url, CreateStore create) {
  static const SystemClock k_clock;  // stateless
  if (url.find("://") == std::string_view::npos) {
    return open_unlimited(url, create);  // a path may hold a "?"
  }
  std::string rest(url);
  ATHANOR_ASSIGN(const StoreLimits limits, take_limits(rest));
  ATHANOR_ASSIGN(auto store, open_unlimited(rest, create));
  return limit_store(std::move(store), limits, k_clock, real_sleeper());
}

}  // namespace athanor

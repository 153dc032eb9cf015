#include "shared/net/curl_http_client.hpp"

#include "shared/base/strings.hpp"
#include "shared/net/curl_transfer.hpp"
#include "shared/net/file_transfer.hpp"
#include "shared/net/url.hpp"

#include <curl/curl.h>

#include <array>
#include <mutex>
#include <utility>
#include <vector>

namespace athanor {
namespace {

// What all transfers share: resolved names and TLS sessions. Connections are not shared, curl 7.88
// can't do that between threads; they stay with their transfer.
class CurlShare {
 public:
  CurlShare()
      : share_(curl_share_init()) {
    ATHANOR_CHECK(share_ != nullptr);
    curl_share_setopt(share_, CURLSHOPT_USERDATA, this);
    curl_share_setopt(share_, CURLSHOPT_LOCKFUNC, &lock);
    curl_share_setopt(share_, CURLSHOPT_UNLOCKFUNC, &unlock);
    curl_share_setopt(share_, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
    curl_share_setopt(share_, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
  }
  ~CurlShare() { curl_share_cleanup(share_); }
  CurlShare(const CurlShare&) = delete;
  CurlShare& operator=(const CurlShare&) = delete;

  CURLSH* get() const { return share_; }

 private:
  static void lock(CURL* /*easy*/, curl_lock_data data, curl_lock_access /*access*/, void* self) {
    static_cast<CurlShare*>(self)->mutexes_[static_cast<std::size_t>(data)].lock();
  }
  static void unlock(CURL* /*easy*/, curl_lock_data data, void* self) {
    static_cast<CurlShare*>(self)->mutexes_[static_cast<std::size_t>(data)].unlock();
  }

  std::array<std::mutex, CURL_LOCK_DATA_LAST> mutexes_;
  CURLSH* share_;
};

class CurlHttpClient final : public HttpClient {
 public:
  explicit CurlHttpClient(HttpClientOptions options)
      : options_(std::move(options)) {}

  Result<HttpResponse> perform(const HttpRequest& request, const HttpSink& sink,
                               std::stop_token stop) override {
    const std::string scheme = to_lower(request.url.substr(0, request.url.find(':')));
    if (scheme == "file") {
      if (options_.file_urls == FileUrls::refuse) {
        return make_error(ErrorKind::rejected,
                          "file URLs are not allowed here: " + redact_url(request.url));
      }
      return perform_file_request(request, sink, std::move(stop));
    }
    // "https://host:port": where a kept connection is of use again.
    const std::size_t authority = request.url.find("://");
    std::string origin =
        authority == std::string::npos
            ? std::string()
            : request.url.substr(0, request.url.find_first_of("/?#", authority + 3));
    auto transfer = take(origin);
    auto result = transfer->perform(request, sink, std::move(stop));
    give_back(std::move(transfer), std::move(origin));
    return result;
  }

 private:
  struct Idle {
    std::string origin;  // with its userinfo: connections of two users are not mixed up
    std::unique_ptr<CurlTransfer> transfer;
  };

  std::unique_ptr<CurlTransfer> take(const std::string& origin) {
    const std::lock_guard lock(mutex_);
    for (auto idle = idle_.rbegin(); idle != idle_.rend(); ++idle) {
      if (idle->origin == origin) {
        auto transfer = std::move(idle->transfer);
        idle_.erase(std::next(idle).base());
        return transfer;
      }
    }
    if (idle_.size() >= options_.kept_connections && !idle_.empty()) {
      auto transfer = std::move(idle_.front().transfer);
      idle_.erase(idle_.begin());
      return transfer;
    }
    return std::make_unique<CurlTransfer>(options_, share_.get());
  }

  void give_back(std::unique_ptr<CurlTransfer> transfer, std::string origin) {
    const std::lock_guard lock(mutex_);
    if (idle_.size() < options_.kept_connections) {
      idle_.push_back({.origin = std::move(origin), .transfer = std::move(transfer)});
    }
  }

  // curl counts these: initialised with the first client, cleaned up with the last.
  struct GlobalCurl {
    GlobalCurl() { curl_global_init(CURL_GLOBAL_DEFAULT); }
    ~GlobalCurl() { curl_global_cleanup(); }
  };

  const HttpClientOptions options_;
  GlobalCurl global_;
  CurlShare share_;
  std::mutex mutex_;
  std::vector<Idle> idle_;  // the most recently used last
};

}  // namespace

Result<std::unique_ptr<HttpClient>> make_curl_http_client(HttpClientOptions options) {
  const curl_version_info_data* info = curl_version_info(CURLVERSION_NOW);
  if ((info->features & CURL_VERSION_SSL) == 0 || (info->features & CURL_VERSION_THREADSAFE) == 0) {
    return make_error(ErrorKind::unsupported,
                      std::string("this machine's libcurl ") + info->version +
                          " has no TLS or is not thread-safe",
                      "Install a libcurl with OpenSSL, 7.88 or later");
  }
  return std::unique_ptr<HttpClient>(std::make_unique<CurlHttpClient>(std::move(options)));
}

}  // namespace athanor

#include "shared/store/cloud_client.hpp"

#include "shared/net/curl_http_client.hpp"
#include "shared/net/http_date.hpp"

#include <optional>

namespace athanor {

using std::chrono::milliseconds;

Result<CloudServices> real_cloud_services(const std::string& ca_bundle) {
  CloudServices services;
  HttpClientOptions options;
  options.ca_bundle = ca_bundle;
  ATHANOR_ASSIGN(services.http, make_curl_http_client(options));
  // A metadata service is one hop away or isn't there at all.
  options.connect_timeout = std::chrono::seconds(1);
  options.stall_timeout = std::chrono::seconds(3);
  options.stall_min_bytes = 1;
  options.proxies = Proxies::none;
  ATHANOR_ASSIGN(services.metadata_http, make_curl_http_client(std::move(options)));
  services.clock = std::make_unique<SystemClock>();
  services.sleep = real_sleeper();
  services.environment = process_environment();
  services.seed = Random::from_entropy().next();
  return services;
}

CloudClient::CloudClient(CloudServices services)
    : services_(std::move(services)),
      random_(services_.seed) {}

WallTime CloudClient::now() const {
  const std::lock_guard lock(mutex_);
  return services_.clock->wall_now() + time_offset_;
}

bool CloudClient::learn_time(const HttpResponse& response) {
  const auto date = parse_http_date(response.header("date").value_or(""));
  if (!date) {
    return false;
  }
  const std::lock_guard lock(mutex_);
  const auto offset =
      std::chrono::duration_cast<std::chrono::seconds>(*date - services_.clock->wall_now());
  if (std::chrono::abs(offset - time_offset_) < std::chrono::minutes(5)) {
    return false;
  }
  time_offset_ = offset;
  return true;
}

std::chrono::milliseconds CloudClient::next_delay(unsigned attempt, const HttpResponse* response) {
  std::optional<milliseconds> asked;
  if (response != nullptr) {
    if (const auto header = response->header("retry-after")) {
      asked = parse_retry_after(*header, services_.clock->wall_now());
    }
  }
  const std::lock_guard lock(mutex_);
  return retry_delay(services_.retry, attempt, random_, asked);
}

Result<CloudAnswer> CloudClient::perform(const CloudCall& call) {
  bool after_doubt = false;
  for (unsigned attempt = 1;; ++attempt) {
    ATHANOR_ASSIGN(const HttpRequest request, call.build());
    auto answer = services_.http->perform(request, call.sink, call.stop);
    const HttpResponse* response = answer ? &answer.value() : nullptr;
    if (response != nullptr) {
      const Verdict verdict = call.judge(*response, attempt);
      if (verdict == Verdict::accept) {
        return CloudAnswer{.response = std::move(answer).value(), .after_doubt = after_doubt};
      }
      if (verdict == Verdict::fail || attempt >= services_.retry.attempts) {
        return call.explain(*response);
      }
      after_doubt = after_doubt || response->status >= 500;
    } else {
      if (answer.error().kind != ErrorKind::retry || attempt >= services_.retry.attempts) {
        return std::move(answer).error();
      }
      after_doubt = true;
    }
    ATHANOR_TRY(services_.sleep(next_delay(attempt, response), call.stop));
  }
}

}  // namespace athanor

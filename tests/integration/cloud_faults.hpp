#pragma once

#include "shared/net/http_client.hpp"
#include "shared/store/cloud_client.hpp"
#include "tests/support/faulty_http.hpp"
#include "tests/support/results.hpp"

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace athanor::test {

using Environment = std::map<std::string, std::string, std::less<>>;

// What tests of cloud stores share: services with an environment of the test's own, and the faults
// that a network has.
inline CloudServices cloud_services(Environment environment) {
  CloudServices services = must(real_cloud_services(""));
  services.environment = [environment = std::move(environment)](std::string_view name) {
    const auto found = environment.find(name);
    return found == environment.end() ? std::nullopt : std::optional(found->second);
  };
  services.retry.base = std::chrono::milliseconds(20);
  return services;
}

// Puts a FaultyHttp in front of the services' client; the services own it.
inline FaultyHttp* make_faulty(CloudServices& services) {
  auto faulty = std::make_unique<FaultyHttp>(std::move(services.http));
  FaultyHttp* raw = faulty.get();
  services.http = std::move(faulty);
  return raw;
}

// That answer or error instead of the first `times` ones to requests of that method.
inline FaultyHttp::Fault first_requests(int times, std::string method,
                                        Result<HttpResponse> instead) {
  auto left = std::make_shared<std::atomic<int>>(times);
  return [=](const HttpRequest& request) -> std::optional<Result<HttpResponse>> {
    if (request.method != method || left->fetch_sub(1) <= 0) {
      return std::nullopt;
    }
    return instead;
  };
}

inline HttpResponse status_answer(int number) {
  HttpResponse response;
  response.status = number;
  return response;
}

inline Error connection_lost() {
  return make_error(ErrorKind::retry, "connection lost");
}

}  // namespace athanor::test

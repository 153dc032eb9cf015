#pragma once

#include "coordinator/doctor/finding.hpp"
#include "shared/auth/access.hpp"
#include "shared/base/clock.hpp"
#include "shared/net/http_client.hpp"

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace athanor::coordinator {

// What a server said to one small question.
struct OriginAnswer {
  int status = 0;
  std::string method{};  // "HEAD", or "GET" of one byte where the server knows no HEAD
  std::chrono::milliseconds elapsed{};
  std::string effective_url{};                        // after redirects, redacted
  std::optional<std::chrono::seconds> clock_ahead{};  // of ours before the server's; by its Date
  std::string limits{};  // what its rate limit headers say: "x-ratelimit-limit: 100"; may be empty
};

// Asks for a URL's head; for one byte where the server refuses to answer that. Errors: those of
// HttpClient.
Result<OriginAnswer> ask_origin(HttpClient& http, const Clock& clock, const std::string& url,
                                std::stop_token stop = {});

// What an answer means for whoever wants packages from there: "200 in 34 ms", or an Error whose
// kind says what to do: 401, 403 and 407 rejected, 404 not_found, the rest as status_error() has
// it.
Result<std::string> judge_answer(const OriginAnswer& answer, const std::string& redacted_url);

// Where a channel is asked whether it is there: its noarch index.
std::string index_url_of(const Channel& channel);

// What is to be asked.
struct Origins {
  std::vector<std::string> channels{};  // names or URLs of channels: their index must be there
  std::vector<std::string> bases{};     // URL prefixes: any answer but a refusal is good
};

// Asks each in turn. Finds: reachability, latency, credentials used, limits; and, once, how far our
// clock is off.
void look_at_origins(Findings& findings, const Access& access, const Clock& clock,
                     const Origins& origins, std::stop_token stop = {});

}  // namespace athanor::coordinator

#pragma once

#include "shared/base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace athanor {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

// Bytes to send. `read` fills the buffer and returns how many bytes it wrote, 0 at the end;
// `rewind` starts again from the first byte (a redirect or a retried connection needs it).
struct HttpBody {
  std::uint64_t size = 0;
  std::function<Result<std::size_t>(std::span<std::uint8_t>)> read;
  std::function<Result<void>()> rewind{};
};

enum class FollowRedirects { no, yes };

struct HttpResponse;

struct HttpRequest {
  std::string method = "GET";
  std::string url{};  // may hold credentials; never logged
  HttpHeaders headers{};
  std::optional<HttpBody> body{};
  FollowRedirects follow_redirects = FollowRedirects::yes;
  // Of a 2xx answer; more is cut off and is `rejected`. 0: no body is expected.
  std::uint64_t max_body_bytes = 0;
  // Called once for a 2xx answer, before the first byte of its body: status and headers are known,
  // so that the sink can be told whether a range or the whole comes. An Error ends the transfer and
  // is returned by perform().
  std::function<Result<void>(const HttpResponse&)> on_answer{};
};

struct HttpResponse {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case; of the last answer
  std::string effective_url;                   // after redirects, redacted
  std::uint64_t body_bytes = 0;                // passed to the sink
  std::string error_body;  // the first k_error_body_bytes of an answer that isn't 2xx

  static constexpr std::size_t k_error_body_bytes = 16 * 1024;

  std::optional<std::string> header(std::string_view lower_case_name) const;
};

// Takes the answer's body as it arrives, on the thread that called perform(). Called only for 2xx
// answers; of others the beginning is kept in HttpResponse::error_body. An Error from here ends
// the transfer and is returned by perform().
using HttpSink = std::function<Result<void>(std::span<const std::uint8_t>)>;

// HTTP and HTTPS (and file URLs, where a caller allows them), one request at a time per thread.
// Thread-safe; connections are kept and reused.
//
// perform() returns a response for every answer that arrived whole, whatever its status; an Error
// for what never became one: retry (connection, stall, truncated body), rejected (too many
// redirects, certificate, too large, forbidden protocol), canceled (stop requested). A file URL
// answers 200, 206 or 404 as a server would. Timeouts go by stalled progress, never by total time.
// Neither the credentials in the URL nor an Authorization header are sent to another host on a
// redirect; any other header is, so requests that carry secrets in one don't follow redirects.
class HttpClient {
 public:
  virtual ~HttpClient() = default;
  virtual Result<HttpResponse> perform(const HttpRequest& request, const HttpSink& sink,
                                       std::stop_token stop) = 0;
};

}  // namespace athanor

#pragma once

#include "shared/net/http_client.hpp"

#include <stop_token>

namespace athanor {

// Answers a GET or HEAD of a file URL as a server would: 200 (206 for "Range: bytes=N-"), or 404 if
// there is no such regular file. rejected if the URL names another host or the file can't be read.
// Internal to net.
Result<HttpResponse> perform_file_request(const HttpRequest& request, const HttpSink& sink,
                                          std::stop_token stop);

}  // namespace athanor

#pragma once

#include "coordinator/document/submission_document.hpp"

#include <cstdint>
#include <string>
#include <string_view>

// The body of a submission of exact requests; only this module includes it.
namespace athanor::coordinator {

struct EncodedRequests {
  std::string body;
  std::string secrets;  // empty if no URL holds credentials
  std::uint64_t sources = 0;
};

EncodedRequests encode_requests(const ExactRequests& requests);
Result<ExactRequests> decode_requests(std::string_view body, std::string_view secrets);

}  // namespace athanor::coordinator

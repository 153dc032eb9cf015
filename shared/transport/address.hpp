#pragma once

#include "shared/base/result.hpp"
#include "shared/transport/endpoint.hpp"

#include <string_view>

namespace athanor::transport {

enum class Side { bind, connect };

// Whether an endpoint may be used without encryption. rejected or invalid, with words, if not.
Result<void> check_address(std::string_view endpoint, Exposure exposure, Side side);

}  // namespace athanor::transport

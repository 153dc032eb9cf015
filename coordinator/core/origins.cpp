#include "coordinator/core/origins.hpp"

#include "shared/base/check.hpp"
#include "shared/base/limits.hpp"

#include <algorithm>

namespace athanor::coordinator {
namespace {

std::string_view netloc_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) {
    return {};
  }
  const std::string_view rest = url.substr(scheme + 3);
  return rest.substr(0, rest.find('/'));
}

}  // namespace

Origins::Origins()
    : origins_(1) {}

OriginId Origins::of_url(std::string_view url) {
  const std::string_view netloc = netloc_of(url);
  if (netloc.empty()) {
    return 0;
  }
  if (const auto known = by_netloc_.find(netloc); known != by_netloc_.end()) {
    return known->second;
  }
  const bool full = origins_.size() >= limits::k_origins;
  if (full && origins_.back().netloc != "(others)") {
    origins_.emplace_back().netloc = "(others)";
  }
  if (full) {
    return static_cast<OriginId>(origins_.size() - 1);
  }
  const auto id = static_cast<OriginId>(origins_.size());
  origins_.emplace_back().netloc = std::string(netloc);
  by_netloc_.emplace(netloc, id);
  return id;
}

void Origins::begin(OriginId origin) {
  ++origins_.at(origin).in_flight;
}

void Origins::end(OriginId origin) {
  ATHANOR_CHECK(origins_.at(origin).in_flight > 0);
  --origins_.at(origin).in_flight;
}

void Origins::count_success(OriginId origin, std::uint64_t bytes) {
  ++origins_.at(origin).requests;
  origins_.at(origin).bytes += bytes;
}

void Origins::count_failure(OriginId origin) {
  ++origins_.at(origin).requests;
  ++origins_.at(origin).failures;
}

bool Origins::is_open(OriginId /*origin*/) const {
  return true;
}

std::vector<OriginStats> Origins::stats() const {
  std::vector<OriginStats> result;
  for (const OriginStats& origin : origins_) {
    if (!origin.netloc.empty() && origin.requests + origin.in_flight > 0) {
      result.push_back(origin);
    }
  }
  std::stable_sort(result.begin(), result.end(), [](const OriginStats& a, const OriginStats& b) {
    return a.requests + a.in_flight > b.requests + b.in_flight;
  });
  return result;
}

}  // namespace athanor::coordinator

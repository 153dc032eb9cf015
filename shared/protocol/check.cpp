#include "shared/protocol/check.hpp"

#include "shared/base/strings.hpp"
#include "shared/protocol/fields.hpp"

#include <algorithm>

namespace athanor::protocol {
namespace {

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

bool is_lower_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

bool belongs_to(Format format, PackageType type) {
  const bool is_conda = format == Format::conda || format == Format::tar_bz2;
  return is_conda == (type == PackageType::conda);
}

}  // namespace

std::string_view problem_of(std::string_view value, const Text& rule) {
  if (value.size() < rule.min) {
    return "is too short";
  }
  if (value.size() > rule.max) {
    return "is too long";
  }
  if (std::ranges::any_of(value, is_control) || !is_utf8(value)) {
    return "is not plain text";
  }
  return {};
}

std::string_view problem_of(std::string_view value, const HexHash& /*rule*/) {
  const bool sized = value.size() == 32 || value.size() == 64;
  return sized && std::ranges::all_of(value, is_lower_hex) ? std::string_view()
                                                           : "is not a hexadecimal hash";
}

std::string_view problem_of(const LeaseKey& value) {
  return value.epoch == 0 || value.job.value == 0 || value.attempt == 0 ? "is not a lease"
                                                                        : std::string_view();
}

std::string_view disagreement(const SolveRequest& request) {
  for (const SolveChannel& channel : request.channels) {
    if (channel.url.ends_with('/')) {
      return "has a channel that ends in '/'";
    }
  }
  return {};
}

std::string_view disagreement(const JobSpec& spec) {
  if (spec.solve) {
    const bool alone = spec.wanted.empty() && spec.present.empty() && spec.expected.empty();
    return alone ? std::string_view() : "wants packages from a solve";
  }
  if (spec.wanted.empty()) {
    return "wants nothing";
  }
  for (std::size_t i = 0; i < spec.wanted.size(); ++i) {
    if (!belongs_to(spec.wanted[i], spec.type)) {
      return "wants a format that its package type doesn't have";
    }
    if (std::count(spec.wanted.begin(), spec.wanted.end(), spec.wanted[i]) != 1) {
      return "wants a format twice";
    }
  }
  for (const StoredFormat& stored : spec.present) {
    if (!belongs_to(stored.format, spec.type)) {
      return "has a format that its package type doesn't have";
    }
  }
  return {};
}

std::string_view disagreement(const Hello& hello) {
  return hello.protocol_min > hello.protocol_max ? "has an empty protocol range"
                                                 : std::string_view();
}

std::string_view disagreement(const Welcome& welcome) {
  return welcome.lease_duration <= welcome.heartbeat_interval
             ? "has leases that end before the first heartbeat"
             : std::string_view();
}

}  // namespace athanor::protocol

#pragma once

#include "shared/protocol/messages.hpp"
#include "shared/protocol/rules.hpp"

#include <string_view>

// Whether a single value obeys its rule: what is wrong, or nothing. Writer and reader ask the same.
namespace athanor::protocol {

constexpr std::string_view problem_of(std::uint64_t value, std::uint64_t min, std::uint64_t max) {
  return value < min || value > max ? std::string_view("is out of range") : std::string_view();
}
std::string_view problem_of(std::string_view value, const Text& rule);
std::string_view problem_of(std::string_view value, const HexHash& rule);
std::string_view problem_of(const LeaseKey& value);

}  // namespace athanor::protocol

#pragma once

#include "shared/base/result.hpp"
#include "shared/protocol/client_messages.hpp"
#include "shared/protocol/job.hpp"

#include <array>
#include <string_view>
#include <utility>

// How enumerations are spelled on the wire. These never change, whatever they are called elsewhere.
namespace athanor::protocol {

template <typename Enum>
struct WireNames;

template <>
struct WireNames<PackageType> {
  static constexpr std::array k_names{std::pair(PackageType::conda, std::string_view("conda")),
                                      std::pair(PackageType::pypi, std::string_view("pypi"))};
};

template <>
struct WireNames<Format> {
  static constexpr std::array k_names{std::pair(Format::conda, std::string_view("conda")),
                                      std::pair(Format::tar_bz2, std::string_view("tar.bz2")),
                                      std::pair(Format::whl, std::string_view("whl")),
                                      std::pair(Format::tar_gz, std::string_view("tar.gz")),
                                      std::pair(Format::zip, std::string_view("zip"))};
};

template <>
struct WireNames<Stage> {
  static constexpr std::array k_names{std::pair(Stage::locate, std::string_view("locate")),
                                      std::pair(Stage::fetch, std::string_view("fetch")),
                                      std::pair(Stage::verify, std::string_view("verify")),
                                      std::pair(Stage::transmute, std::string_view("transmute")),
                                      std::pair(Stage::publish, std::string_view("publish")),
                                      std::pair(Stage::solve, std::string_view("solve"))};
};

template <>
struct WireNames<ChannelPriority> {
  static constexpr std::array k_names{
      std::pair(ChannelPriority::strict, std::string_view("strict")),
      std::pair(ChannelPriority::flexible, std::string_view("flexible")),
      std::pair(ChannelPriority::disabled, std::string_view("disabled"))};
};

template <>
struct WireNames<LockHold> {
  static constexpr std::array k_names{std::pair(LockHold::keep, std::string_view("keep")),
                                      std::pair(LockHold::prefer, std::string_view("prefer"))};
};

template <>
struct WireNames<Provenance> {
  static constexpr std::array k_names{std::pair(Provenance::none, std::string_view("none")),
                                      std::pair(Provenance::local, std::string_view("local")),
                                      std::pair(Provenance::store, std::string_view("store")),
                                      std::pair(Provenance::origin, std::string_view("origin"))};
};

template <>
struct WireNames<AttemptEnd> {
  static constexpr std::array k_names{std::pair(AttemptEnd::done, std::string_view("done")),
                                      std::pair(AttemptEnd::broken, std::string_view("broken")),
                                      std::pair(AttemptEnd::busy, std::string_view("busy")),
                                      std::pair(AttemptEnd::missing, std::string_view("missing")),
                                      std::pair(AttemptEnd::lagging, std::string_view("lagging")),
                                      std::pair(AttemptEnd::refused, std::string_view("refused")),
                                      std::pair(AttemptEnd::altered, std::string_view("altered")),
                                      std::pair(AttemptEnd::skipped, std::string_view("skipped"))};
};

template <>
struct WireNames<ErrorKind> {
  static constexpr std::array k_names{
      std::pair(ErrorKind::not_found, std::string_view("not_found")),
      std::pair(ErrorKind::retry, std::string_view("retry")),
      std::pair(ErrorKind::corrupt, std::string_view("corrupt")),
      std::pair(ErrorKind::rejected, std::string_view("rejected")),
      std::pair(ErrorKind::unsupported, std::string_view("unsupported")),
      std::pair(ErrorKind::invalid, std::string_view("invalid")),
      std::pair(ErrorKind::canceled, std::string_view("canceled")),
      std::pair(ErrorKind::bug, std::string_view("bug"))};
};

template <>
struct WireNames<Question> {
  static constexpr std::array k_names{std::pair(Question::status, std::string_view("status")),
                                      std::pair(Question::batches, std::string_view("batches")),
                                      std::pair(Question::batch, std::string_view("batch")),
                                      std::pair(Question::workers, std::string_view("workers")),
                                      std::pair(Question::explain, std::string_view("explain"))};
};

template <>
struct WireNames<Order> {
  static constexpr std::array k_names{std::pair(Order::cancel, std::string_view("cancel")),
                                      std::pair(Order::retry, std::string_view("retry")),
                                      std::pair(Order::drain, std::string_view("drain")),
                                      std::pair(Order::resume, std::string_view("resume"))};
};

// Empty if the value is none of the enumeration's.
template <typename Enum>
constexpr std::string_view wire_name(Enum value) {
  for (const auto& [candidate, name] : WireNames<Enum>::k_names) {
    if (candidate == value) {
      return name;
    }
  }
  return {};
}

template <typename Enum>
constexpr std::optional<Enum> from_wire_name(std::string_view name) {
  for (const auto& [candidate, candidate_name] : WireNames<Enum>::k_names) {
    if (candidate_name == name) {
      return candidate;
    }
  }
  return std::nullopt;
}

}  // namespace athanor::protocol

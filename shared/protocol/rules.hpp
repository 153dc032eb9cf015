#pragma once

#include "shared/base/limits.hpp"

#include <cstddef>
#include <cstdint>

// What a field may hold. A rule decides a field's encoding, its limits, and whether it may be
// absent; writer and reader obey the same ones.
namespace athanor::protocol {

template <typename T>
concept IsOptional = requires(T value) {
  value.has_value();
};

enum class Need {
  required,
  optional,  // absent means empty, zero or false, and such values are not sent
};

struct Uint {
  std::uint64_t min = 0;
  std::uint64_t max = UINT64_MAX;
  Need need = Need::required;
};

// Milliseconds as an unsigned integer.
struct Millis {
  std::uint64_t min = 0;
  std::uint64_t max = 0;
  Need need = Need::required;
};

struct Flag {
  Need need = Need::optional;
};

// UTF-8 without control characters; refused when it is longer.
struct Text {
  std::size_t min = 0;
  std::size_t max = 0;
  Need need = Need::required;
};

// Raw bytes, up to `max`; refused when there are more.
struct Bytes {
  std::size_t max = 0;
  Need need = Need::optional;
};

// Words for a person: clipped and made printable, by the writer and again by the reader.
struct Words {
  Need need = Need::optional;
};

// Lower-case hexadecimal of an MD5 or a SHA-256.
struct HexHash {
  Need need = Need::required;
};

// A hash or a digest's hash: raw bytes of exactly its size.
struct Raw {
  Need need = Need::optional;
};

// One of an enumeration's wire names.
struct Choice {
  Need need = Need::required;
};

// [epoch, job, attempt].
struct Lease {
  Need need = Need::required;
};

// A map with fields of its own.
struct Object {
  Need need = Need::required;
};

template <typename Rule>
struct ListOf {
  std::size_t min = 0;
  std::size_t max = 0;
  Rule item{};
  Need need = Need::optional;
};

// [stage, milliseconds].
struct StageTime {};

// A map from text to text.
struct TextMap {
  std::size_t max_items = 0;
  std::size_t max_text = 0;
  Need need = Need::optional;
};

inline constexpr Text k_url_rule{.min = 1, .max = limits::k_url_bytes};
// A key repeats the URL's path and adds two file names and a hash.
inline constexpr Text k_key_rule{.min = 1, .max = 2 * limits::k_url_bytes};
inline constexpr Text k_word_rule{.min = 1, .max = 64};
inline constexpr Uint k_session_rule{.min = 1};
inline constexpr std::size_t k_words_bytes = 4096;
inline constexpr std::uint64_t k_day_ms = 24U * 3600U * 1000U;

}  // namespace athanor::protocol

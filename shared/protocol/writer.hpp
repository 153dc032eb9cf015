#pragma once

#include "shared/base/strings.hpp"
#include "shared/protocol/check.hpp"
#include "shared/protocol/fields.hpp"
#include "shared/protocol/wire_names.hpp"

#include <msgpack.hpp>

#include <concepts>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace athanor::protocol {

// Appends to a string what the packer writes.
struct StringStream {
  std::string bytes;
  void write(const char* data, std::size_t size) { bytes.append(data, size); }
};

// The visitor that encodes. A map's length stands before its members, so each map is visited twice:
// once to count what will be written, once to write it.
class Writer {
 public:
  static constexpr bool k_reads = false;

  explicit Writer(StringStream& out)
      : packer_(out) {}

  // What was wrong first: the field's name and why; absent if nothing was.
  const std::optional<std::string>& problem() const { return problem_; }

  template <typename T>
  void map(const T& value) {
    check(disagreement(value), "message");
    const bool outer_counting = std::exchange(counting_, true);
    const std::uint32_t outer_count = std::exchange(count_, 0U);
    fields(*this, value);
    counting_ = outer_counting;
    packer_.pack_map(count_);
    fields(*this, value);
    count_ = outer_count;
  }

  template <typename T, typename Rule>
  void field(std::string_view key, const T& value, const Rule& rule) {
    if (rule.need == Need::optional && is_empty(value)) {
      return;
    }
    if (counting_) {
      ++count_;
      return;
    }
    text(key);
    key_ = key;
    put(value, rule);
  }

  template <typename A, typename B>
  void either(std::string_view first, std::string_view second, const std::variant<A, B>& value) {
    if (const A* a = std::get_if<A>(&value)) {
      field(first, *a, Object{});
    } else {
      field(second, *std::get_if<B>(&value), Object{});
    }
  }

 private:
  template <typename T>
  static bool is_empty(const T& value) {
    if constexpr (std::is_arithmetic_v<T>) {
      return value == T{};
    } else if constexpr (IsOptional<T>) {
      return !value.has_value();
    } else if constexpr (requires { value.empty(); }) {
      return value.empty();
    } else {
      return false;  // Only required fields have these types.
    }
  }

  template <typename T, typename Rule>
  void put(const std::optional<T>& value, const Rule& rule) {
    if (value) {
      put(*value, rule);
    } else {
      check("is missing", key_);
      packer_.pack_nil();
    }
  }
  template <std::integral Number>
  void put(const Number& value, const Uint& rule) {
    check(problem_of(static_cast<std::uint64_t>(value), rule.min, rule.max), key_);
    packer_.pack_uint64(static_cast<std::uint64_t>(value));
  }
  void put(const std::chrono::milliseconds& value, const Millis& rule) {
    const auto count = value.count() < 0 ? 0U : static_cast<std::uint64_t>(value.count());
    check(problem_of(count, rule.min, rule.max), key_);
    packer_.pack_uint64(count);
  }
  void put(bool value, const Flag& /*rule*/) { value ? packer_.pack_true() : packer_.pack_false(); }
  void put(const std::string& value, const Text& rule) {
    check(problem_of(value, rule), key_);
    text(value);
  }
  void put(const std::string& value, const Bytes& rule) {
    check(problem_of(value.size(), 0, rule.max), key_);
    packer_.pack_bin(static_cast<std::uint32_t>(value.size()));
    packer_.pack_bin_body(value.data(), static_cast<std::uint32_t>(value.size()));
  }
  void put(const std::string& value, const Words& /*rule*/) {
    text(printable(value, k_words_bytes));
  }
  void put(const std::string& value, const HexHash& rule) {
    check(problem_of(value, rule), key_);
    text(value);
  }
  template <std::size_t Size, typename Tag>
  void put(const HashValue<Size, Tag>& value, const Raw& /*rule*/) {
    packer_.pack_bin(static_cast<std::uint32_t>(Size));
    // msgpack wants chars; the bytes are the same.
    packer_.pack_bin_body(reinterpret_cast<const char*>(value.bytes.data()),  // NOLINT
                          static_cast<std::uint32_t>(Size));
  }
  template <typename Enum>
  void put(Enum value, const Choice& /*rule*/) {
    const std::string_view name = wire_name(value);
    check(name.empty() ? "is no value of its kind" : std::string_view(), key_);
    text(name);
  }
  void put(const LeaseKey& value, const Lease& /*rule*/) {
    check(problem_of(value), key_);
    packer_.pack_array(3);
    packer_.pack_uint64(value.epoch);
    packer_.pack_uint64(value.job.value);
    packer_.pack_uint32(value.attempt);
  }
  template <typename T>
  requires(!IsOptional<T>) void put(const T& value, const Object& /*rule*/) { map(value); }
  template <typename T, typename Rule>
  void put(const std::vector<T>& values, const ListOf<Rule>& rule) {
    check(problem_of(values.size(), rule.min, rule.max), key_);
    packer_.pack_array(static_cast<std::uint32_t>(values.size()));
    for (const T& value : values) {
      put(value, rule.item);
    }
  }
  void put(const std::pair<Stage, std::chrono::milliseconds>& value, const StageTime& /*rule*/) {
    packer_.pack_array(2);
    put(value.first, Choice{});
    put(value.second, Millis{.max = UINT64_MAX});
  }
  void put(const std::map<std::string, std::string>& values, const TextMap& rule) {
    check(problem_of(values.size(), 0, rule.max_items), key_);
    packer_.pack_map(static_cast<std::uint32_t>(values.size()));
    for (const auto& [name, value] : values) {
      put(name, Text{.max = rule.max_text});
      put(value, Text{.max = rule.max_text});
    }
  }

  void text(std::string_view value) {
    packer_.pack_str(static_cast<std::uint32_t>(value.size()));
    packer_.pack_str_body(value.data(), static_cast<std::uint32_t>(value.size()));
  }
  void check(std::string_view problem, std::string_view where) {
    if (!problem.empty() && !problem_) {
      problem_ = "'" + std::string(where) + "' " + std::string(problem);
    }
  }

  msgpack::packer<StringStream> packer_;
  std::optional<std::string> problem_;
  std::string_view key_ = "message";  // of the field being written, for `problem_`
  bool counting_ = false;
  std::uint32_t count_ = 0;
};

}  // namespace athanor::protocol

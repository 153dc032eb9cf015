#pragma once

#include "shared/base/strings.hpp"
#include "shared/protocol/check.hpp"
#include "shared/protocol/fields.hpp"
#include "shared/protocol/wire_names.hpp"

#include <msgpack.hpp>

#include <concepts>
#include <cstring>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace athanor::protocol {

// The visitor that decodes an unpacked body. After the first problem nothing more is read; values
// read so far are of no use then.
class Reader {
 public:
  static constexpr bool k_reads = true;

  // What was wrong first, with the way to it ("jobs[3].spec.source is missing"); absent if nothing.
  const std::optional<std::string>& problem() const { return problem_; }

  template <typename T>
  void map(const msgpack::object& object, T& value) {
    if (object.type != msgpack::type::MAP) {
      fail("is not a map");
      return;
    }
    const msgpack::object* outer = std::exchange(map_, &object);
    fields(*this, value);
    map_ = outer;
    check(problem_ ? std::string_view() : disagreement(value));
  }

  template <typename T, typename Rule>
  void field(std::string_view key, T& value, const Rule& rule) {
    if (problem_) {
      return;
    }
    path_.push_back({.key = key});
    if (const msgpack::object* found = find(key)) {
      get(*found, value, rule);
    } else if (rule.need == Need::required) {
      fail("is missing");
    }
    path_.pop_back();
  }

  template <typename A, typename B>
  void either(std::string_view first, std::string_view second, std::variant<A, B>& value) {
    if (problem_) {
      return;
    }
    if (find(first) != nullptr && find(second) != nullptr) {
      fail("holds two of which only one may be there");
    } else if (find(first) != nullptr) {
      field(first, value.template emplace<A>(), Object{});
    } else {
      field(second, value.template emplace<B>(), Object{});
    }
  }

 private:
  struct Step {
    std::string_view key;  // of a map; empty for an array's item
    std::size_t index = 0;
  };

  // Nil counts as absent, so that writers may send it for what they don't know.
  const msgpack::object* find(std::string_view key) const {
    const msgpack::object_map& map = map_->via.map;
    for (std::uint32_t i = 0; i < map.size; ++i) {
      const msgpack::object& name = map.ptr[i].key;
      if (name.type == msgpack::type::STR && view(name) == key) {
        return map.ptr[i].val.is_nil() ? nullptr : &map.ptr[i].val;
      }
    }
    return nullptr;
  }
  static std::string_view view(const msgpack::object& object) {
    return {object.via.str.ptr, object.via.str.size};
  }

  void fail(std::string_view what) {
    if (problem_) {
      return;
    }
    std::string where;
    for (const Step& step : path_) {
      if (step.key.empty()) {
        where += "[" + std::to_string(step.index) + "]";
      } else {
        where += (where.empty() ? "" : ".") + std::string(step.key);
      }
    }
    problem_ = (where.empty() ? "the body" : "'" + where + "'") + " " + std::string(what);
  }
  void check(std::string_view problem) {
    if (!problem.empty()) {
      fail(problem);
    }
  }

  std::optional<std::uint64_t> number(const msgpack::object& object, std::uint64_t min,
                                      std::uint64_t max) {
    if (object.type != msgpack::type::POSITIVE_INTEGER) {
      fail("is not an unsigned integer");
      return std::nullopt;
    }
    check(problem_of(object.via.u64, min, max));
    return object.via.u64;
  }
  std::optional<std::string_view> string(const msgpack::object& object) {
    if (object.type != msgpack::type::STR) {
      fail("is not a string");
      return std::nullopt;
    }
    return view(object);
  }
  bool is_array(const msgpack::object& object, std::size_t min, std::size_t max) {
    if (object.type != msgpack::type::ARRAY) {
      fail("is not an array");
    } else if (object.via.array.size < min || object.via.array.size > max) {
      fail("has too few or too many items");
    }
    return !problem_;
  }

  template <typename T, typename Rule>
  void get(const msgpack::object& object, std::optional<T>& value, const Rule& rule) {
    get(object, value.emplace(), rule);
  }
  template <std::integral Number>
  void get(const msgpack::object& object, Number& value, const Uint& rule) {
    const auto max = static_cast<std::uint64_t>(std::numeric_limits<Number>::max());
    if (const auto found = number(object, rule.min, std::min(rule.max, max))) {
      value = static_cast<Number>(*found);
    }
  }
  void get(const msgpack::object& object, std::chrono::milliseconds& value, const Millis& rule) {
    if (const auto found = number(object, rule.min, rule.max)) {
      value = std::chrono::milliseconds(static_cast<std::int64_t>(*found));
    }
  }
  void get(const msgpack::object& object, bool& value, const Flag& /*rule*/) {
    if (object.type != msgpack::type::BOOLEAN) {
      fail("is not a boolean");
      return;
    }
    value = object.via.boolean;
  }
  void get(const msgpack::object& object, std::string& value, const Text& rule) {
    if (const auto found = string(object)) {
      check(problem_of(*found, rule));
      value = *found;
    }
  }
  void get(const msgpack::object& object, std::string& value, const Bytes& rule) {
    if (object.type != msgpack::type::BIN || object.via.bin.size > rule.max) {
      fail("is not bytes, or too many");
      return;
    }
    value.assign(object.via.bin.ptr, object.via.bin.size);
  }
  void get(const msgpack::object& object, std::string& value, const Words& /*rule*/) {
    if (const auto found = string(object)) {
      // Room for the dots with which the writer ends what it clips.
      value = printable(*found, k_words_bytes + 16);
    }
  }
  void get(const msgpack::object& object, std::string& value, const HexHash& rule) {
    if (const auto found = string(object)) {
      check(problem_of(*found, rule));
      value = *found;
    }
  }
  template <std::size_t Size, typename Tag>
  void get(const msgpack::object& object, HashValue<Size, Tag>& value, const Raw& /*rule*/) {
    if (object.type != msgpack::type::BIN || object.via.bin.size != Size) {
      fail("is not a hash");
      return;
    }
    std::memcpy(value.bytes.data(), object.via.bin.ptr, Size);
  }
  template <typename Enum>
  void get(const msgpack::object& object, Enum& value, const Choice& /*rule*/) {
    if (const auto name = string(object)) {
      if (const auto found = from_wire_name<Enum>(*name)) {
        value = *found;
      } else {
        fail("is unknown");
      }
    }
  }
  void get(const msgpack::object& object, LeaseKey& value, const Lease& /*rule*/) {
    if (!is_array(object, 3, limits::k_message_map_items)) {
      return;
    }
    const msgpack::object* items = object.via.array.ptr;
    get(items[0], value.epoch, Uint{});
    get(items[1], value.job.value, Uint{});
    get(items[2], value.attempt, Uint{});
    check(problem_of(value));
  }
  template <typename T>
  requires(!IsOptional<T>) void get(const msgpack::object& object, T& value,
                                    const Object& /*rule*/) {
    map(object, value);
  }
  template <typename T, typename Rule>
  void get(const msgpack::object& object, std::vector<T>& values, const ListOf<Rule>& rule) {
    if (!is_array(object, rule.min, rule.max)) {
      return;
    }
    values.reserve(object.via.array.size);
    for (std::uint32_t i = 0; i < object.via.array.size && !problem_; ++i) {
      path_.push_back({.key = {}, .index = i});
      get(object.via.array.ptr[i], values.emplace_back(), rule.item);
      path_.pop_back();
    }
  }
  void get(const msgpack::object& object, std::pair<Stage, std::chrono::milliseconds>& value,
           const StageTime& /*rule*/) {
    if (is_array(object, 2, limits::k_message_map_items)) {
      get(object.via.array.ptr[0], value.first, Choice{});
      get(object.via.array.ptr[1], value.second, Millis{.max = INT64_MAX});
    }
  }
  void get(const msgpack::object& object, std::map<std::string, std::string>& values,
           const TextMap& rule) {
    if (object.type != msgpack::type::MAP || object.via.map.size > rule.max_items) {
      fail("is not a map, or has too many items");
      return;
    }
    for (std::uint32_t i = 0; i < object.via.map.size && !problem_; ++i) {
      std::string name;
      std::string value;
      get(object.via.map.ptr[i].key, name, Text{.max = rule.max_text});
      get(object.via.map.ptr[i].val, value, Text{.max = rule.max_text});
      values.insert_or_assign(std::move(name), std::move(value));
    }
  }

  std::optional<std::string> problem_;
  std::vector<Step> path_;
  const msgpack::object* map_ = nullptr;  // whose fields are being read
};

}  // namespace athanor::protocol

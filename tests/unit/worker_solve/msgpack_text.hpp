#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// MessagePack written by hand, so that shards are read as others write them.
namespace athanor::worker::solve::test {

inline std::string big_endian(std::size_t value, int bytes) {
  std::string out;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    out += static_cast<char>((value >> static_cast<unsigned>(shift)) & 0xffU);
  }
  return out;
}
inline std::string mp_text(std::string_view text) {
  return text.size() < 32 ? static_cast<char>(0xa0U | text.size()) + std::string(text)
                          : "\xda" + big_endian(text.size(), 2) + std::string(text);
}
inline std::string mp_bytes(std::string_view raw) {
  return "\xc4" + big_endian(raw.size(), 1) + std::string(raw);
}
inline std::string mp_number(std::size_t value) {
  return "\xcf" + big_endian(value, 8);
}
inline std::string mp_array(const std::vector<std::string>& items) {
  std::string out = "\xdc" + big_endian(items.size(), 2);
  for (const std::string& item : items) {
    out += item;
  }
  return out;
}
inline std::string mp_map(const std::vector<std::pair<std::string, std::string>>& members) {
  std::string out = "\xde" + big_endian(members.size(), 2);
  for (const auto& [key, value] : members) {
    out += mp_text(key) + value;
  }
  return out;
}
template <typename Hash>
std::string raw_hash(const Hash& hash) {
  return {hash.bytes.begin(), hash.bytes.end()};
}

// One record of a shard.
inline std::string mp_record(const std::string& name, const std::string& version,
                             const std::vector<std::string>& depends) {
  std::vector<std::string> items;
  for (const std::string& spec : depends) {
    items.push_back(mp_text(spec));
  }
  return mp_map({{"name", mp_text(name)},
                 {"version", mp_text(version)},
                 {"build", mp_text("0")},
                 {"build_number", mp_number(3)},
                 {"depends", mp_array(items)},
                 {"md5", mp_bytes(std::string(16, 'm'))},
                 {"size", mp_number(812)},
                 {"timestamp", mp_number(1'700'000'000'000)},
                 {"odd", mp_map({{"x", mp_array({mp_number(1), "\xc0", "\xcb" + std::string(8, '1'),
                                                 "\xd6" + std::string(5, '1')})}})}});
}

}  // namespace athanor::worker::solve::test

#include "shared/archive/tar_pax.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>

namespace athanor {
namespace {

Error malformed() {
  return make_error(ErrorKind::corrupt, "a pax header of the tar archive is malformed");
}

}  // namespace

Result<std::vector<PaxRecord>> parse_pax_records(std::string_view text) {
  std::vector<PaxRecord> records;
  while (!text.empty()) {
    std::size_t length = 0;
    const char* const begin = text.data();
    const auto [end, error] = std::from_chars(begin, begin + text.size(), length);
    const auto digits = static_cast<std::size_t>(end - begin);
    if (error != std::errc{} || length > text.size() || length < digits + 4 ||
        text[digits] != ' ' || text[length - 1] != '\n') {
      return malformed();
    }
    const std::string_view record = text.substr(digits + 1, length - digits - 2);
    const std::size_t equals = record.find('=');
    if (equals == 0 || equals == std::string_view::npos) {
      return malformed();
    }
    records.emplace_back(record.substr(0, equals), record.substr(equals + 1));
    text.remove_prefix(length);
  }
  std::vector<std::string_view> keys;
  for (const PaxRecord& record : records) {
    // The one pair of keys that a real format repeats, in order: sparse maps of version 0.0.
    if (record.first != "GNU.sparse.offset" && record.first != "GNU.sparse.numbytes") {
      keys.push_back(record.first);
    }
  }
  std::sort(keys.begin(), keys.end());
  if (std::adjacent_find(keys.begin(), keys.end()) != keys.end()) {
    return make_error(ErrorKind::corrupt, "a pax header of the tar archive says one thing twice");
  }
  return records;
}

void append_pax_record(std::string& text, std::string_view key, std::string_view value) {
  // The length counts its own digits.
  const std::size_t rest = key.size() + value.size() + 3;
  std::size_t length = rest + 1;
  while (length != rest + std::to_string(length).size()) {
    length = rest + std::to_string(length).size();
  }
  text += std::to_string(length);
  text += ' ';
  text += key;
  text += '=';
  text += value;
  text += '\n';
}

}  // namespace athanor

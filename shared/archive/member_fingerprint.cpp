#include "shared/archive/member_fingerprint.hpp"

#include <string>
#include <string_view>

namespace athanor {
namespace {

// Lengths in front keep two lists of texts from looking alike.
void append(std::string& text, std::string_view value) {
  text += std::to_string(value.size());
  text += ':';
  text += value;
}

void append(std::string& text, std::uint64_t value) {
  text += std::to_string(value);
  text += ';';
}

}  // namespace

Sha256 MemberFingerprint::finish(const TarEntry& entry) {
  last_content_ = content_.finish();
  std::string text;
  append(text, static_cast<std::uint64_t>(entry.type));
  append(text, entry.path);
  append(text, entry.link_target);
  append(text, entry.mode);
  append(text, entry.size);
  append(text, entry.uid);
  append(text, entry.gid);
  append(text, entry.user);
  append(text, entry.group);
  append(text, entry.modified.seconds);
  append(text, entry.modified.fraction);
  for (const auto& [key, value] : entry.attributes) {
    append(text, key);
    append(text, value);
  }
  text.append(reinterpret_cast<const char*>(last_content_.bytes.data()),
              last_content_.bytes.size());
  return sha256_of(text);
}

}  // namespace athanor

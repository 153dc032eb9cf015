#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace athanor {

// Where to fetch instead: URL prefix → URL prefix, both without credentials ("https://repo.example"
// → "https://mirror.example/repo", or a file:// URL).
using OriginMap = std::map<std::string, std::string>;

// The key of the longest prefix that matches, as map_origin() finds it; absent if none does.
std::optional<std::string> longest_prefix(const OriginMap& map, std::string_view url);

// `url` with the longest matching prefix replaced; absent if no prefix matches. A prefix matches
// whole segments only: "https://repo.example" is none of "https://repo.example.org/x".
std::optional<std::string> map_origin(const OriginMap& map, std::string_view url);

}  // namespace athanor

#include "shared/net/mirrors.hpp"

#include "shared/base/strings.hpp"
#include "shared/net/content_range.hpp"
#include "shared/net/origin_map.hpp"
#include "shared/net/url.hpp"

#include <algorithm>
#include <utility>

namespace athanor {
namespace {

constexpr std::string_view k_weight = "weight=";
constexpr std::uint64_t k_most_weight = 1000;

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = text.find_first_not_of(" \t\r\n", at);
    if (begin == std::string_view::npos) {
      break;
    }
    at = std::min(text.find_first_of(" \t\r\n", begin), text.size());
    words.push_back(text.substr(begin, at - begin));
  }
  return words;
}

Error wrong(std::string_view word, std::string_view why) {
  return make_error(ErrorKind::invalid,
                    "mirrors: '" + printable(redact_url(word), 200) + "' " + std::string(why));
}

// Neighbours of one rank, the next one drawn by weight from those that are left.
void append_drawn(std::vector<Mirror> rank, Random& random, std::vector<Mirror>& ordered) {
  while (!rank.empty()) {
    std::uint64_t sum = 0;
    for (const Mirror& mirror : rank) {
      sum += mirror.weight;
    }
    std::uint64_t ticket = random.below(sum);
    auto drawn = rank.begin();
    while (ticket >= drawn->weight) {
      ticket -= drawn->weight;
      ++drawn;
    }
    ordered.push_back(std::move(*drawn));
    rank.erase(drawn);
  }
}

std::vector<Mirror> in_order(std::vector<Mirror> mirrors, Random& random) {
  std::vector<Mirror> ordered;
  std::vector<Mirror> rank;
  for (Mirror& mirror : mirrors) {
    if (mirror.weight > 0) {
      rank.push_back(std::move(mirror));
      continue;
    }
    append_drawn(std::exchange(rank, {}), random, ordered);
    ordered.push_back(std::move(mirror));
  }
  append_drawn(std::move(rank), random, ordered);
  return ordered;
}

}  // namespace

Result<std::vector<Mirror>> parse_mirrors(std::string_view text) {
  std::vector<Mirror> mirrors;
  for (const std::string_view word : words_of(text)) {
    if (word.starts_with(k_weight)) {
      const auto weight = parse_size(word.substr(k_weight.size()));
      if (!weight || *weight == 0 || *weight > k_most_weight) {
        return wrong(word, "is no weight from 1 to 1000");
      }
      if (mirrors.empty() || mirrors.back().weight != 0) {
        return wrong(word, "follows no mirror");
      }
      mirrors.back().weight = static_cast<std::uint32_t>(*weight);
      continue;
    }
    if (auto url = Url::parse(word); !url) {
      return wrong(word, "is no URL");
    }
    mirrors.push_back({.prefix = std::string(word)});
  }
  if (mirrors.size() > k_most_mirrors) {
    return make_error(ErrorKind::invalid, "mirrors: more than 16 for one prefix");
  }
  return mirrors;
}

std::vector<std::string> mirror_urls(const MirrorMap& map, std::string_view url, Random& random) {
  // The longest prefix is the one that the map of origins would take.
  OriginMap own;
  for (const auto& [prefix, mirrors] : map) {
    own.emplace(prefix, prefix);
  }
  const std::optional<std::string> prefix = longest_prefix(own, url);
  std::vector<std::string> urls;
  if (prefix) {
    if (auto mirrors = parse_mirrors(map.at(*prefix))) {
      for (const Mirror& mirror : in_order(std::move(mirrors).value(), random)) {
        std::string there = map_origin({{*prefix, mirror.prefix}}, url).value_or("");
        if (!there.empty() && std::find(urls.begin(), urls.end(), there) == urls.end()) {
          urls.push_back(std::move(there));
        }
      }
    }
  }
  if (std::find(urls.begin(), urls.end(), url) == urls.end()) {
    urls.emplace_back(url);
  }
  return urls;
}

}  // namespace athanor

#include "shared/channels/rc_merge.hpp"

#include "shared/base/check.hpp"

#include <algorithm>

namespace athanor {
namespace {

std::string place(const RcMatch& match, std::size_t line) {
  return match.is_variable || line == 0 ? match.where : match.where + ":" + std::to_string(line);
}

// How many matches count: up to the first whose key is final.
std::size_t relevant(const std::vector<RcMatch>& matches) {
  const auto final = std::find_if(matches.begin(), matches.end(), [](const RcMatch& match) {
    return match.value.key_flag == RcFlag::final;
  });
  return final == matches.end() ? matches.size()
                                : static_cast<std::size_t>(final - matches.begin()) + 1;
}

void add_once(std::vector<RcText>& lines, RcText line) {
  const bool known = std::any_of(lines.begin(), lines.end(),
                                 [&](const RcText& other) { return other.text == line.text; });
  if (!known) {
    lines.push_back(std::move(line));
  }
}

}  // namespace

RcText merge_texts(const std::vector<RcMatch>& matches) {
  ATHANOR_CHECK(!matches.empty());
  const RcMatch& match = matches[relevant(matches) - 1];
  return {match.value.text, place(match, match.value.line)};
}

RcList merge_lists(const std::vector<RcMatch>& matches) {
  const std::size_t count = relevant(matches);
  std::vector<RcText> top;
  std::vector<RcText> bottom;
  const auto take = [&](std::vector<RcText>& into, std::size_t i, bool all, RcFlag flag) {
    for (const RcValue& item : matches[i].value.items) {
      if (all || item.flag == flag) {
        add_once(into, {item.text, place(matches[i], item.line)});
      }
    }
  };
  for (std::size_t i = 0; i < count; ++i) {
    take(top, i, false, RcFlag::top);
  }
  for (std::size_t i = count; i-- > 0;) {
    take(top, i, true, RcFlag::none);
  }
  // The weakest place's bottom lines are the very last.
  for (std::size_t i = count; i-- > 0;) {
    take(bottom, i, false, RcFlag::bottom);
  }
  RcList merged;
  for (RcText& line : top) {
    const bool last = std::any_of(bottom.begin(), bottom.end(),
                                  [&](const RcText& other) { return other.text == line.text; });
    if (!last) {
      merged.lines.push_back(std::move(line));
    }
  }
  std::move(bottom.begin(), bottom.end(), std::back_inserter(merged.lines));
  return merged;
}

RcMap merge_maps(const std::vector<RcMatch>& matches) {
  RcMap merged;
  const std::size_t count = relevant(matches);
  for (std::size_t i = 0; i < count; ++i) {
    for (const auto& [key, value] : matches[i].value.members) {
      const auto known =
          std::find_if(merged.members.begin(), merged.members.end(),
                       [&key = key](const auto& member) { return member.key == key; });
      RcMap::Member member{.key = key, .value = value, .where = place(matches[i], value.line)};
      if (known == merged.members.end()) {
        merged.members.push_back(std::move(member));
      } else if (known->value.key_flag != RcFlag::final) {
        *known = std::move(member);
      }
    }
  }
  return merged;
}

}  // namespace athanor

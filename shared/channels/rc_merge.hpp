#pragma once

#include "shared/channels/rc_document.hpp"

#include <string>
#include <utility>
#include <vector>

namespace athanor {

// One place that says something about a setting.
struct RcMatch {
  RcValue value{};
  std::string where{};  // "/home/ann/.condarc", "CONDA_CHANNELS"
  bool is_variable = false;
};

// A merged value and who had a part in it.
struct RcText {
  std::string text{};
  std::string where{};  // "/home/ann/.condarc:3"
};
struct RcList {
  std::vector<RcText> lines{};
};
struct RcMap {
  // A member's value is a text, or a list of texts.
  struct Member {
    std::string key{};
    RcValue value{};
    std::string where{};
  };
  std::vector<Member> members{};
};

// How conda merges what several places say. `matches` are in the order in which places are read,
// the weakest first; none of them is null.
//
// Values: the last place wins, but none beyond one whose key is final.
RcText merge_texts(const std::vector<RcMatch>& matches);
// Lists: joined, the last place's lines first; lines marked top come before all, those marked
// bottom behind all; each line once; nothing beyond a place whose key is final.
RcList merge_lists(const std::vector<RcMatch>& matches);
// Maps: entry by entry the last place wins, but not over an entry that is final.
RcMap merge_maps(const std::vector<RcMatch>& matches);

}  // namespace athanor

#include "worker/solve/text_table.hpp"

#include <cstring>

namespace athanor::worker::solve {
namespace {

constexpr std::uint64_t k_multiplier = 0x9e3779b97f4a7c15U;
constexpr std::size_t k_first_slots = 1024;

std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
  hash = (hash ^ value) * k_multiplier;
  return hash ^ (hash >> 29U);
}

}  // namespace

std::uint64_t hash_text(std::string_view text, std::uint64_t seed) {
  std::uint64_t hash = mix(seed, text.size());
  while (text.size() >= sizeof(std::uint64_t)) {
    std::uint64_t part = 0;
    std::memcpy(&part, text.data(), sizeof part);
    hash = mix(hash, part);
    text.remove_prefix(sizeof part);
  }
  std::uint64_t rest = 0;
  if (!text.empty()) {
    std::memcpy(&rest, text.data(), text.size());
  }
  return mix(mix(hash, rest), k_multiplier);
}

TextId TextTable::find(std::string_view text) const {
  const std::size_t slots = parts_.slots.size();
  if (slots == 0) {
    return k_no_text;
  }
  std::size_t slot = first_slot(hash_text(text, parts_.seed), slots);
  for (std::size_t tried = 0; tried < slots && parts_.slots[slot] != 0; ++tried) {
    const TextId id = parts_.slots[slot] - 1;
    if ((*this)[id] == text) {
      return id;
    }
    slot = (slot + 1) & (slots - 1);
  }
  return k_no_text;
}

TextCollector::TextCollector(std::uint64_t seed)
    : seed_(seed),
      slots_(k_first_slots, 0) {}

TextId TextCollector::add(std::string_view text) {
  const std::uint64_t hash = hash_text(text, seed_);
  std::size_t slot = first_slot(hash, slots_.size());
  while (slots_[slot] != 0) {
    const TextId id = slots_[slot] - 1;
    if (hashes_[id] == hash && table()[id] == text) {
      return id;
    }
    slot = (slot + 1) & (slots_.size() - 1);
  }
  if (bytes_.size() + text.size() >= std::numeric_limits<std::uint32_t>::max()) {
    full_ = true;
    return 0;
  }
  const auto id = static_cast<TextId>(ends_.size());
  bytes_.insert(bytes_.end(), text.begin(), text.end());
  ends_.push_back(static_cast<std::uint32_t>(bytes_.size()));
  hashes_.push_back(hash);
  slots_[slot] = id + 1;
  if (ends_.size() * 2 > slots_.size()) {
    grow();
  }
  return id;
}

void TextCollector::grow() {
  slots_.assign(slots_.size() * 2, 0);
  for (std::size_t id = 0; id < hashes_.size(); ++id) {
    std::size_t slot = first_slot(hashes_[id], slots_.size());
    while (slots_[slot] != 0) {
      slot = (slot + 1) & (slots_.size() - 1);
    }
    slots_[slot] = static_cast<std::uint32_t>(id) + 1;
  }
}

}  // namespace athanor::worker::solve

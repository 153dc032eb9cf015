#include "coordinator/upkeep/key_set.hpp"

#include "shared/base/check.hpp"
#include "shared/digest/digest.hpp"

#include <algorithm>

namespace athanor::coordinator {

KeySet::Print KeySet::print_of(std::string_view key) {
  const Sha256 hash = sha256_of(key);
  Print print{};
  std::copy_n(hash.bytes.begin(), print.size(), print.begin());
  return print;
}

void KeySet::add(std::string_view key) {
  prints_.push_back(print_of(key));
  sealed_ = false;
}

void KeySet::seal() {
  std::sort(prints_.begin(), prints_.end());
  prints_.erase(std::unique(prints_.begin(), prints_.end()), prints_.end());
  sealed_ = true;
}

bool KeySet::contains(std::string_view key) const {
  ATHANOR_CHECK(sealed_);
  return std::binary_search(prints_.begin(), prints_.end(), print_of(key));
}

}  // namespace athanor::coordinator

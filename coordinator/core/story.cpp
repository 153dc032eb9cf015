#include "coordinator/core/story.hpp"

#include <utility>

namespace athanor::coordinator {

void JobStory::add(Attempt attempt) {
  if (attempt.message.size() > k_message_bytes) {
    std::size_t end = k_message_bytes;
    // Not in the middle of a character.
    while (end > 0 && (static_cast<unsigned char>(attempt.message[end]) & 0xc0U) == 0x80U) {
      --end;
    }
    attempt.message.resize(end);
  }
  if (attempts.size() == k_attempts) {
    attempts.erase(attempts.begin());
    ++forgotten_attempts;
  }
  attempts.push_back(std::move(attempt));
}

}  // namespace athanor::coordinator

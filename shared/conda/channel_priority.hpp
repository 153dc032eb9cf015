#pragma once

namespace athanor {

// What the order of channels means for a name that several have.
enum class ChannelPriority {
  strict,    // its records come from the first channel that has any
  flexible,  // an earlier channel is preferred, whatever the versions
  disabled,  // all channels are equal
};

}  // namespace athanor

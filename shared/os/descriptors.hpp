#pragma once

#include <cstddef>

namespace athanor {

// How many descriptors this process may have open.
std::size_t descriptor_limit();
// Raises that to what the process may raise it to, which is enough for a fleet where the default
// is not; returns the limit that is in force then.
std::size_t raise_descriptor_limit();

}  // namespace athanor

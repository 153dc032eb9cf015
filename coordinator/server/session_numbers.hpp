#pragma once

#include <cstdint>

namespace athanor::coordinator {

// Session numbers name a worker in every message: nobody may guess one. Never 0. Thread-safe.
std::uint64_t unguessable_number();

}  // namespace athanor::coordinator

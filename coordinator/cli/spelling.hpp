#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace athanor::coordinator {

// "0.4 s", "12 s", "3m12s", "1h02m": for people.
std::string human_duration(std::chrono::milliseconds duration);
// "1 package", "2 packages".
std::string counted(std::uint64_t number, std::string_view singular);
// "48%"; 100% only if it is all of it.
std::string percentage(std::uint64_t part, std::uint64_t whole);
// The file name at the end of a source URL.
std::string filename_of(std::string_view source_url);

}  // namespace athanor::coordinator

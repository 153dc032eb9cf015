#include "coordinator/cli/spelling.hpp"

#include "shared/base/strings.hpp"

#include <algorithm>

namespace athanor::coordinator {

namespace {

std::string two_digits(std::uint64_t number) {
  return (number < 10 ? "0" : "") + std::to_string(number);
}

}  // namespace

std::string human_duration(std::chrono::milliseconds duration) {
  const auto total = static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0));
  if (total < 10'000) {
    return std::to_string(total / 1'000) + "." + std::to_string(total % 1'000 / 100) + " s";
  }
  const std::uint64_t seconds = total / 1'000;
  if (seconds < 60) {
    return std::to_string(seconds) + " s";
  }
  if (seconds < 3'600) {
    return std::to_string(seconds / 60) + "m" + two_digits(seconds % 60) + "s";
  }
  return std::to_string(seconds / 3'600) + "h" + two_digits(seconds / 60 % 60) + "m";
}

std::string counted(std::uint64_t number, std::string_view singular) {
  return std::to_string(number) + " " + std::string(singular) + (number == 1 ? "" : "s");
}

std::string percentage(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) {
    return "100%";
  }
  const std::uint64_t percent =
      part >= whole ? 100 : std::min<std::uint64_t>(part * 100 / whole, 99);
  return std::to_string(percent) + "%";
}

std::string filename_of(std::string_view source_url) {
  const std::size_t slash = source_url.rfind('/');
  return printable(slash == std::string_view::npos ? source_url : source_url.substr(slash + 1));
}

}  // namespace athanor::coordinator

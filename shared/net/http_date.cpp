#include "shared/net/http_date.hpp"

#include "shared/base/strings.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <vector>

namespace athanor {
namespace {

constexpr std::array<std::string_view, 12> k_months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::string_view, 7> k_days = {"Sun", "Mon", "Tue", "Wed",
                                                    "Thu", "Fri", "Sat"};

struct Fields {
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
};

std::optional<int> digits(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text[0] == '-') {
    return std::nullopt;
  }
  return value;
}

std::optional<unsigned> month_number(std::string_view name) {
  const auto found = std::find(k_months.begin(), k_months.end(), name);
  if (found == k_months.end()) {
    return std::nullopt;
  }
  return static_cast<unsigned>(found - k_months.begin()) + 1;
}

std::optional<WallTime> to_time(const Fields& f) {
  using namespace std::chrono;
  const year_month_day date{year(f.year), month(f.month), day(f.day)};
  // A leap second (60) is as good as the second after it.
  if (!date.ok() || f.year < 1970 || f.hour > 23 || f.minute > 59 || f.second > 60) {
    return std::nullopt;
  }
  return WallTime(sys_days(date)) + hours(f.hour) + minutes(f.minute) + seconds(f.second);
}

Fields to_fields(WallTime time) {
  using namespace std::chrono;
  const auto day_point = floor<days>(time);
  const year_month_day date(day_point);
  const hh_mm_ss clock(floor<seconds>(time - day_point));
  return {.year = static_cast<int>(date.year()),
          .month = static_cast<unsigned>(date.month()),
          .day = static_cast<unsigned>(date.day()),
          .hour = static_cast<int>(clock.hours().count()),
          .minute = static_cast<int>(clock.minutes().count()),
          .second = static_cast<int>(clock.seconds().count())};
}

// "08:49:37" into hour, minute and second.
bool parse_clock(std::string_view text, Fields& fields) {
  if (text.size() != 8 || text[2] != ':' || text[5] != ':') {
    return false;
  }
  const auto hour = digits(text.substr(0, 2));
  const auto minute = digits(text.substr(3, 2));
  const auto second = digits(text.substr(6, 2));
  if (!hour || !minute || !second) {
    return false;
  }
  fields.hour = *hour;
  fields.minute = *minute;
  fields.second = *second;
  return true;
}

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> result;
  for (const std::string_view word : split(text, ' ')) {
    if (!word.empty()) {
      result.push_back(word);
    }
  }
  return result;
}

bool set_date(Fields& fields, std::optional<int> year, std::optional<unsigned> month,
              std::optional<int> day) {
  if (!year || !month || !day) {
    return false;
  }
  fields.year = *year;
  fields.month = *month;
  fields.day = static_cast<unsigned>(*day);
  return true;
}

}  // namespace

std::optional<WallTime> parse_http_date(std::string_view text) {
  const auto w = words(trim(text));
  Fields fields;
  bool good = false;
  if (w.size() == 6 && w[5] == "GMT") {  // Sun, 06 Nov 1994 08:49:37 GMT
    good = set_date(fields, digits(w[3]), month_number(w[2]), digits(w[1])) &&
           parse_clock(w[4], fields);
  } else if (w.size() == 4 && w[3] == "GMT") {  // Sunday, 06-Nov-94 08:49:37 GMT
    const auto date = split(w[1], '-');
    if (date.size() == 3) {
      auto year = digits(date[2]);
      if (year && *year < 100) {
        *year += *year < 70 ? 2000 : 1900;
      }
      good = set_date(fields, year, month_number(date[1]), digits(date[0])) &&
             parse_clock(w[2], fields);
    }
  } else if (w.size() == 5) {  // Sun Nov  6 08:49:37 1994
    good = set_date(fields, digits(w[4]), month_number(w[1]), digits(w[2])) &&
           parse_clock(w[3], fields);
  }
  return good ? to_time(fields) : std::nullopt;
}

std::string format_http_date(WallTime time) {
  const Fields f = to_fields(time);
  const std::chrono::weekday weekday(std::chrono::floor<std::chrono::days>(time));
  std::array<char, 48> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%s, %02u %s %04d %02d:%02d:%02d GMT",
                k_days[weekday.c_encoding()].data(), f.day, k_months[f.month - 1].data(), f.year,
                f.hour, f.minute, f.second);
  return buffer.data();
}

std::string format_compact_date(WallTime time) {
  const Fields f = to_fields(time);
  std::array<char, 48> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%04d%02u%02uT%02d%02d%02dZ", f.year, f.month, f.day,
                f.hour, f.minute, f.second);
  return buffer.data();
}

std::string format_iso_date(WallTime time) {
  const Fields f = to_fields(time);
  std::array<char, 48> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ", f.year, f.month,
                f.day, f.hour, f.minute, f.second);
  return buffer.data();
}

std::optional<WallTime> parse_iso_date(std::string_view text) {
  Fields fields;
  if (text.size() < 20 || text[4] != '-' || text[7] != '-' ||
      (text[10] != 'T' && text[10] != ' ')) {
    return std::nullopt;
  }
  const auto month = digits(text.substr(5, 2));
  if (!month ||
      !set_date(fields, digits(text.substr(0, 4)), static_cast<unsigned>(*month),
                digits(text.substr(8, 2))) ||
      !parse_clock(text.substr(11, 8), fields)) {
    return std::nullopt;
  }
  text.remove_prefix(19);
  if (text[0] == '.') {
    text.remove_prefix(1);
    const std::size_t end = text.find_first_not_of("0123456789");
    if (end == 0 || end == std::string_view::npos) {
      return std::nullopt;
    }
    text.remove_prefix(end);
  }
  const auto time = to_time(fields);
  if (!time || text == "Z" || text == "z") {
    return time;
  }
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') {
    return std::nullopt;
  }
  const auto hours = digits(text.substr(1, 2));
  const auto minutes = digits(text.substr(4, 2));
  if (!hours || !minutes) {
    return std::nullopt;
  }
  const auto offset = std::chrono::hours(*hours) + std::chrono::minutes(*minutes);
  return text[0] == '+' ? *time - offset : *time + offset;
}

}  // namespace athanor

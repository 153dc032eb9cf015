#include "coordinator/journal/packed_attempts.hpp"

#include "coordinator/queue/packed.hpp"

#include <algorithm>
#include <chrono>

namespace athanor::coordinator {
namespace {

using std::chrono::milliseconds;

constexpr std::uint8_t k_stages = 6;
constexpr std::uint8_t k_error_kinds = 8;

std::uint64_t to_wall(TimePoint time, const Moment& moment) {
  const WallTime wall =
      moment.wall - std::chrono::duration_cast<WallTime::duration>(moment.time - time);
  return static_cast<std::uint64_t>(std::max<std::int64_t>(
      0, std::chrono::duration_cast<milliseconds>(wall.time_since_epoch()).count()));
}

TimePoint from_wall(std::uint64_t wall, const Moment& moment) {
  const auto now = std::chrono::duration_cast<milliseconds>(moment.wall.time_since_epoch());
  // What seems to lie in the future was written before the calendar was set back.
  const auto age =
      std::max(milliseconds{0}, now - milliseconds(static_cast<std::int64_t>(
                                          std::min<std::uint64_t>(wall, INT64_MAX / 1'000'000))));
  return moment.time - age;
}

}  // namespace

std::string pack_attempts(const std::vector<Attempt>& attempts, std::uint32_t forgotten,
                          const Moment& moment) {
  PackWriter out;
  out.varint(forgotten);
  out.varint(attempts.size());
  for (const Attempt& attempt : attempts) {
    out.varint(attempt.number);
    out.text(attempt.worker);
    out.u8(static_cast<std::uint8_t>(attempt.stage));
    out.u8(static_cast<std::uint8_t>(attempt.end));
    out.u8(static_cast<std::uint8_t>(attempt.kind));
    out.text(attempt.message);
    out.text(attempt.origin);
    out.varint(to_wall(attempt.granted, moment));
    out.varint(to_wall(attempt.ended, moment));
  }
  return std::move(out).take();
}

Result<UnpackedAttempts> unpack_attempts(std::string_view packed, const Moment& moment) {
  UnpackedAttempts result;
  if (packed.empty()) {
    return result;
  }
  PackReader in(packed);
  bool valid = true;
  const auto number = [&](std::uint8_t count) {
    const std::uint8_t value = in.u8();
    valid = valid && value < count;
    return value;
  };
  result.forgotten = static_cast<std::uint32_t>(in.varint());
  result.attempts.resize(in.count());
  for (Attempt& attempt : result.attempts) {
    attempt.number = static_cast<std::uint32_t>(in.varint());
    attempt.worker = in.text();
    attempt.stage = static_cast<Stage>(number(k_stages));
    attempt.end = static_cast<AttemptEnd>(number(k_attempt_ends));
    attempt.kind = static_cast<ErrorKind>(number(k_error_kinds));
    attempt.message = in.text();
    attempt.origin = in.text();
    attempt.granted = from_wall(in.varint(), moment);
    attempt.ended = from_wall(in.varint(), moment);
  }
  if (!in.ok() || !in.at_end() || !valid) {
    return make_error(ErrorKind::corrupt, "not packed attempts");
  }
  return result;
}

}  // namespace athanor::coordinator

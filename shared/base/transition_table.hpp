#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>

namespace athanor {

// A life as data: state × event → state, worked out at compile time, so that claims about it can be
// static_asserts. State and Event are enumerations that count from 0; their numbers of values are
// States and Events.
template <typename State, std::size_t States, typename Event, std::size_t Events>
class TransitionTable {
 public:
  struct Row {
    State from;
    Event event;
    State to;
  };

  // Whatever no row names can't happen.
  constexpr TransitionTable(std::initializer_list<Row> rows) {
    for (auto& events : next_) {
      events.fill(k_impossible);
    }
    for (const Row& row : rows) {
      next_[index(row.from)][index(row.event)] = static_cast<std::uint8_t>(row.to);
    }
  }

  // Where the event leads from this state; absent if it can't happen there.
  constexpr std::optional<State> next(State from, Event event) const {
    const std::uint8_t to = next_[index(from)][index(event)];
    return to == k_impossible ? std::nullopt : std::optional(static_cast<State>(to));
  }

  // Whether `claim(from, event, to)` holds for every row.
  template <typename Claim>
  constexpr bool holds(const Claim& claim) const {
    for (std::size_t from = 0; from < States; ++from) {
      for (std::size_t event = 0; event < Events; ++event) {
        const std::uint8_t to = next_[from][event];
        if (to != k_impossible &&
            !claim(static_cast<State>(from), static_cast<Event>(event), static_cast<State>(to))) {
          return false;
        }
      }
    }
    return true;
  }

  // Whether every state is reached from `first`: else it would be a word without a meaning.
  constexpr bool reaches_all_from(State first) const {
    std::array<bool, States> seen{};
    seen[index(first)] = true;
    for (std::size_t round = 0; round < States; ++round) {
      holds([&seen](State from, Event, State to) {
        seen[index(to)] = seen[index(to)] || seen[index(from)];
        return true;
      });
    }
    for (const bool reached : seen) {
      if (!reached) {
        return false;
      }
    }
    return true;
  }

 private:
  // A plain number: compilers differ in what they let an optional do in a constant.
  static constexpr std::uint8_t k_impossible = 0xff;
  static_assert(States < k_impossible);

  template <typename Value>
  static constexpr std::size_t index(Value value) {
    return static_cast<std::size_t>(value);
  }

  std::array<std::array<std::uint8_t, Events>, States> next_{};
};

}  // namespace athanor

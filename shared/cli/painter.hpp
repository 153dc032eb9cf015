#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace athanor::cli {

// How many columns a text takes on a terminal: escape sequences take none, every other character
// one (our texts hold no double-width ones).
std::size_t display_width(std::string_view text);
// The text cut to at most `columns`, escape sequences kept; the last column is "…" or ">" where
// something was cut.
std::string fit(std::string_view text, std::size_t columns, bool unicode);

struct ScreenSize {
  std::size_t columns = 80;
  std::size_t rows = 24;
};

// A block of lines at the bottom of a terminal that is painted again and again, while lines of talk
// scroll by above it. Every update is one write within a synchronized update, so that nothing
// flickers; the size is asked for each time, so that the window may change. The cursor is hidden
// while the block stands and shown again by clear() and by the destructor. Not thread-safe.
class Painter {
 public:
  using Write = std::function<void(std::string_view)>;

  Painter(Write write, std::function<ScreenSize()> size, bool unicode);
  Painter(const Painter&) = delete;
  Painter& operator=(const Painter&) = delete;
  ~Painter();

  // Replaces the block. What doesn't fit into the screen is left out, the first lines stay.
  void paint(const std::vector<std::string>& lines);
  // Writes text that stays, above the block. A final newline is added where it lacks.
  void say(std::string_view text);
  // Takes the block away.
  void clear();

 private:
  // Moves to the block's first line and erases to the end of the screen.
  std::string erase(const ScreenSize& size) const;
  std::string block(const ScreenSize& size);

  Write write_;
  std::function<ScreenSize()> size_;
  bool unicode_;
  std::vector<std::string> lines_;    // as wanted
  std::vector<std::size_t> painted_;  // width of each line that stands on the screen
};

}  // namespace athanor::cli

#include "shared/cli/painter.hpp"

#include <algorithm>
#include <utility>

namespace athanor::cli {

namespace {

constexpr std::string_view k_begin_update = "\x1b[?2026h";
constexpr std::string_view k_end_update = "\x1b[?2026l";
constexpr std::string_view k_hide_cursor = "\x1b[?25l";
constexpr std::string_view k_show_cursor = "\x1b[?25h";
constexpr std::string_view k_erase_below = "\x1b[J";
constexpr std::string_view k_plain = "\x1b[0m";

// The bytes of the next character or escape sequence, and its columns.
struct Piece {
  std::size_t bytes = 0;
  std::size_t columns = 0;
};

Piece next_piece(std::string_view text) {
  if (text.size() >= 2 && text[0] == '\x1b' && text[1] == '[') {
    std::size_t end = 2;
    while (end < text.size() && (text[end] < '@' || text[end] > '~')) {
      ++end;
    }
    return {.bytes = std::min(end + 1, text.size()), .columns = 0};
  }
  std::size_t bytes = 1;
  while (bytes < text.size() && (static_cast<unsigned char>(text[bytes]) & 0xc0U) == 0x80U) {
    ++bytes;
  }
  return {.bytes = bytes, .columns = 1};
}

}  // namespace

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const Piece piece = next_piece(text);
    width += piece.columns;
    text.remove_prefix(piece.bytes);
  }
  return width;
}

std::string fit(std::string_view text, std::size_t columns, bool unicode) {
  if (display_width(text) <= columns) {
    return std::string(text);
  }
  std::string result;
  std::size_t width = 0;
  bool styled = false;
  while (!text.empty() && columns > 0) {
    const Piece piece = next_piece(text);
    if (width + piece.columns > columns - 1) {
      break;
    }
    styled = styled || piece.columns == 0;
    result += text.substr(0, piece.bytes);
    width += piece.columns;
    text.remove_prefix(piece.bytes);
  }
  if (columns > 0) {
    result += unicode ? "\u2026" : ">";
  }
  return styled ? result + std::string(k_plain) : result;
}

Painter::Painter(Write write, std::function<ScreenSize()> size, bool unicode)
    : write_(std::move(write)),
      size_(std::move(size)),
      unicode_(unicode) {}

Painter::~Painter() {
  clear();
}

std::string Painter::erase(const ScreenSize& size) const {
  // A line that was painted on a wider screen takes several rows of a narrower one.
  std::size_t rows = 0;
  for (const std::size_t width : painted_) {
    rows += width == 0 ? 1 : (width + size.columns - 1) / std::max<std::size_t>(size.columns, 1);
  }
  std::string text = "\r";
  if (rows > 0) {
    text += "\x1b[" + std::to_string(rows) + "A";
  }
  return text + std::string(k_erase_below);
}

std::string Painter::block(const ScreenSize& size) {
  std::string text;
  painted_.clear();
  const std::size_t most = size.rows > 1 ? size.rows - 1 : 1;
  for (const std::string& line : lines_) {
    if (painted_.size() == most) {
      break;
    }
    const std::string fitted = fit(line, size.columns, unicode_);
    text += fitted + "\n";
    painted_.push_back(display_width(fitted));
  }
  return text;
}

void Painter::paint(const std::vector<std::string>& lines) {
  const ScreenSize size = size_();
  std::string text(k_begin_update);
  text += painted_.empty() ? std::string(k_hide_cursor) : erase(size);
  lines_ = lines;
  text += block(size);
  text += k_end_update;
  write_(text);
}

void Painter::say(std::string_view said) {
  std::string text(said);
  if (text.empty() || text.back() != '\n') {
    text += '\n';
  }
  if (painted_.empty()) {
    write_(text);
    return;
  }
  const ScreenSize size = size_();
  std::string update(k_begin_update);
  update += erase(size) + text + block(size);
  update += k_end_update;
  write_(update);
}

void Painter::clear() {
  if (painted_.empty()) {
    return;
  }
  write_(erase(size_()) + std::string(k_show_cursor));
  painted_.clear();
  lines_.clear();
}

}  // namespace athanor::cli

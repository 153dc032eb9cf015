#include "shared/cli/painter.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace athanor::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// A terminal that understands what the painter says: text, line feeds with wrapping, cursor up,
// erase below, and the private modes. Holds everything that ever scrolled by.
class FakeTerminal {
 public:
  explicit FakeTerminal(std::size_t columns)
      : columns_(columns) {}

  void write(std::string_view text) {
    ++writes;
    while (!text.empty()) {
      if (text[0] == '\x1b') {
        const std::size_t end = text.find_first_not_of("\x1b[?0123456789;");
        obey(text.substr(2, end - 1));
        text.remove_prefix(end + 1);
      } else {
        put(text[0]);
        text.remove_prefix(1);
      }
    }
  }

  // Without empty lines at the end.
  std::vector<std::string> screen() const {
    std::vector<std::string> lines = lines_;
    while (!lines.empty() && lines.back().empty()) {
      lines.pop_back();
    }
    return lines;
  }

  void resize(std::size_t columns) {
    // Terminals rewrap what they show; the cursor stays behind the same text.
    std::vector<std::string> wrapped;
    for (const std::string& line : lines_) {
      std::string rest = line;
      do {
        wrapped.push_back(rest.substr(0, columns));
        rest.erase(0, columns);
      } while (!rest.empty());
    }
    lines_ = wrapped;
    row_ = lines_.size() - 1;
    columns_ = columns;
  }

  std::size_t columns() const { return columns_; }

  bool cursor_visible = true;
  bool updating = false;
  std::size_t writes = 0;

 private:
  void obey(std::string_view sequence) {
    if (sequence == "?2026h" || sequence == "?2026l") {
      updating = sequence.back() == 'h';
    } else if (sequence == "?25l" || sequence == "?25h") {
      cursor_visible = sequence.back() == 'h';
    } else if (sequence == "J") {
      lines_.resize(row_ + 1);
      lines_[row_].resize(std::min(column_, lines_[row_].size()));
    } else if (sequence.back() == 'A') {
      const std::size_t rows = std::stoul(std::string(sequence));
      row_ = row_ >= rows ? row_ - rows : 0;
    } else {
      ASSERT_EQ(sequence.back(), 'm') << sequence;
    }
  }

  void put(char c) {
    if (c == '\r') {
      column_ = 0;
      return;
    }
    if (c == '\n') {
      next_row();
      return;
    }
    if (column_ == columns_) {
      next_row();
    }
    lines_[row_].resize(std::max(lines_[row_].size(), column_ + 1), ' ');
    lines_[row_][column_++] = c;
  }

  void next_row() {
    column_ = 0;
    ++row_;
    lines_.resize(std::max(lines_.size(), row_ + 1));
  }

  std::size_t columns_;
  std::vector<std::string> lines_ = {""};
  std::size_t row_ = 0;
  std::size_t column_ = 0;
};

class PainterTest : public testing::Test {
 protected:
  FakeTerminal terminal_{20};
  std::size_t rows_ = 10;
  std::optional<Painter> painter_{
      std::in_place, [this](std::string_view text) { terminal_.write(text); },
      [this] { return ScreenSize{.columns = terminal_.columns(), .rows = rows_}; }, false};
};

TEST_F(PainterTest, ABlockIsReplacedInPlace) {
  painter_->paint({"one", "two"});
  painter_->paint({"three"});
  EXPECT_THAT(terminal_.screen(), ElementsAre("three"));
}

TEST_F(PainterTest, TalkScrollsByAboveTheBlock) {
  painter_->paint({"bar"});
  painter_->say("first");
  painter_->say("second\n");
  EXPECT_THAT(terminal_.screen(), ElementsAre("first", "second", "bar"));
  painter_->clear();
  painter_->say("third");
  EXPECT_THAT(terminal_.screen(), ElementsAre("first", "second", "third"));
}

TEST_F(PainterTest, LinesAreCutToTheWindow) {
  painter_->paint({"a line that is much too long for it"});
  EXPECT_THAT(terminal_.screen(), ElementsAre("a line that is much>"));
}

TEST_F(PainterTest, NoMoreLinesThanTheWindowHas) {
  rows_ = 3;
  painter_->paint({"1", "2", "3", "4"});
  EXPECT_THAT(terminal_.screen(), ElementsAre("1", "2"));
}

TEST_F(PainterTest, ANarrowerWindowLeavesNoRests) {
  painter_->paint({"123456789012", "ab"});
  terminal_.resize(5);
  painter_->paint({"new"});
  EXPECT_THAT(terminal_.screen(), ElementsAre("new"));
}

TEST_F(PainterTest, EveryUpdateIsOneWriteWithinASynchronizedUpdate) {
  painter_->paint({"bar"});
  EXPECT_EQ(terminal_.writes, 1U);
  painter_->say("line");
  EXPECT_EQ(terminal_.writes, 2U);
  EXPECT_FALSE(terminal_.updating);
}

TEST_F(PainterTest, TheCursorIsHiddenOnlyWhileABlockStands) {
  painter_->say("before");
  EXPECT_TRUE(terminal_.cursor_visible);
  painter_->paint({"bar"});
  EXPECT_FALSE(terminal_.cursor_visible);
  painter_.reset();
  EXPECT_TRUE(terminal_.cursor_visible);
  EXPECT_THAT(terminal_.screen(), ElementsAre("before"));
}

TEST(Fit, CountsCharactersAndLeavesEscapesAlone) {
  EXPECT_EQ(display_width("\x1b[31m\xc3\xa4\xe2\x94\x81\x1b[0m"), 2U);
  EXPECT_EQ(fit("abc", 3, true), "abc");
  EXPECT_EQ(fit("abcd", 3, true), "ab\xe2\x80\xa6");
  EXPECT_EQ(fit("\x1b[31mabcd\x1b[0m", 3, false), "\x1b[31mab>\x1b[0m");
  EXPECT_EQ(fit("abc", 0, true), "");
}

}  // namespace
}  // namespace athanor::cli

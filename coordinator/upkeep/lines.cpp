#include "coordinator/upkeep/lines.hpp"

#include "shared/base/units.hpp"
#include "shared/os/fd.hpp"
#include "shared/os/files.hpp"

#include <fcntl.h>

#include <utility>
#include <vector>

namespace athanor::coordinator {
namespace {

constexpr std::size_t k_piece_bytes = 64_KiB;
constexpr std::size_t k_line_bytes = 64_KiB;  // two keys and some words

}  // namespace

LineReader::LineReader(std::string what, LineVisitor visit)
    : what_(std::move(what)),
      visit_(std::move(visit)) {}

Result<void> LineReader::take(std::string_view line) {
  ++number_;
  offset_ += line.size() + 1;
  auto json = parse_json(line);
  if (!json || !json->is_object()) {
    return make_error(ErrorKind::corrupt,
                      what_ + ", line " + std::to_string(number_) + ": this is not one of ours");
  }
  return visit_(*json);
}

Result<void> LineReader::feed(std::span<const std::uint8_t> bytes) {
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    if (rest_.empty()) {
      ATHANOR_TRY(take(text.substr(0, end)));
    } else {
      rest_ += text.substr(0, end);
      const std::string line = std::exchange(rest_, {});
      ATHANOR_TRY(take(line));
    }
    text.remove_prefix(end + 1);
  }
  rest_ += text;
  if (rest_.size() > k_line_bytes) {
    return make_error(ErrorKind::corrupt, what_ + ", line " + std::to_string(number_ + 1) +
                                              ": longer than any of ours");
  }
  return {};
}

Result<void> read_lines(const std::filesystem::path& path, const std::string& what,
                        const std::function<Result<void>(const Json&, std::uint64_t end)>& visit) {
  ATHANOR_ASSIGN(const Fd file, open_file(path, O_RDONLY));
  const LineReader* reader = nullptr;
  LineReader lines(what, [&](const Json& json) { return visit(json, reader->offset()); });
  reader = &lines;
  std::vector<std::uint8_t> buffer(k_piece_bytes);
  for (std::uint64_t offset = 0;;) {
    ATHANOR_ASSIGN(const std::size_t got, read_at(file, offset, buffer, path));
    if (got == 0) {
      return {};
    }
    ATHANOR_TRY(lines.feed(std::span(buffer.data(), got)));
    offset += got;
  }
}

}  // namespace athanor::coordinator

#pragma once

#include "shared/base/result.hpp"
#include "shared/json/json.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>

namespace athanor::coordinator {

// Lists that may be longer than memory are kept as one JSON object a line.
using LineVisitor = std::function<Result<void>(const Json&)>;

// Cuts bytes that arrive in pieces into lines and reads each. corrupt: a line is no JSON object, or
// is longer than any of ours.
class LineReader {
 public:
  // `what` begins messages: "the plan 'gc.plan'".
  LineReader(std::string what, LineVisitor visit);

  Result<void> feed(std::span<const std::uint8_t> bytes);
  // After the last piece. An unfinished last line is what a crash leaves: it is not visited.
  std::uint64_t unfinished_bytes() const { return rest_.size(); }
  // Bytes up to the end of the line that is being visited.
  std::uint64_t offset() const { return offset_; }

 private:
  Result<void> take(std::string_view line);

  const std::string what_;
  const LineVisitor visit_;
  std::string rest_;
  std::uint64_t offset_ = 0;
  std::uint64_t number_ = 0;
};

// A whole file; `visit` is also told the offset of each line's end.
Result<void> read_lines(const std::filesystem::path& path, const std::string& what,
                        const std::function<Result<void>(const Json&, std::uint64_t end)>& visit);

}  // namespace athanor::coordinator

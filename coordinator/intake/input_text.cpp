#include "coordinator/intake/input_text.hpp"

#include "shared/base/strings.hpp"
#include "shared/base/units.hpp"
#include "shared/os/fd.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace athanor::coordinator {
namespace {

std::string in_quotes(std::string_view path) {
  return "'" + printable(path, 300) + "'";
}

Result<std::string> read_all(int descriptor, const std::string& name, std::uint64_t limit_bytes) {
  std::string text;
  std::array<char, 65536> buffer{};
  for (;;) {
    const ssize_t got = ::read(descriptor, buffer.data(), buffer.size());
    if (got < 0) {
      if (errno == EINTR) {
        continue;
      }
      return system_error(errno, "cannot read " + in_quotes(name));
    }
    if (got == 0) {
      return text;
    }
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (text.size() > limit_bytes) {
      return make_error(ErrorKind::rejected, in_quotes(name) + " has more than " +
                                                 human_size(limit_bytes) +
                                                 ", which is more than any input should have");
    }
  }
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

Result<InputText> read_path(const std::string& path, std::uint64_t limit_bytes, int flags) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | flags));
  if (file.get() < 0) {
    return system_error(errno, "cannot open " + in_quotes(path));
  }
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) {
    return system_error(errno, "cannot read " + in_quotes(path));
  }
  if (S_ISDIR(status.st_mode)) {
    return make_error(ErrorKind::invalid, in_quotes(path) + " is a folder",
                      "name the files in it, for example " + printable(path, 300) + "/*.lock");
  }
  if ((flags & O_NONBLOCK) != 0 && !S_ISREG(status.st_mode)) {
    return make_error(ErrorKind::rejected, in_quotes(path) + " is not a regular file");
  }
  ATHANOR_ASSIGN(std::string text, read_all(file.get(), path, limit_bytes));
  return InputText{.name = path, .text = std::move(text), .folder = folder_of(path)};
}

}  // namespace

Error InputText::error(std::size_t line, std::string_view message, std::string hint) const {
  return at_line(line, make_error(ErrorKind::invalid, std::string(message), std::move(hint)));
}

Error InputText::at_line(std::size_t line, Error inner) const {
  std::string where = printable(name, 300) + ":";
  if (line > 0) {
    where += std::to_string(line) + ":";
  }
  inner.message = where + " " + inner.message;
  return inner;
}

Result<InputText> read_input_file(const std::string& path, std::uint64_t limit_bytes) {
  if (path == "-") {
    ATHANOR_ASSIGN(std::string text, read_all(STDIN_FILENO, "<stdin>", limit_bytes));
    return InputText{.name = "<stdin>", .text = std::move(text), .folder = {}};
  }
  return read_path(path, limit_bytes, 0);
}

Result<InputText> read_regular_file(const std::string& path, std::uint64_t limit_bytes) {
  return read_path(path, limit_bytes, O_NONBLOCK);
}

Result<void> check_text(InputText& input) {
  if (input.text.starts_with("\xef\xbb\xbf")) {
    input.text.erase(0, 3);
  }
  const std::string_view text = input.text;
  const auto line_of = [&](std::size_t offset) {
    const std::string_view before = text.substr(0, offset);
    return static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n')) + 1;
  };
  const auto forbidden = std::find_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' && c != '\r') ||
           c == 0x7f;
  });
  if (forbidden != text.end()) {
    const std::string shown = printable(std::string_view(&*forbidden, 1));
    return input.error(line_of(static_cast<std::size_t>(forbidden - text.begin())),
                       "a control character (" + shown + ") in what should be a text file");
  }
  if (!is_utf8(text)) {
    std::size_t line = 1;
    for (const std::string_view part : split(text, '\n')) {
      if (!is_utf8(part)) {
        break;
      }
      ++line;
    }
    return input.error(line, "bytes that aren't UTF-8 in what should be a text file");
  }
  return {};
}

}  // namespace athanor::coordinator

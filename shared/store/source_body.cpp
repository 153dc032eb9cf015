#include "shared/store/source_body.hpp"

#include "shared/base/units.hpp"
#include "shared/os/files.hpp"
#include "shared/os/path_text.hpp"

#include <fcntl.h>

#include <algorithm>
#include <memory>
#include <vector>

namespace athanor {
namespace {

// Where a body's reader stands. Shared by the two functions of one HttpBody, which may be copied.
struct Reading {
  std::string text;  // of a body from memory
  Fd fd;             // of a body from a file
  std::filesystem::path path;
  std::uint64_t begin = 0;
  std::uint64_t size = 0;
  std::uint64_t done = 0;

  Result<std::size_t> read(std::span<std::uint8_t> buffer) {
    const std::size_t wanted = std::min<std::uint64_t>(buffer.size(), size - done);
    if (!fd.valid()) {
      std::copy_n(text.begin() + static_cast<std::ptrdiff_t>(begin + done), wanted, buffer.begin());
    } else if (wanted > 0) {
      ATHANOR_ASSIGN(const std::size_t got, read_at(fd, begin + done, buffer.first(wanted), path));
      if (got < wanted) {
        return make_error(ErrorKind::corrupt, quoted(path) + " is shorter than its digest says");
      }
    }
    done += wanted;
    return wanted;
  }
};

HttpBody body_of_reading(std::shared_ptr<Reading> reading) {
  return {.size = reading->size,
          .read = [reading](std::span<std::uint8_t> buffer) { return reading->read(buffer); },
          .rewind = [reading]() -> Result<void> {
            reading->done = 0;
            return {};
          }};
}

}  // namespace

Result<HttpBody> body_of(const ObjectSource& source, ByteRange range) {
  auto reading = std::make_shared<Reading>();
  reading->begin = range.offset;
  reading->size = std::min(range.length, source.size() - range.offset);
  if (source.path() != nullptr) {
    reading->path = *source.path();
    ATHANOR_ASSIGN(reading->fd, open_file(reading->path, O_RDONLY));
    ATHANOR_ASSIGN(const auto size, size_of_file(reading->path));
    if (size != source.size()) {
      return make_error(ErrorKind::corrupt,
                        quoted(reading->path) + " has another size than its digest says");
    }
  } else {
    reading->text = *source.bytes();
  }
  return body_of_reading(std::move(reading));
}

Result<HttpBody> body_of(const ObjectSource& source) {
  return body_of(source, {});
}

HttpBody body_of_text(std::string text) {
  auto reading = std::make_shared<Reading>();
  reading->size = text.size();
  reading->text = std::move(text);
  return body_of_reading(std::move(reading));
}

Result<HttpBody> framed_body_of(std::string before, const ObjectSource& source, std::string after) {
  ATHANOR_ASSIGN(HttpBody middle, body_of(source));
  const std::vector<HttpBody> parts = {body_of_text(std::move(before)), std::move(middle),
                                       body_of_text(std::move(after))};
  // Shared by the two functions of the body, which may be copied.
  const auto current = std::make_shared<std::size_t>(0);
  std::uint64_t size = 0;
  for (const HttpBody& part : parts) {
    size += part.size;
  }
  return HttpBody{.size = size,
                  .read = [parts, current](std::span<std::uint8_t> buffer) -> Result<std::size_t> {
                    for (; *current < parts.size(); ++*current) {
                      ATHANOR_ASSIGN(const std::size_t got, parts[*current].read(buffer));
                      if (got > 0) {
                        return got;
                      }
                    }
                    return std::size_t{0};
                  },
                  .rewind = [parts, current]() -> Result<void> {
                    for (const HttpBody& part : parts) {
                      ATHANOR_TRY(part.rewind());
                    }
                    *current = 0;
                    return {};
                  }};
}

Result<Sha256> sha256_of_range(const ObjectSource& source, ByteRange range) {
  ATHANOR_ASSIGN(HttpBody body, body_of(source, range));
  Sha256Hasher hasher;
  std::vector<std::uint8_t> buffer(256_KiB);
  while (true) {
    ATHANOR_ASSIGN(const std::size_t got, body.read(buffer));
    if (got == 0) {
      return hasher.finish();
    }
    hasher.update(std::span(buffer.data(), got));
  }
}

HttpSink collect_into(std::string& text) {
  return [&text](std::span<const std::uint8_t> bytes) -> Result<void> {
    text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  };
}

}  // namespace athanor

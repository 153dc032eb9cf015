#include "shared/net/file_transfer.hpp"

#include "shared/base/strings.hpp"
#include "shared/base/units.hpp"
#include "shared/net/http_date.hpp"
#include "shared/net/url.hpp"
#include "shared/os/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <charconv>
#include <vector>

namespace athanor {
namespace {

// The start of "bytes=N-"; other ranges are answered with the whole file, as a server may.
std::optional<std::uint64_t> range_start(const HttpHeaders& headers) {
  for (const auto& [name, value] : headers) {
    if (to_lower(name) == "range" && value.starts_with("bytes=") && value.ends_with("-")) {
      const std::string_view digits(value.data() + 6, value.size() - 7);
      std::uint64_t start = 0;
      const auto [end, error] =
          std::from_chars(digits.data(), digits.data() + digits.size(), start);
      if (error == std::errc() && end == digits.data() + digits.size()) {
        return start;
      }
    }
  }
  return std::nullopt;
}

Result<void> copy_to_sink(const Fd& fd, const std::filesystem::path& path, std::uint64_t offset,
                          HttpResponse& response, const HttpSink& sink, std::stop_token stop) {
  std::vector<std::uint8_t> buffer(256_KiB);
  while (true) {
    if (stop.stop_requested()) {
      return make_error(ErrorKind::canceled, "stopped");
    }
    ATHANOR_ASSIGN(const std::size_t got, read_at(fd, offset, buffer, path));
    if (got == 0) {
      return {};
    }
    ATHANOR_TRY(sink(std::span(buffer.data(), got)));
    offset += got;
    response.body_bytes += got;
  }
}

}  // namespace

Result<HttpResponse> perform_file_request(const HttpRequest& request, const HttpSink& sink,
                                          std::stop_token stop) {
  ATHANOR_ASSIGN(const Url url, Url::parse(request.url));
  if (!url.host.empty() && url.host != "localhost") {
    return make_error(ErrorKind::rejected, "cannot read " + url.redacted() +
                                               ": a file URL with a host names another machine");
  }
  if (request.method != "GET" && request.method != "HEAD") {
    return make_error(ErrorKind::unsupported, "file URLs can only be read");
  }
  const std::string path = percent_decode(url.path);
  if (path.find('\0') != std::string::npos) {
    return make_error(ErrorKind::invalid, "a file URL with a NUL in its path");
  }
  HttpResponse response;
  response.effective_url = url.redacted();
  response.status = 404;
  auto opened = open_file(path, O_RDONLY | O_NONBLOCK);  // a pipe in its place must not hang us
  if (!opened) {
    if (opened.error().kind == ErrorKind::not_found) {
      return response;
    }
    return std::move(opened).error();
  }
  const Fd fd = std::move(opened).value();
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) {
    return system_error(errno, "cannot read " + url.redacted());
  }
  if (!S_ISREG(status.st_mode)) {
    return response;
  }
  const auto size = static_cast<std::uint64_t>(status.st_size);
  const std::uint64_t start = range_start(request.headers).value_or(0);
  if (start > size) {
    response.status = 416;
    return response;
  }
  response.status = start == 0 ? 200 : 206;
  response.headers["content-length"] = std::to_string(size - start);
  response.headers["last-modified"] =
      format_http_date(WallTime(std::chrono::seconds(status.st_mtim.tv_sec)));
  if (start != 0) {
    response.headers["content-range"] = "bytes " + std::to_string(start) + "-" +
                                        std::to_string(size - 1) + "/" + std::to_string(size);
  }
  if (request.method == "HEAD") {
    return response;
  }
  if (size - start > request.max_body_bytes) {
    return make_error(ErrorKind::rejected, "fetching " + url.redacted() + ": it has " +
                                               human_size(size - start) + ", the limit is " +
                                               human_size(request.max_body_bytes));
  }
  ATHANOR_TRY(copy_to_sink(fd, path, start, response, sink, stop));
  return response;
}

}  // namespace athanor

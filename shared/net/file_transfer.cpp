#include "shared/net/file_transfer.hpp"

#include "shared/base/units.hpp"
#include "shared/net/content_range.hpp"
#include "shared/net/http_date.hpp"
#include "shared/net/url.hpp"
#include "shared/os/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <vector>

namespace athanor {
namespace {

// What changes when the file does, as a server's ETag.
std::string entity_tag(const struct stat& status) {
  return '"' + std::to_string(status.st_mtim.tv_sec) + '.' +
         std::to_string(status.st_mtim.tv_nsec) + '-' + std::to_string(status.st_size) + '"';
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
  const std::string tag = entity_tag(status);
  const std::uint64_t start = open_range_start(request.headers, tag).value_or(0);
  if (start > size || (start == size && start != 0)) {
    response.status = 416;
    return response;
  }
  response.status = start == 0 ? 200 : 206;
  response.headers["content-length"] = std::to_string(size - start);
  response.headers["etag"] = tag;
  response.headers["last-modified"] =
      format_http_date(WallTime(std::chrono::seconds(status.st_mtim.tv_sec)));
  if (start != 0) {
    response.headers["content-range"] = spell_content_range(start, size);
  }
  if (request.method == "HEAD") {
    if (request.on_answer) {
      ATHANOR_TRY(request.on_answer(response));
    }
    return response;
  }
  if (size - start > request.max_body_bytes) {
    return make_error(ErrorKind::rejected, "fetching " + url.redacted() + ": it has " +
                                               human_size(size - start) + ", the limit is " +
                                               human_size(request.max_body_bytes));
  }
  if (request.on_answer) {
    ATHANOR_TRY(request.on_answer(response));
  }
  ATHANOR_TRY(copy_to_sink(fd, path, start, response, sink, stop));
  return response;
}

}  // namespace athanor

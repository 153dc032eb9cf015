#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace athanor::test {

struct OriginRequest {
  std::string method;
  std::string target;                          // path and query as sent
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

// One answer, or one way of not giving it.
struct OriginResponse {
  int status = 200;
  std::map<std::string, std::string> headers{};
  std::string body{};

  enum class Then {
    keep_open,       // the good way
    close,           // after the whole body
    cut,             // the connection is closed after cut_after bytes of the body
    stall,           // nothing more comes after cut_after bytes, the connection stays
    endless,         // the body is sent again and again, without a length
    without_answer,  // closed before any byte of an answer
    never_answer,    // stays silent for ever
  };
  Then then = Then::keep_open;
  std::size_t cut_after = 0;
};

// A real HTTP/1.1 server on loopback whose every answer the test decides. It counts what it is
// asked. Thread-safe; each connection has its thread, all end with the object.
class ImposterOrigin {
 public:
  using Handler = std::function<OriginResponse(const OriginRequest&)>;

  ImposterOrigin();
  ~ImposterOrigin();

  std::uint16_t port() const;
  // "http://127.0.0.1:PORT" + path.
  std::string url(std::string_view path) const;

  // A good file: Content-Length, ETag, "Range: bytes=N-", If-Range, HEAD. Paths are matched as
  // spelled, without the query. What isn't set up is 404.
  void serve(std::string path, std::string bytes);
  // These answers one after the other, the last one for ever.
  void script(std::string path, std::vector<OriginResponse> answers);
  void on(std::string path, Handler handler);
  // Everything that has no handler of its own.
  void on_any(Handler handler);

  std::size_t requests(std::string_view path) const;
  std::size_t total_requests() const;
  std::size_t connections() const;
  std::vector<OriginRequest> log() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The answers of a good file server.
OriginResponse good_file(const OriginRequest& request, const std::string& bytes);
OriginResponse redirect_to(std::string location, int status = 302);
OriginResponse answer(int status, std::string body = {});

}  // namespace athanor::test

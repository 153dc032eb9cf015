#include "shared/net/curl_transfer.hpp"

#include "shared/base/strings.hpp"
#include "shared/base/units.hpp"
#include "shared/base/version.hpp"
#include "shared/net/url.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace athanor {
namespace {

constexpr std::size_t k_header_bytes = 256 * 1024;      // of one answer, all lines
constexpr std::uint64_t k_skipped_bytes = 1024 * 1024;  // of a body nobody wants: then cut
constexpr std::uint64_t k_expect_bytes = 1024 * 1024;   // smaller bodies are sent without asking

struct FreeSlist {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Slist = std::unique_ptr<curl_slist, FreeSlist>;

bool append(Slist& list, const std::string& line) {
  curl_slist* longer = curl_slist_append(list.get(), line.c_str());
  if (longer == nullptr) {
    return false;
  }
  static_cast<void>(list.release());
  list.reset(longer);
  return true;
}

bool is_success(int status) {
  return status >= 200 && status < 300;
}

}  // namespace

ErrorKind error_kind_of_curl(CURLcode code) {
  switch (static_cast<int>(code)) {
    case CURLE_URL_MALFORMAT:
      return ErrorKind::invalid;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_TOO_MANY_REDIRECTS:
    case CURLE_FILESIZE_EXCEEDED:
    case CURLE_REMOTE_ACCESS_DENIED:
    case CURLE_LOGIN_DENIED:
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_CLIENTCERT:
      return ErrorKind::rejected;
    default:
      // Names that don't resolve, connections refused, reset, cut or silent, HTTP/2 streams that
      // broke: all of it happens to good servers on bad days.
      return ErrorKind::retry;
  }
}

struct CurlTransfer::Exchange {
  const HttpRequest& request;
  const HttpSink& sink;
  std::stop_token stop;
  CURL* easy = nullptr;
  Slist headers{};
  HttpBody body{};  // what is sent
  bool has_body = false;
  HttpResponse response{};
  std::size_t header_bytes = 0;
  std::uint64_t progress = 0;      // bytes moved in either direction, headers included
  std::optional<Error> failure{};  // ours: from the sink, the body, a limit
  bool cut = false;                // an unwanted body was long enough: the answer counts
  bool answered = false;           // on_answer was called
  std::array<char, CURL_ERROR_SIZE> message{};

  std::string what() const { return "requesting " + redact_url(request.url); }

  int status() const {
    long code = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &code);
    return static_cast<int>(code);
  }

  // Takes one header line.
  std::size_t on_header(std::string_view line) {
    progress += line.size();
    header_bytes += line.size();
    if (header_bytes > k_header_bytes) {
      failure = make_error(ErrorKind::rejected, what() + ": the answer's headers never end");
      return 0;
    }
    if (line.starts_with("HTTP/")) {  // each answer of a chain of redirects begins anew
      response.headers.clear();
      response.error_body.clear();
      return line.size();
    }
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos) {
      std::string name = to_lower(trim(line.substr(0, colon)));
      const std::string_view value = trim(line.substr(colon + 1));
      auto [entry, is_new] = response.headers.try_emplace(std::move(name), value);
      if (!is_new) {
        entry->second += ", ";
        entry->second += value;
      }
    }
    return line.size();
  }

  // The head of a good answer is complete: tells whoever asked.
  bool on_success() {
    answered = true;
    response.status = status();
    if (request.on_answer) {
      if (auto agreed = request.on_answer(response); !agreed) {
        failure = std::move(agreed).error();
        return false;
      }
    }
    return true;
  }

  // Takes a piece of the body.
  bool on_body(std::span<const std::uint8_t> bytes) {
    progress += bytes.size();
    if (!is_success(status())) {
      const std::size_t room = HttpResponse::k_error_body_bytes - response.error_body.size();
      response.error_body.append(reinterpret_cast<const char*>(bytes.data()),
                                 std::min(room, bytes.size()));
      response.body_bytes += bytes.size();
      cut = response.body_bytes > k_skipped_bytes;
      return !cut;
    }
    curl_off_t announced = -1;
    curl_easy_getinfo(easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
    const std::uint64_t expected =
        std::max(response.body_bytes + bytes.size(),
                 static_cast<std::uint64_t>(std::max<curl_off_t>(announced, 0)));
    if (expected > request.max_body_bytes) {
      failure = make_error(ErrorKind::rejected, what() + ": the answer is larger than " +
                                                    human_size(request.max_body_bytes) +
                                                    ", the limit here");
      return false;
    }
    if (!answered && !on_success()) {
      return false;
    }
    if (auto taken = sink(bytes); !taken) {
      failure = std::move(taken).error();
      return false;
    }
    response.body_bytes += bytes.size();
    return true;
  }

  // Fills the buffer with what is to be sent.
  std::size_t on_read(std::span<std::uint8_t> buffer) {
    auto got = body.read ? body.read(buffer) : Result<std::size_t>(std::size_t{0});
    if (!got) {
      failure = std::move(got).error();
      return CURL_READFUNC_ABORT;
    }
    progress += got.value();
    return got.value();
  }

  int on_seek(curl_off_t offset) {
    if (offset != 0) {
      return CURL_SEEKFUNC_CANTSEEK;
    }
    if (body.rewind) {
      if (auto rewound = body.rewind(); !rewound) {
        failure = std::move(rewound).error();
        return CURL_SEEKFUNC_FAIL;
      }
    }
    return CURL_SEEKFUNC_OK;
  }

  // Bodies of redirects don't reach on_body; an endless one must not hold us for ever.
  int on_progress(curl_off_t downloaded) {
    const bool redirect = status() >= 300 && status() < 400;
    if (redirect && downloaded > static_cast<curl_off_t>(k_skipped_bytes)) {
      failure = make_error(ErrorKind::rejected, what() + ": a redirect with an endless body");
      return 1;
    }
    return 0;
  }
};

namespace {

// C callbacks: nothing may be thrown through curl.
template <typename Function>
auto guarded(Function function, decltype(function()) on_throw) noexcept -> decltype(function()) {
  try {
    return function();
  } catch (...) {
    return on_throw;
  }
}

template <typename Exchange>
std::size_t header_callback(char* data, std::size_t size, std::size_t count, void* exchange) {
  return guarded(
      [&] {
        return static_cast<Exchange*>(exchange)->on_header(std::string_view(data, size * count));
      },
      0);
}

template <typename Exchange>
std::size_t write_callback(char* data, std::size_t size, std::size_t count, void* exchange) {
  const std::span bytes(reinterpret_cast<const std::uint8_t*>(data), size * count);
  return guarded(
      [&] { return static_cast<Exchange*>(exchange)->on_body(bytes) ? bytes.size() : 0U; }, 0);
}

template <typename Exchange>
std::size_t read_callback(char* data, std::size_t size, std::size_t count, void* exchange) {
  const std::span buffer(reinterpret_cast<std::uint8_t*>(data), size * count);
  return guarded([&] { return static_cast<Exchange*>(exchange)->on_read(buffer); },
                 std::size_t{CURL_READFUNC_ABORT});
}

template <typename Exchange>
int seek_callback(void* exchange, curl_off_t offset, int /*origin*/) {
  return guarded([&] { return static_cast<Exchange*>(exchange)->on_seek(offset); },
                 int{CURL_SEEKFUNC_FAIL});
}

template <typename Exchange>
int progress_callback(void* exchange, curl_off_t /*total*/, curl_off_t downloaded,
                      curl_off_t /*to_send*/, curl_off_t /*sent*/) {
  return guarded([&] { return static_cast<Exchange*>(exchange)->on_progress(downloaded); }, 1);
}

}  // namespace

CurlTransfer::CurlTransfer(const HttpClientOptions& options, CURLSH* share)
    : options_(options),
      share_(share),
      multi_(curl_multi_init()),
      easy_(curl_easy_init()) {
  ATHANOR_CHECK(multi_ != nullptr && easy_ != nullptr);  // only without memory
}

CurlTransfer::~CurlTransfer() {
  curl_easy_cleanup(easy_);
  curl_multi_cleanup(multi_);
}

Result<HttpResponse> CurlTransfer::perform(const HttpRequest& request, const HttpSink& sink,
                                           std::stop_token stop) {
  Exchange exchange{.request = request, .sink = sink, .stop = std::move(stop), .easy = easy_};
  curl_easy_reset(easy_);  // keeps connections
  ATHANOR_TRY(prepare(exchange));
  auto code = run(exchange);
  // The exchange dies here; the handle must not point to it any more.
  auto result = code ? conclude(exchange, code.value()) : Result<HttpResponse>(code.error());
  curl_easy_reset(easy_);
  return result;
}

Result<void> CurlTransfer::prepare(Exchange& exchange) {
  const HttpRequest& request = exchange.request;
  const std::string agent =
      options_.user_agent.empty() ? "athanor/" + std::string(version()) : options_.user_agent;
  curl_easy_setopt(easy_, CURLOPT_SHARE, share_);
  curl_easy_setopt(easy_, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(easy_, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy_, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy_, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(easy_, CURLOPT_USERAGENT, agent.c_str());
  curl_easy_setopt(easy_, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy_, CURLOPT_QUICK_EXIT, 1L);
  curl_easy_setopt(easy_, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy_, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS);
  curl_easy_setopt(easy_, CURLOPT_BUFFERSIZE, 256L * 1024L);
  curl_easy_setopt(easy_, CURLOPT_CONNECTTIMEOUT_MS, long{options_.connect_timeout.count()});
  curl_easy_setopt(easy_, CURLOPT_FOLLOWLOCATION,
                   request.follow_redirects == FollowRedirects::yes ? 1L : 0L);
  curl_easy_setopt(easy_, CURLOPT_MAXREDIRS, static_cast<long>(limits::k_redirects));
  curl_easy_setopt(easy_, CURLOPT_ERRORBUFFER, exchange.message.data());
  curl_easy_setopt(easy_, CURLOPT_HEADERFUNCTION, &header_callback<Exchange>);
  curl_easy_setopt(easy_, CURLOPT_HEADERDATA, &exchange);
  curl_easy_setopt(easy_, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, &write_callback<Exchange>);
  curl_easy_setopt(easy_, CURLOPT_WRITEDATA, &exchange);
  curl_easy_setopt(easy_, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(easy_, CURLOPT_XFERINFOFUNCTION, &progress_callback<Exchange>);
  curl_easy_setopt(easy_, CURLOPT_XFERINFODATA, &exchange);
  prepare_security(request);
  prepare_method(exchange);
  for (const auto& [name, value] : request.headers) {
    if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos ||
        name.find_first_of(std::string_view("\r\n\0: ", 5)) != std::string::npos) {
      return make_error(ErrorKind::invalid, exchange.what() + ": a header with a line break in it");
    }
    // curl's own spelling of a header without a value.
    append(exchange.headers, value.empty() ? name + ";" : name + ": " + value);
  }
  curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, exchange.headers.get());
  return {};
}

void CurlTransfer::prepare_security(const HttpRequest& request) {
  std::filesystem::path bundle = options_.ca_bundle;
  for (const char* name : {"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"}) {
    if (bundle.empty()) {
      bundle = options_.environment(name).value_or("");
    }
  }
  if (!bundle.empty()) {
    std::error_code error;
    const bool is_directory = std::filesystem::is_directory(bundle, error);
    curl_easy_setopt(easy_, is_directory ? CURLOPT_CAPATH : CURLOPT_CAINFO, bundle.c_str());
    curl_easy_setopt(easy_, is_directory ? CURLOPT_PROXY_CAPATH : CURLOPT_PROXY_CAINFO,
                     bundle.c_str());
  }
  if (options_.tls == TlsVerification::off) {
    curl_easy_setopt(easy_, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(easy_, CURLOPT_SSL_VERIFYHOST, 0L);
  }
  if (!options_.client_certificate.empty()) {
    const auto& key =
        options_.client_key.empty() ? options_.client_certificate : options_.client_key;
    curl_easy_setopt(easy_, CURLOPT_SSLCERT, options_.client_certificate.c_str());
    curl_easy_setopt(easy_, CURLOPT_SSLKEY, key.c_str());
  }
  prepare_proxy(request);
}

void CurlTransfer::prepare_proxy(const HttpRequest& request) {
  if (options_.proxies == Proxies::none) {
    curl_easy_setopt(easy_, CURLOPT_PROXY, "");
    return;
  }
  if (options_.proxies == Proxies::table) {
    curl_easy_setopt(easy_, CURLOPT_PROXY,
                     proxy_for(options_.proxy_table, request.url).value_or("").c_str());
    // For where a redirect leads; "" keeps curl from reading the environment's.
    curl_easy_setopt(easy_, CURLOPT_NOPROXY, join(options_.proxy_table.bypass, ",").c_str());
    return;
  }
  // curl itself doesn't read HTTP_PROXY in capitals, because a CGI program's client can set it.
  if (!options_.environment("http_proxy") && !options_.environment("REQUEST_METHOD")) {
    const auto proxy = options_.environment("HTTP_PROXY");
    if (proxy && to_lower(request.url.substr(0, 7)) == "http://") {
      curl_easy_setopt(easy_, CURLOPT_PROXY, proxy->c_str());
    }
  }
}

void CurlTransfer::prepare_method(Exchange& exchange) {
  const HttpRequest& request = exchange.request;
  if (request.body) {
    exchange.body = *request.body;
    exchange.has_body = true;
  } else if (request.method == "PUT" || request.method == "POST") {
    exchange.has_body = true;  // with Content-Length: 0, which servers insist on
  }
  if (exchange.has_body) {
    curl_easy_setopt(easy_, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy_, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(exchange.body.size));
    curl_easy_setopt(easy_, CURLOPT_READFUNCTION, &read_callback<Exchange>);
    curl_easy_setopt(easy_, CURLOPT_READDATA, &exchange);
    curl_easy_setopt(easy_, CURLOPT_SEEKFUNCTION, &seek_callback<Exchange>);
    curl_easy_setopt(easy_, CURLOPT_SEEKDATA, &exchange);
    curl_easy_setopt(easy_, CURLOPT_UPLOAD_BUFFERSIZE, 256L * 1024L);
    curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    if (exchange.body.size < k_expect_bytes) {
      append(exchange.headers, "Expect:");  // curl asks even for three bytes: a round trip more
    }
  } else if (request.method == "HEAD") {
    curl_easy_setopt(easy_, CURLOPT_NOBODY, 1L);
  } else if (request.method != "GET") {
    curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
}

Result<CURLcode> CurlTransfer::run(Exchange& exchange) {
  using Steady = std::chrono::steady_clock;
  const std::stop_callback wake(exchange.stop, [this] { curl_multi_wakeup(multi_); });
  curl_multi_add_handle(multi_, easy_);
  struct Remove {
    CURLM* multi;
    CURL* easy;
    ~Remove() { curl_multi_remove_handle(multi, easy); }
  } const remove{multi_, easy_};
  auto moved_at = Steady::now();
  auto window_began = moved_at;
  std::uint64_t moved = 0;
  std::uint64_t window_moved = 0;
  while (true) {
    if (exchange.stop.stop_requested()) {
      return make_error(ErrorKind::canceled, exchange.what() + ": stopped");
    }
    int running = 0;
    if (const CURLMcode code = curl_multi_perform(multi_, &running); code != CURLM_OK) {
      return make_error(ErrorKind::retry, exchange.what() + ": " + curl_multi_strerror(code));
    }
    int queued = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &queued)) {
      if (message->msg == CURLMSG_DONE) {
        return message->data.result;
      }
    }
    const auto now = Steady::now();
    if (exchange.progress != moved) {
      moved = exchange.progress;
      moved_at = now;
    }
    const bool window_over = now - window_began >= options_.stall_timeout;
    if (now - moved_at >= options_.stall_timeout ||
        (window_over && moved - window_moved < options_.stall_min_bytes)) {
      return make_error(ErrorKind::retry,
                        exchange.what() + ": no progress for " +
                            std::to_string(options_.stall_timeout.count() / 1000) + " s");
    }
    if (window_over) {
      window_began = now;
      window_moved = moved;
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::min(moved_at, window_began) + options_.stall_timeout - now);
    curl_multi_poll(multi_, nullptr, 0,
                    static_cast<int>(std::clamp<std::int64_t>(left.count() + 1, 1, 1000)), nullptr);
  }
}

Result<HttpResponse> CurlTransfer::conclude(Exchange& exchange, CURLcode code) {
  if (exchange.failure) {
    return std::move(*exchange.failure);
  }
  if (code != CURLE_OK && !exchange.cut) {
    // curl's own words say more, but may repeat a URL with its secrets.
    const std::string_view detail(exchange.message.data());
    const std::string_view words = detail.empty() || detail.find("//") != std::string_view::npos
                                       ? curl_easy_strerror(code)
                                       : detail;
    std::string hint;
    if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE) {
      hint =
          "If the server's certificate comes from a private authority, name its file in "
          "SSL_CERT_FILE or REQUESTS_CA_BUNDLE";
    }
    // A proxy that wants a password, or doesn't allow this host, says the same the next time.
    long connected = 0;
    curl_easy_getinfo(easy_, CURLINFO_HTTP_CONNECTCODE, &connected);
    if (connected == 407 || connected == 403) {
      return make_error(ErrorKind::rejected, exchange.what() + ": " + printable(words),
                        connected == 407 ? "Put user and password into the proxy setting"
                                         : "The proxy forbids this host");
    }
    return make_error(error_kind_of_curl(code), exchange.what() + ": " + printable(words), hint);
  }
  exchange.response.status = exchange.status();
  char* url = nullptr;
  curl_easy_getinfo(easy_, CURLINFO_EFFECTIVE_URL, &url);
  exchange.response.effective_url = redact_url(url != nullptr ? url : exchange.request.url);
  if (!is_success(exchange.response.status)) {
    exchange.response.body_bytes = 0;
  } else if (!exchange.answered && !exchange.on_success()) {
    return std::move(*exchange.failure);
  }
  return std::move(exchange.response);
}

}  // namespace athanor

#include "worker/pipeline/download.hpp"

#include "shared/base/limits.hpp"
#include "shared/base/strings.hpp"
#include "shared/base/units.hpp"
#include "shared/net/content_range.hpp"
#include "shared/net/retry.hpp"
#include "shared/net/url.hpp"
#include "worker/pipeline/expected.hpp"

#include <algorithm>
#include <utility>

namespace athanor::worker {
namespace {

// An attempt that moves the transfer on by so much, or by a sixteenth of the file, doesn't count as
// a failure: a connection that is cut every few seconds still gets a package across.
constexpr std::uint64_t k_gain = 1_MiB;

// What If-Range may name: a weak ETag promises too little.
std::string validator_of(const HttpResponse& response) {
  const std::string tag = response.header("etag").value_or("");
  if (tag.starts_with('"')) {
    return tag;
  }
  return response.header("last-modified").value_or("");
}

// Of the body; a length beside a transfer encoding means nothing.
std::optional<std::uint64_t> length_of(const HttpResponse& response) {
  return response.header("transfer-encoding")
             ? std::nullopt
             : parse_size(response.header("content-length").value_or(""));
}

AttemptEnd end_of(const Error& error, int status) {
  if (status == 429 || status >= 500) {
    return AttemptEnd::busy;
  }
  switch (error.kind) {
    case ErrorKind::not_found:
      return AttemptEnd::missing;
    case ErrorKind::corrupt:
      return AttemptEnd::altered;
    case ErrorKind::rejected:
    case ErrorKind::unsupported:
    case ErrorKind::invalid:
      return AttemptEnd::refused;
    case ErrorKind::retry:
    case ErrorKind::canceled:
    case ErrorKind::bug:
      break;
  }
  return AttemptEnd::broken;
}

}  // namespace

Download::Download(JobContext& context, ScratchFile file)
    : context_(&context),
      file_(std::move(file)) {}

Result<Download> Download::begin(JobContext& context) {
  ATHANOR_ASSIGN(ScratchFile file, ScratchFile::create(context, context.original_path()));
  return Download(context, std::move(file));
}

Asked Download::ask(const std::string& url) {
  Asked asked = ask_once(url);
  if (!is_other_file_ || our_fault_) {
    return asked;
  }
  is_other_file_ = false;
  if (Result<void> emptied = restart(); !emptied) {
    asked.error = std::move(emptied).error();
    asked.ours = true;
    return asked;
  }
  asked = ask_once(url);
  asked.requests = 2;
  return asked;
}

Asked Download::ask_once(const std::string& url) {
  shown_ = redact_url(url);
  received_ = 0;
  our_fault_ = false;
  const HttpRequest request = request_for(url);
  const HttpSink sink = [this](std::span<const std::uint8_t> bytes) { return on_bytes(bytes); };
  const Result<HttpResponse> answer =
      context_->shop.parts.http.perform(request, sink, context_->stop);
  Asked asked{.attempt = {}, .error = failure_of(answer)};
  asked.attempt.status = answer ? answer->status : 0;
  asked.attempt.bytes = received_;
  if (asked.error) {
    asked.attempt.end = end_of(*asked.error, asked.attempt.status);
    asked.attempt.error = asked.error->message;
  }
  if (const auto after = answer ? answer->header("retry-after") : std::nullopt;
      asked.error && after) {
    asked.retry_after = parse_retry_after(*after, context_->shop.parts.clock.wall_now());
  }
  asked.ours = our_fault_;
  const std::uint64_t whole = total().value_or(UINT64_MAX);
  asked.gained = file_.size() >= furthest_ + std::clamp(whole / 16, std::uint64_t{1}, k_gain);
  furthest_ = std::max(furthest_, file_.size());
  return asked;
}

bool Download::may_resume(const std::string& url) const {
  if (file_.size() == 0) {
    return false;
  }
  const bool is_same_version = version_.url == url && version_.validator.starts_with('"');
  return is_same_version || names_a_hash(context_->spec);
}

HttpRequest Download::request_for(const std::string& url) {
  HttpRequest request{.url = url, .max_body_bytes = UINT64_MAX};  // on_bytes() knows better
  asked_from_ = may_resume(url) ? file_.size() : 0;
  if (asked_from_ > 0) {
    request.headers.emplace_back("Range", "bytes=" + std::to_string(asked_from_) + "-");
    if (version_.url == url && !version_.validator.empty()) {
      request.headers.emplace_back("If-Range", version_.validator);
    }
  }
  if (past_caches_) {
    request.headers.emplace_back("Cache-Control", "no-cache");
  }
  request.on_answer = [this, url](const HttpResponse& response) {
    return on_answer(url, response);
  };
  return request;
}

Result<void> Download::on_answer(const std::string& url, const HttpResponse& response) {
  if (response.status == 206) {
    return on_rest(url, response);
  }
  if (response.status != 200) {
    return {};  // failure_of() says what is wrong with it
  }
  ATHANOR_TRY(restart());
  pieces_ = 1;
  version_ = {.url = url, .validator = validator_of(response), .total = length_of(response)};
  const std::uint64_t total = version_.total.value_or(0);
  if (total > most_bytes(*context_).bytes) {
    return too_large(total);
  }
  Result<void> room = file_.expect(total);
  our_fault_ = !room;
  return room;
}

Result<void> Download::on_rest(const std::string& url, const HttpResponse& response) {
  const auto range = parse_content_range(response.header("content-range").value_or(""));
  const std::string tag = response.header("etag").value_or("");
  const bool same_tag = version_.url != url || tag.empty() ||
                        !version_.validator.starts_with('"') || tag == version_.validator;
  const bool same_size =
      !range || !range->total || !version_.total || range->total == version_.total;
  if (asked_from_ == 0 || !range || range->first != asked_from_ || !same_tag || !same_size) {
    is_other_file_ = asked_from_ > 0;
    return make_error(ErrorKind::retry, shown_ + ": the rest that came belongs to another file");
  }
  if (version_.url != url) {
    version_.url = url;
    version_.validator = validator_of(response);
  }
  if (!version_.total) {
    version_.total = range->total;
  }
  ++pieces_;
  return {};
}

Result<void> Download::on_bytes(std::span<const std::uint8_t> bytes) {
  received_ += bytes.size();
  context_->fetched_bytes += bytes.size();
  if (file_.size() + bytes.size() > most_bytes(*context_).bytes) {
    return too_large(file_.size() + bytes.size());
  }
  Result<void> written = file_.write(bytes);
  our_fault_ = !written;
  return written;
}

std::optional<Error> Download::failure_of(const Result<HttpResponse>& answer) {
  if (!answer) {
    // An answer without a length may break after its last byte.
    const bool is_whole = file_.size() > 0 && total() == file_.size();
    return is_whole && answer.error().kind == ErrorKind::retry ? std::nullopt
                                                               : std::optional(answer.error());
  }
  if (answer->status == 416 && asked_from_ > 0) {
    is_other_file_ = true;  // it ends before what is there already
    return make_error(ErrorKind::retry, shown_ + ": the file has become shorter");
  }
  if (answer->status != 200 && answer->status != 206) {
    return status_error(*answer, shown_);
  }
  if (const auto whole = total(); whole && file_.size() < *whole) {
    return make_error(ErrorKind::retry, shown_ + ": the answer ended after " +
                                            std::to_string(file_.size()) + " of " +
                                            std::to_string(*whole) + " bytes");
  }
  return std::nullopt;
}

std::optional<std::uint64_t> Download::total() const {
  return version_.total ? version_.total : known_size(context_->spec);
}

Error Download::too_large(std::uint64_t bytes) const {
  const MostBytes most = most_bytes(*context_);
  if (most.is_expected) {
    return make_error(ErrorKind::corrupt, shown_ + " sends more than the expected " +
                                              std::to_string(most.bytes) + " bytes");
  }
  return make_error(ErrorKind::rejected,
                    shown_ + " sends " + human_size(bytes) + " or more, over the limit of " +
                        human_size(most.bytes),
                    "raise origins.max_package_size if packages are that large");
}

Result<void> Download::restart() {
  pieces_ = 0;
  version_ = {};
  Result<void> emptied = file_.restart();
  our_fault_ = our_fault_ || !emptied;
  return emptied;
}

Result<void> Download::start_over() {
  past_caches_ = true;
  return restart();
}

Result<Artifact> Download::finish() {
  return file_.finish(context_->source.format());
}

}  // namespace athanor::worker

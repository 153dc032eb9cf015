#pragma once

#include "shared/base/result.hpp"
#include "shared/protocol/job.hpp"
#include "worker/pipeline/job_context.hpp"
#include "worker/pipeline/scratch_file.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace athanor::worker {

// How one request of a download went.
struct Asked {
  FetchAttempt attempt;                                    // for the report, without the host
  std::optional<Error> error;                              // absent: all bytes are there
  std::optional<std::chrono::milliseconds> retry_after{};  // the origin's own word
  unsigned requests = 1;                                   // sent
  bool gained = false;  // there is now more of the file than ever before, enough to count
  bool ours = false;    // the failure is this machine's (its disk), not the origin's
};

// A source's bytes on their way into the scratch folder, over as many requests as it takes: what
// has arrived stays, and only the rest is asked for again (Range, with If-Range where the origin
// named its version). An origin that answers with the whole file, or whose file has another size by
// now, begins it anew. Bytes of several origins are put together only if an input names their hash,
// which proves the result whatever it was made of. Not thread-safe; the context outlives it.
class Download {
 public:
  static Result<Download> begin(JobContext& context);

  // Sends one request (two, if the rest turns out to be of another file).
  Asked ask(const std::string& url);

  // Whether what is there came in several pieces.
  bool is_pieced() const { return pieces_ > 1; }
  // Forgets what has arrived; what is asked for next comes from the origin itself, not from a
  // cache.
  Result<void> start_over();
  // REQUIRES: the last ask() had no error. Nothing may be asked afterwards.
  Result<Artifact> finish();

 private:
  // What is known of the file that the bytes are of.
  struct Version {
    std::string url;                     // that named it
    std::string validator;               // strong ETag or Last-Modified; empty if there was none
    std::optional<std::uint64_t> total;  // bytes
  };

  Download(JobContext& context, ScratchFile file);

  Asked ask_once(const std::string& url);
  bool may_resume(const std::string& url) const;
  HttpRequest request_for(const std::string& url);
  // Looks at the head of a good answer and prepares the file for what follows.
  Result<void> on_answer(const std::string& url, const HttpResponse& response);
  Result<void> on_rest(const std::string& url, const HttpResponse& response);
  Result<void> on_bytes(std::span<const std::uint8_t> bytes);
  std::optional<Error> failure_of(const Result<HttpResponse>& answer);
  // Of the whole file, as its origin or else the inputs say.
  std::optional<std::uint64_t> total() const;
  Error too_large(std::uint64_t bytes) const;
  Result<void> restart();

  JobContext* context_;
  ScratchFile file_;
  Version version_;
  std::string shown_;             // the URL under way, redacted
  std::uint64_t asked_from_ = 0;  // where the range under way begins; 0: all was asked for
  std::uint64_t furthest_ = 0;    // the most bytes that ever were there
  std::uint64_t received_ = 0;    // in the request under way
  unsigned pieces_ = 0;           // answers that what is there consists of
  bool is_other_file_ = false;    // the answer's rest doesn't belong to what is there
  bool past_caches_ = false;
  bool our_fault_ = false;
};

}  // namespace athanor::worker

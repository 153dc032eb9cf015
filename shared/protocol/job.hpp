#pragma once

#include "shared/base/ids.hpp"
#include "shared/base/result.hpp"
#include "shared/conda/artifact.hpp"
#include "shared/digest/digest.hpp"
#include "shared/protocol/solve.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// What coordinator and worker say to each other about one job, as plain values.
namespace athanor {

// One format of a source that stands in the store.
struct StoredFormat {
  Format format = Format::conda;
  std::string hash;        // hex, as in the key: MD5 for conda, SHA-256 for pypi
  std::uint64_t size = 0;  // bytes
  std::string key;

  friend bool operator==(const StoredFormat&, const StoredFormat&) = default;
};

// What a job is for.
enum class JobKind {
  package,  // make one source present in the store in the wanted formats
  solve,    // choose exact packages
};

// A job. One of a kind with the same identity as another is the same job.
struct JobSpec {
  // Canonical, without credentials: the identity. Of a solve: solve_identity() of its request.
  std::string source_url;
  std::string
      fetch_url;  // as the input spells it; may hold credentials: never journaled, never logged
  PackageType type = PackageType::conda;
  // What inputs say about the source's own bytes. Inputs may disagree about a URL whose content
  // changed; bytes that match any of them are good. Empty: nothing is known, anything is accepted.
  std::vector<ExpectedDigest> expected;
  std::vector<Format> wanted;  // formats to be made present, source format included if wanted
  std::vector<StoredFormat> present;  // what the survey found already
  // When the package was built, in milliseconds since 1970, as its channel's index says; 0 if that
  // isn't known. What is younger than a content network needs may be missing only for now.
  std::uint64_t built_ms = 0;
  // What is to be solved; then everything above but the identity is empty.
  std::optional<SolveRequest> solve{};
  // Requests that this attempt may make of its origin, the fleet's rate being shared out; 0: as
  // many as the worker finds right. Said with each grant, never journaled.
  std::uint32_t requests = 0;

  JobKind kind() const { return solve ? JobKind::solve : JobKind::package; }

  friend bool operator==(const JobSpec&, const JobSpec&) = default;
};

// "solve:" and a hash of everything in the request but what is needed to fetch: equal requests are
// one job, whoever asks.
std::string solve_identity(const SolveRequest& request);
inline constexpr std::string_view k_solve_prefix = "solve:";
JobSpec make_solve_job(SolveRequest request);

// (job, attempt) under one coordinator epoch: who holds it may report. A job's attempt grows each
// time it is granted, the epoch each time a coordinator starts on a journal.
struct LeaseKey {
  std::uint64_t epoch = 0;
  JobId job;
  std::uint32_t attempt = 0;

  friend auto operator<=>(const LeaseKey&, const LeaseKey&) = default;
};

// Stages of a job, in order. A package goes through the first five, a solve fetches and solves.
enum class Stage { locate, fetch, verify, transmute, publish, solve };
std::string_view to_string(Stage stage);

// Where the bytes came from.
enum class Provenance {
  none,    // nothing was needed: everything stood in the store already
  local,   // a package directory of the worker's machine
  store,   // the store, in the other format
  origin,  // the web (or a file:// origin)
};
std::string_view to_string(Provenance provenance);

// How one request for a source's bytes ended.
enum class AttemptEnd {
  done,     // it brought what was missing
  broken,   // no answer, or one that was cut, stalled or not to be understood
  busy,     // the origin is overloaded or wants to be left alone: 429, 503, other 5xx
  missing,  // the origin doesn't have the file: 404, 410
  lagging,  // missing there, though another origin has it: it will come
  refused,  // no permission, a bad certificate, too many redirects, too many bytes
  altered,  // the bytes aren't what the inputs say
  skipped,  // not asked: the origin has failed too often lately and is given a rest
};
std::string_view to_string(AttemptEnd end);

// One request to an origin, kept so that a person can ask later why a job took so long or failed.
struct FetchAttempt {
  static constexpr std::size_t k_told = 32;  // in one report; of more the last ones

  std::string host;  // "repo.example:8443"; never with credentials
  AttemptEnd end = AttemptEnd::done;
  int status = 0;           // HTTP; 0: there was no answer
  std::uint64_t bytes = 0;  // of the body that arrived in this attempt
  std::string error;        // for a person, redacted; empty if it is done

  friend bool operator==(const FetchAttempt&, const FetchAttempt&) = default;
};

struct JobSuccess {
  std::vector<StoredFormat> formats;    // every wanted format, plus what was there
  std::optional<Digest> source_digest;  // of the source's own format, if its bytes were seen
  Provenance provenance = Provenance::none;
  std::uint64_t fetched_bytes = 0;  // over the network
  std::uint64_t published_bytes = 0;
  std::uint32_t transmuted = 0;  // formats made here
  std::uint32_t adopted = 0;     // formats that another writer had published meanwhile
  std::vector<std::string> warnings;
  std::vector<std::pair<Stage, std::chrono::milliseconds>> stage_times;
  std::optional<SolveSuccess> solve{};  // of a solve; then only fetched_bytes above says anything
  // Of the origin, for the fleet's share; never journaled: requests made, failed ones included, and
  // how many of them it answered with "too many".
  std::uint32_t requests = 0;
  std::uint32_t throttled = 0;
  std::vector<FetchAttempt> attempts;  // the last FetchAttempt::k_told, in order
};

struct JobFailure {
  Stage stage = Stage::locate;
  ErrorKind kind = ErrorKind::bug;
  std::string message;  // for a person, redacted
  std::string hint;
  // What explains the message, a line each: which requirements contradict each other.
  std::vector<std::string> details{};
  std::uint64_t fetched_bytes = 0;
  // When the origin said not to come back earlier (Retry-After).
  std::optional<std::chrono::milliseconds> retry_after;
  std::uint32_t requests = 0;  // as JobSuccess's
  std::uint32_t throttled = 0;
  // The package is so new that its origins don't have it everywhere yet: the job is worth another
  // try later than usual, and nobody need slow down.
  bool lagging = false;
  std::vector<FetchAttempt> attempts{};  // the last FetchAttempt::k_told, in order
};

}  // namespace athanor

#pragma once

#include "shared/protocol/messages.hpp"
#include "shared/protocol/rules.hpp"

#include <string_view>
#include <type_traits>

// Every message's fields, said once for both directions. A visitor is a Writer, which sees constant
// values, or a Reader, which fills them in. PROTOCOL.md repeats this for people.
namespace athanor::protocol {

template <typename Visitor, typename T>
using Seen = std::conditional_t<Visitor::k_reads, T, const T>;

inline constexpr ListOf<Lease> k_leases_rule{.max = limits::k_worker_jobs};

template <typename V>
void fields(V& v, Seen<V, Capacity>& m) {
  v.field("jobs", m.jobs, Uint{.min = 1, .max = limits::k_worker_jobs});
  v.field("cpu", m.cpu, Uint{.min = 1, .max = limits::k_worker_jobs});
  v.field("slots", m.slots, Uint{.max = limits::k_worker_jobs, .need = Need::optional});
}

template <typename V>
void fields(V& v, Seen<V, WorkSettings>& m) {
  v.field("store", m.store_url, k_url_rule);
  v.field("packages_root", m.packages_root, Text{.min = 1, .max = limits::k_filename_bytes});
  v.field("environments_root", m.environments_root,
          Text{.min = 1, .max = limits::k_filename_bytes});
  v.field("zstd_level", m.zstd_level, Uint{.min = 1, .max = 19});
  v.field("origin_map", m.origin_map, TextMap{.max_items = 256, .max_text = limits::k_url_bytes});
  v.field("package_dirs", m.package_dirs,
          ListOf<Text>{.max = 256, .item = {.min = 1, .max = limits::k_url_bytes}});
  v.field("file_origins", m.allow_file_origins, Flag{});
  v.field("mirrors", m.mirrors, TextMap{.max_items = 256, .max_text = limits::k_url_bytes});
  v.field("max_package_bytes", m.max_package_bytes, Uint{.need = Need::optional});
  v.field("contact", m.contact, Text{.max = limits::k_filename_bytes, .need = Need::optional});
}

template <typename V>
void fields(V& v, Seen<V, StoredFormat>& m) {
  v.field("format", m.format, Choice{});
  v.field("hash", m.hash, HexHash{});
  v.field("size", m.size, Uint{});
  v.field("key", m.key, k_key_rule);
}

template <typename V>
void fields(V& v, Seen<V, ExpectedDigest>& m) {
  v.field("md5", m.md5, Raw{});
  v.field("sha256", m.sha256, Raw{});
  v.field("size", m.size, Uint{.need = Need::optional});
}

template <typename V>
void fields(V& v, Seen<V, Digest>& m) {
  v.field("md5", m.md5, Raw{.need = Need::required});
  v.field("sha256", m.sha256, Raw{.need = Need::required});
  v.field("size", m.size, Uint{});
}

// Of one job to one origin.
inline constexpr Uint k_requests_rule{.max = 1'000'000, .need = Need::optional};
inline constexpr Text k_spec_rule{.min = 1, .max = limits::k_spec_bytes};
inline constexpr ListOf<Text> k_specs_rule{.max = limits::k_solve_specs, .item = k_spec_rule};
// Parts of a package's name: a version or a build may be empty in a record of an index.
inline constexpr Text k_name_rule{.min = 1, .max = limits::k_filename_bytes};
inline constexpr Text k_part_rule{.max = limits::k_filename_bytes, .need = Need::optional};
inline constexpr ListOf<Object> k_subdirs_rule{.max = 2 * limits::k_solve_channels};

template <typename V>
void fields(V& v, Seen<V, SolveChannel>& m) {
  v.field("url", m.url, k_url_rule);
  v.field("fetch", m.fetch_url, Text{.max = limits::k_url_bytes, .need = Need::optional});
}

template <typename V>
void fields(V& v, Seen<V, RepodataPin>& m) {
  v.field("url", m.url, k_url_rule);
  v.field("digest", m.digest, Raw{.need = Need::required});
}

template <typename V>
void fields(V& v, Seen<V, VirtualPackage>& m) {
  v.field("name", m.name, k_name_rule);
  v.field("version", m.version, k_name_rule);
  v.field("build", m.build, k_part_rule);
}

template <typename V>
void fields(V& v, Seen<V, LockedPackage>& m) {
  v.field("name", m.name, k_name_rule);
  v.field("version", m.version, k_name_rule);
  v.field("build", m.build, k_part_rule);
  v.field("hold", m.hold, Choice{});
}

template <typename V>
void fields(V& v, Seen<V, SolveRequest>& m) {
  v.field("channels", m.channels,
          ListOf<Object>{
              .min = 1, .max = limits::k_solve_channels, .item = {}, .need = Need::required});
  v.field("platform", m.platform, k_word_rule);
  v.field("specs", m.specs, k_specs_rule);
  v.field("pins", m.pins, k_specs_rule);
  v.field("virtual", m.virtual_packages, ListOf<Object>{.max = limits::k_virtual_packages});
  v.field("locked", m.locked, ListOf<Object>{.max = limits::k_solve_specs});
  v.field("priority", m.channel_priority, Choice{});
  v.field("exclude_newer", m.exclude_newer, Uint{.need = Need::optional});
  v.field("pip", m.python_brings_pip, Flag{});
  v.field("prune", m.prune, Flag{.need = Need::required});
  v.field("rank", m.rank_variants, Flag{.need = Need::required});
  v.field(
      "limit_ms", m.time_limit,
      Millis{.min = 1, .max = static_cast<std::uint64_t>(limits::k_solve_time_ceiling.count())});
  v.field("repodata", m.repodata, k_subdirs_rule);
}

template <typename V>
void fields(V& v, Seen<V, PackageTwin>& m) {
  v.field("url", m.url, k_url_rule);
  v.field("digest", m.digest, Object{});
}

template <typename V>
void fields(V& v, Seen<V, SolvedPackage>& m) {
  v.field("url", m.url, k_url_rule);
  v.field("name", m.name, k_name_rule);
  v.field("version", m.version, k_name_rule);
  v.field("build", m.build, k_part_rule);
  v.field("build_number", m.build_number, Uint{.need = Need::optional});
  v.field("channel", m.channel, k_url_rule);
  v.field("subdir", m.subdir, k_word_rule);
  v.field("digest", m.digest, Object{});
  const ListOf<Text> specs{.max = limits::k_package_specs, .item = {.max = limits::k_spec_bytes}};
  v.field("depends", m.depends, specs);
  v.field("constrains", m.constrains, specs);
  v.field("noarch", m.noarch, k_part_rule);
  v.field("timestamp", m.timestamp, Uint{.need = Need::optional});
  v.field("twin", m.twin, Object{.need = Need::optional});
}

template <typename V>
void fields(V& v, Seen<V, SolveSuccess>& m) {
  v.field("packages", m.packages, ListOf<Object>{.max = limits::k_solved_packages});
  v.field("key", m.solve_key, HexHash{});
  v.field("repodata", m.repodata, k_subdirs_rule);
  v.field("reach", m.reach,
          ListOf<Text>{.max = limits::k_message_array_items, .item = k_name_rule});
  v.field("solver", m.solver, Text{.min = 1, .max = limits::k_filename_bytes});
  v.field("warnings", m.warnings, ListOf<Words>{.max = 64});
  v.field("load_ms", m.load_time, Millis{.max = k_day_ms});
  v.field("solve_us", m.solve_microseconds, Uint{});
}

template <typename V>
void fields(V& v, Seen<V, JobSpec>& m) {
  v.field("source", m.source_url, k_url_rule);
  v.field("fetch", m.fetch_url, k_url_rule);
  v.field("type", m.type, Choice{});
  v.field("expected", m.expected, ListOf<Object>{.max = 64});
  v.field("wanted", m.wanted, ListOf<Choice>{.max = 2});
  v.field("present", m.present, ListOf<Object>{.max = 5});
  v.field("solve", m.solve, Object{.need = Need::optional});
  v.field("requests", m.requests, k_requests_rule);
  v.field("built_ms", m.built_ms, Uint{.need = Need::optional});
}

template <typename V>
void fields(V& v, Seen<V, FetchAttempt>& m) {
  v.field("host", m.host, Words{});
  v.field("end", m.end, Choice{});
  v.field("status", m.status, Uint{.max = 999, .need = Need::optional});
  v.field("bytes", m.bytes, Uint{.need = Need::optional});
  v.field("error", m.error, Words{});
}

template <typename V>
void fields(V& v, Seen<V, JobSuccess>& m) {
  v.field("formats", m.formats, ListOf<Object>{.max = 5});
  v.field("source_digest", m.source_digest, Object{.need = Need::optional});
  v.field("provenance", m.provenance, Choice{});
  v.field("fetched", m.fetched_bytes, Uint{.need = Need::optional});
  v.field("published", m.published_bytes, Uint{.need = Need::optional});
  v.field("transmuted", m.transmuted, Uint{.max = 5, .need = Need::optional});
  v.field("adopted", m.adopted, Uint{.max = 5, .need = Need::optional});
  v.field("warnings", m.warnings, ListOf<Words>{.max = 64});
  v.field("times", m.stage_times, ListOf<StageTime>{.max = 16});
  v.field("solve", m.solve, Object{.need = Need::optional});
  v.field("requests", m.requests, k_requests_rule);
  v.field("throttled", m.throttled, k_requests_rule);
  v.field("attempts", m.attempts, ListOf<Object>{.max = FetchAttempt::k_told});
}

template <typename V>
void fields(V& v, Seen<V, JobFailure>& m) {
  v.field("stage", m.stage, Choice{});
  v.field("kind", m.kind, Choice{});
  v.field("message", m.message, Words{});
  v.field("hint", m.hint, Words{});
  v.field("details", m.details, ListOf<Words>{.max = 64});
  v.field("fetched", m.fetched_bytes, Uint{.need = Need::optional});
  v.field("retry_after_ms", m.retry_after, Millis{.max = 7 * k_day_ms, .need = Need::optional});
  v.field("requests", m.requests, k_requests_rule);
  v.field("throttled", m.throttled, k_requests_rule);
  v.field("lagging", m.lagging, Flag{});
  v.field("attempts", m.attempts, ListOf<Object>{.max = FetchAttempt::k_told});
}

template <typename V>
void fields(V& v, Seen<V, JobProgress>& m) {
  v.field("lease", m.lease, Lease{});
  v.field("stage", m.stage, Choice{});
  v.field("bytes", m.bytes, Uint{.need = Need::optional});
  v.field("steps", m.steps, Uint{.need = Need::optional});
  v.field("waiting", m.waiting, Flag{});
}

template <typename V>
void fields(V& v, Seen<V, GrantedJob>& m) {
  v.field("lease", m.lease, Lease{});
  v.field("spec", m.spec, Object{});
  v.field("first", m.first, Flag{});
}

template <typename V>
void fields(V& v, Seen<V, Hello>& m) {
  v.field("protocol_min", m.protocol_min, Uint{.min = 1, .max = 255});
  v.field("protocol_max", m.protocol_max, Uint{.min = 1, .max = 255});
  v.field("name", m.name, Text{.min = 1, .max = limits::k_filename_bytes});
  v.field("version", m.version, k_word_rule);
  v.field("features", m.features, ListOf<Text>{.max = 64, .item = k_word_rule});
  v.field("capacity", m.capacity, Object{});
  v.field("running", m.running, k_leases_rule);
}

template <typename V>
void fields(V& v, Seen<V, Renew>& m) {
  v.field("session", m.session, k_session_rule);
  v.field("running", m.running, ListOf<Object>{.max = limits::k_worker_jobs});
}

template <typename V>
void fields(V& v, Seen<V, Report>& m) {
  v.field("session", m.session, k_session_rule);
  v.field("lease", m.lease, Lease{});
  v.either("success", "failure", m.outcome);
}

template <typename V>
void fields(V& v, Seen<V, Release>& m) {
  v.field("session", m.session, k_session_rule);
  v.field("leases", m.leases, k_leases_rule);
}

template <typename V>
void fields(V& v, Seen<V, Goodbye>& m) {
  v.field("session", m.session, k_session_rule);
}

template <typename V>
void fields(V& v, Seen<V, Welcome>& m) {
  v.field("session", m.session, k_session_rule);
  v.field("epoch", m.epoch, Uint{.min = 1});
  v.field("protocol", m.protocol, Uint{.min = 1, .max = 255});
  v.field("heartbeat_ms", m.heartbeat_interval, Millis{.min = 1, .max = k_day_ms});
  v.field("lease_ms", m.lease_duration, Millis{.min = 1, .max = k_day_ms});
  v.field("settings", m.settings, Object{});
  v.field("adopted", m.adopted, k_leases_rule);
}

template <typename V>
void fields(V& v, Seen<V, Reject>& m) {
  v.field("reason", m.reason, Words{});
}

template <typename V>
void fields(V& v, Seen<V, Grant>& m) {
  v.field("jobs", m.jobs, ListOf<Object>{.max = limits::k_worker_jobs});
}

template <typename V>
void fields(V& v, Seen<V, ReportAck>& m) {
  v.field("lease", m.lease, Lease{});
}

template <typename V>
void fields(V& v, Seen<V, Revoke>& m) {
  v.field("leases", m.leases, k_leases_rule);
}

template <typename V>
void fields(V& /*v*/, Seen<V, Pulse>& /*m*/) {}

template <typename V>
void fields(V& /*v*/, Seen<V, Drain>& /*m*/) {}

template <typename V>
void fields(V& v, Seen<V, Retract>& m) {
  v.field("leases", m.leases, k_leases_rule);
}

// Whether the fields agree with each other: what is wrong, or nothing.
template <typename T>
constexpr std::string_view disagreement(const T& /*message*/) {
  return {};
}
std::string_view disagreement(const SolveRequest& request);
std::string_view disagreement(const JobSpec& spec);
std::string_view disagreement(const Hello& hello);
std::string_view disagreement(const Welcome& welcome);

}  // namespace athanor::protocol

#include "tests/unit/shared_protocol/samples.hpp"

namespace athanor::protocol::test {

using std::chrono::milliseconds;

namespace {

constexpr LeaseKey k_lease{.epoch = 3, .job = {41}, .attempt = 2};
constexpr std::uint64_t k_session = 0xfeedfacecafebeefU;

Digest sample_digest() {
  return {.md5 = *Md5::from_hex("0123456789abcdef0123456789abcdef"),
          .sha256 = *Sha256::from_hex(std::string(64, 'a')),
          .size = 812};
}

StoredFormat sample_stored() {
  return {.format = Format::tar_bz2,
          .hash = "0123456789abcdef0123456789abcdef",
          .size = 812,
          .key =
              "packages/conda/repo.example/main/noarch/x-1-0.tar.bz2/x-1-0.tar.bz2/"
              "0123456789abcdef0123456789abcdef/x-1-0.tar.bz2"};
}

Hello sample_hello() {
  return {.protocol_min = 1,
          .protocol_max = 1,
          .name = "builder-7/4711",
          .version = "0.1.0",
          .features = {"package"},
          .capacity = {.jobs = 8, .cpu = 4},
          .running = {k_lease}};
}

Welcome sample_welcome() {
  return {.session = k_session,
          .epoch = 3,
          .protocol = 1,
          .heartbeat_interval = milliseconds(2000),
          .lease_duration = milliseconds(8000),
          .settings = {.store_url = "file:///srv/store",
                       .packages_root = "packages",
                       .environments_root = "envs",
                       .zstd_level = 16,
                       .origin_map = {{"https://repo.example/", "https://mirror.example/r/"}},
                       .package_dirs = {"/opt/pkgs"},
                       .allow_file_origins = true,
                       .mirrors = {{"https://repo.example/", "https://b.example/r weight=3"}},
                       .max_package_bytes = 1U << 30U,
                       .contact = "ops@example.com"},
          .adopted = {k_lease}};
}

JobSuccess sample_success() {
  return {.formats = {sample_stored()},
          .source_digest = sample_digest(),
          .provenance = Provenance::origin,
          .fetched_bytes = 812,
          .published_bytes = 1600,
          .transmuted = 1,
          .adopted = 1,
          .warnings = {"the origin sent no length"},
          .stage_times = {{Stage::fetch, milliseconds(120)}, {Stage::publish, milliseconds(7)}},
          .attempts = {{.host = "mirror.example",
                        .end = AttemptEnd::lagging,
                        .status = 404,
                        .bytes = 0,
                        .error = "it has no such file"},
                       {.host = "repo.example:8443",
                        .end = AttemptEnd::done,
                        .status = 206,
                        .bytes = 812,
                        .error = {}}}};
}

JobFailure sample_failure() {
  return {.stage = Stage::fetch,
          .kind = ErrorKind::retry,
          .message = "https://repo.example/main/noarch/x-1-0.tar.bz2 answered 503",
          .hint = "try again later",
          .fetched_bytes = 12,
          .retry_after = milliseconds(30'000),
          .lagging = true,
          .attempts = {{.host = "repo.example",
                        .end = AttemptEnd::busy,
                        .status = 503,
                        .bytes = 12,
                        .error = "it answered 503"}}};
}

}  // namespace

JobSpec sample_spec() {
  const Digest digest = sample_digest();
  return {.source_url = "https://repo.example/main/noarch/x-1-0.tar.bz2",
          .fetch_url = "https://user:secret@repo.example/main/noarch/x-1-0.tar.bz2",
          .type = PackageType::conda,
          .expected = {{.md5 = digest.md5, .sha256 = digest.sha256, .size = digest.size},
                       {.md5 = {}, .sha256 = digest.sha256, .size = {}}},
          .wanted = {Format::tar_bz2, Format::conda},
          .present = {sample_stored()},
          .built_ms = 1'769'821'323'000};
}

SolveRequest sample_request() {
  return {.channels = {{.url = "https://repo.example/main",
                        .fetch_url = "https://user:secret@repo.example/main"}},
          .platform = "linux-64",
          .specs = {"python 3.12.*", "numpy >=2"},
          .pins = {"openssl 3.*"},
          .virtual_packages = {{.name = "__glibc", .version = "2.17", .build = "0"}},
          .locked = {{.name = "zlib", .version = "1.3", .build = "h0_0", .hold = LockHold::prefer}},
          .channel_priority = ChannelPriority::strict,
          .exclude_newer = 1'700'000'000'000,
          .python_brings_pip = true,
          .prune = true,
          .rank_variants = true,
          .time_limit = milliseconds(30'000),
          .repodata = {
              {.url = "https://repo.example/main/linux-64", .digest = sample_digest().sha256}}};
}

SolveSuccess sample_solution() {
  const Digest digest = sample_digest();
  return {
      .packages = {{.url = "https://repo.example/main/noarch/x-1-py_0.conda",
                    .name = "x",
                    .version = "1",
                    .build = "py_0",
                    .build_number = 3,
                    .channel = "https://repo.example/main",
                    .subdir = "noarch",
                    .digest = {.md5 = digest.md5, .sha256 = digest.sha256, .size = digest.size},
                    .depends = {"python >=3.9"},
                    .constrains = {"y <2"},
                    .noarch = "python",
                    .timestamp = 1'700'000'000'000,
                    .twin = PackageTwin{.url = "https://repo.example/main/noarch/x-1-py_0.tar.bz2",
                                        .digest = {.md5 = digest.md5, .sha256 = {}, .size = {}}}}},
      .solve_key = std::string(64, 'b'),
      .repodata = {{.url = "https://repo.example/main/noarch", .digest = digest.sha256}},
      .reach = {"python", "x"},
      .solver = "athanor 0.1.0, libsolv 0.7.23",
      .warnings = {"2 records of the index can't be read"},
      .load_time = milliseconds(12),
      .solve_microseconds = 4711};
}

std::vector<std::pair<std::string, Message>> sample_messages() {
  JobSuccess solved;
  solved.fetched_bytes = 47;
  solved.stage_times = {{Stage::solve, milliseconds(5)}};
  solved.solve = sample_solution();
  JobFailure impossible;
  impossible.stage = Stage::solve;
  impossible.kind = ErrorKind::invalid;
  impossible.message = "these requirements contradict each other";
  impossible.details = {"'python 3.12.*' was asked for", "x 1 needs 'python <3.10'"};
  JobSpec least = sample_spec();
  least.expected.clear();
  least.present.clear();
  least.wanted = {Format::conda};
  Hello with_slots = sample_hello();
  with_slots.capacity.slots = 4;
  JobSpec paced = least;
  paced.requests = 1;
  JobSuccess counted = sample_success();
  counted.requests = 3;
  counted.throttled = 1;
  JobFailure throttled = sample_failure();
  throttled.requests = 2;
  throttled.throttled = 2;
  return {
      {"hello", sample_hello()},
      {"renew",
       Renew{
           .session = k_session,
           .running = {{.lease = k_lease, .stage = Stage::transmute, .bytes = 4096, .steps = 17}}}},
      {"renew_idle", Renew{.session = k_session, .running = {}}},
      {"report_success",
       Report{.session = k_session, .lease = k_lease, .outcome = sample_success()}},
      {"report_failure",
       Report{.session = k_session, .lease = k_lease, .outcome = sample_failure()}},
      {"release", Release{.session = k_session, .leases = {k_lease}}},
      {"goodbye", Goodbye{.session = k_session}},
      {"welcome", sample_welcome()},
      {"reject", Reject{.reason = "protocol 9 is not spoken here; this is athanor 0.1.0"}},
      {"grant", Grant{.jobs = {{.lease = k_lease, .spec = sample_spec()}}}},
      {"grant_least", Grant{.jobs = {{.lease = k_lease, .spec = least}}}},
      {"grant_solve",
       Grant{.jobs = {{.lease = k_lease, .spec = make_solve_job(sample_request())}}}},
      {"report_solved", Report{.session = k_session, .lease = k_lease, .outcome = solved}},
      {"report_unsolved", Report{.session = k_session, .lease = k_lease, .outcome = impossible}},
      {"report_ack", ReportAck{.lease = k_lease}},
      {"revoke", Revoke{.leases = {k_lease}}},
      {"pulse", Pulse{}},
      {"drain", Drain{}},
      {"hello_slots", with_slots},
      {"renew_waiting", Renew{.session = k_session,
                              .running = {{.lease = k_lease,
                                           .stage = Stage::locate,
                                           .bytes = 0,
                                           .steps = 3,
                                           .waiting = true}}}},
      {"grant_paced", Grant{.jobs = {{.lease = k_lease, .spec = paced, .first = true}}}},
      {"report_counted", Report{.session = k_session, .lease = k_lease, .outcome = counted}},
      {"report_throttled", Report{.session = k_session, .lease = k_lease, .outcome = throttled}},
      {"retract", Retract{.leases = {k_lease}}},
  };
}

}  // namespace athanor::protocol::test

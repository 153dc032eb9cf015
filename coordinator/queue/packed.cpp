#include "coordinator/queue/packed.hpp"

#include "shared/protocol/pack.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

namespace athanor::coordinator {
namespace {

constexpr std::uint8_t k_formats = 5;
constexpr std::uint8_t k_stages = 6;

template <std::size_t Size, typename Tag>
void put_hash(PackWriter& out, const HashValue<Size, Tag>& hash) {
  for (const std::uint8_t byte : hash.bytes) {
    out.u8(byte);
  }
}

template <typename Hash>
Hash get_hash(PackReader& in) {
  Hash hash;
  const std::string_view raw = in.raw(hash.bytes.size());
  std::transform(raw.begin(), raw.end(), hash.bytes.begin(),
                 [](char c) { return static_cast<std::uint8_t>(c); });
  return hash;
}

// Enumerators travel as their number; one that this version doesn't know is damage.
template <typename Enum>
Enum get_enum(PackReader& in, std::uint8_t count, bool& valid) {
  const std::uint8_t number = in.u8();
  if (number >= count) {
    valid = false;
    return Enum{};
  }
  return static_cast<Enum>(number);
}

void put_stored(PackWriter& out, const std::vector<StoredFormat>& formats) {
  out.varint(formats.size());
  for (const StoredFormat& format : formats) {
    out.u8(static_cast<std::uint8_t>(format.format));
    out.text(format.hash);
    out.varint(format.size);
    out.text(format.key);
  }
}

std::vector<StoredFormat> get_stored(PackReader& in, bool& valid) {
  std::vector<StoredFormat> formats(in.count());
  for (StoredFormat& format : formats) {
    format.format = get_enum<Format>(in, k_formats, valid);
    format.hash = in.text();
    format.size = in.varint();
    format.key = in.text();
  }
  return formats;
}

enum ExpectedBits : std::uint8_t { k_has_md5 = 1, k_has_sha256 = 2, k_has_size = 4 };

// Wanted formats as a set: the identity must not depend on the order they were asked for in.
std::uint8_t wanted_bits(const std::vector<Format>& wanted) {
  unsigned bits = 0;
  for (const Format format : wanted) {
    bits |= 1U << static_cast<unsigned>(format);
  }
  return static_cast<std::uint8_t>(bits);
}

// Last in what is packed, so that what an earlier version packed, without it, can still be read.
void put_attempts(PackWriter& out, const std::vector<FetchAttempt>& attempts) {
  out.varint(attempts.size());
  for (const FetchAttempt& attempt : attempts) {
    out.text(attempt.host);
    out.u8(static_cast<std::uint8_t>(attempt.end));
    out.varint(static_cast<std::uint64_t>(std::max(0, attempt.status)));
    out.varint(attempt.bytes);
    out.text(attempt.error);
  }
}

std::vector<FetchAttempt> get_attempts(PackReader& in, bool& valid) {
  constexpr std::uint8_t k_ends = 8;
  if (!in.ok() || in.at_end()) {
    return {};
  }
  std::vector<FetchAttempt> attempts(in.count());
  for (FetchAttempt& attempt : attempts) {
    attempt.host = in.text();
    attempt.end = get_enum<AttemptEnd>(in, k_ends, valid);
    attempt.status = static_cast<int>(std::min<std::uint64_t>(in.varint(), 999));
    attempt.bytes = in.varint();
    attempt.error = in.text();
  }
  return attempts;
}

Error damaged(std::string_view what) {
  return make_error(ErrorKind::corrupt, "not a packed " + std::string(what));
}

}  // namespace

void put_expected(PackWriter& out, const ExpectedDigest& expected) {
  out.u8(static_cast<std::uint8_t>((expected.md5 ? k_has_md5 : 0) |
                                   (expected.sha256 ? k_has_sha256 : 0) |
                                   (expected.size ? k_has_size : 0)));
  if (expected.md5) {
    put_hash(out, *expected.md5);
  }
  if (expected.sha256) {
    put_hash(out, *expected.sha256);
  }
  if (expected.size) {
    out.varint(*expected.size);
  }
}

ExpectedDigest get_expected(PackReader& in) {
  ExpectedDigest expected;
  const std::uint8_t bits = in.u8();
  if ((bits & k_has_md5) != 0) {
    expected.md5 = get_hash<Md5>(in);
  }
  if ((bits & k_has_sha256) != 0) {
    expected.sha256 = get_hash<Sha256>(in);
  }
  if ((bits & k_has_size) != 0) {
    expected.size = in.varint();
  }
  return expected;
}

void PackWriter::varint(std::uint64_t value) {
  while (value >= 0x80U) {
    u8(static_cast<std::uint8_t>(value | 0x80U));
    value >>= 7U;
  }
  u8(static_cast<std::uint8_t>(value));
}

void PackWriter::text(std::string_view value) {
  varint(value.size());
  raw(value);
}

std::uint8_t PackReader::u8() {
  if (rest_.empty()) {
    ok_ = false;
    return 0;
  }
  const auto value = static_cast<std::uint8_t>(rest_.front());
  rest_.remove_prefix(1);
  return value;
}

std::uint64_t PackReader::varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const std::uint8_t byte = u8();
    value |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
    if ((byte & 0x80U) == 0) {
      return value;
    }
  }
  ok_ = false;
  return 0;
}

std::string_view PackReader::raw(std::size_t size) {
  if (size > rest_.size()) {
    ok_ = false;
    rest_ = {};
    return {};
  }
  const std::string_view value = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return value;
}

std::string_view PackReader::text() {
  return raw(varint());
}

std::size_t PackReader::count() {
  const std::uint64_t value = varint();
  if (value > rest_.size()) {
    ok_ = false;
    return 0;
  }
  return value;
}

namespace {

void put_solve(PackWriter& out, const SolveRequest& request, FetchUrl fetch_url) {
  if (fetch_url == FetchUrl::keep) {
    out.text(protocol::pack(request));
    return;
  }
  SolveRequest anonymous = request;
  for (SolveChannel& channel : anonymous.channels) {
    channel.fetch_url.clear();
  }
  out.text(protocol::pack(anonymous));
}

}  // namespace

std::string pack_spec(const JobSpec& spec, FetchUrl fetch_url) {
  PackWriter out;
  out.u8(wanted_bits(spec.wanted));
  out.text(spec.source_url);
  // Sizes stand right behind the key, because the order of the queue asks for them.
  std::uint64_t size = 0;
  for (const ExpectedDigest& expected : spec.expected) {
    size = std::max(size, expected.size.value_or(0));
  }
  out.varint(size);
  out.u8(spec.present.empty() ? 0 : 1);
  out.u8(static_cast<std::uint8_t>(spec.type));
  out.varint(spec.expected.size());
  for (const ExpectedDigest& expected : spec.expected) {
    put_expected(out, expected);
  }
  put_stored(out, spec.present);
  const bool keep = fetch_url == FetchUrl::keep && spec.fetch_url != spec.source_url;
  out.text(keep ? std::string_view(spec.fetch_url) : std::string_view());
  if (spec.solve) {
    put_solve(out, *spec.solve, fetch_url);
  } else if (spec.built_ms != 0) {
    out.text({});  // in the place of the solve
    out.varint(spec.built_ms);
  }
  return std::move(out).take();
}

Result<JobSpec> unpack_spec(std::string_view packed) {
  PackReader in(packed);
  bool valid = true;
  JobSpec spec;
  const unsigned wanted = in.u8();
  for (unsigned format = 0; format < k_formats; ++format) {
    if ((wanted & (1U << format)) != 0) {
      spec.wanted.push_back(static_cast<Format>(format));
    }
  }
  spec.source_url = in.text();
  in.varint();  // the size, known from the digests
  in.u8();      // whether anything is present, known from the list
  spec.type = get_enum<PackageType>(in, 2, valid);
  spec.expected.resize(in.count());
  for (ExpectedDigest& expected : spec.expected) {
    expected = get_expected(in);
  }
  spec.present = get_stored(in, valid);
  spec.fetch_url = in.text();
  if (spec.fetch_url.empty()) {
    spec.fetch_url = spec.source_url;
  }
  if (!in.at_end()) {
    const std::string_view solve = in.text();
    if (!solve.empty()) {
      ATHANOR_ASSIGN(spec.solve, protocol::unpack_solve_request(solve));
    }
    spec.built_ms = in.at_end() ? 0 : in.varint();
  }
  if (!in.ok() || !in.at_end() || !valid || (wanted >> k_formats) != 0) {
    return damaged("job");
  }
  return spec;
}

std::string_view packed_key(std::string_view packed) {
  PackReader in(packed);
  in.u8();
  const std::string_view url = in.text();
  if (!in.ok()) {
    return {};
  }
  return packed.substr(0, static_cast<std::size_t>(url.data() - packed.data()) + url.size());
}

std::vector<std::string> possible_keys(std::string_view source_url) {
  std::vector<std::string> keys;
  for (unsigned wanted = 0; wanted < (1U << k_formats); ++wanted) {
    PackWriter out;
    out.u8(static_cast<std::uint8_t>(wanted));
    out.text(source_url);
    keys.push_back(std::move(out).take());
  }
  return keys;
}

std::string_view packed_url(std::string_view packed) {
  PackReader in(packed);
  in.u8();
  return in.text();
}

std::uint64_t packed_size(std::string_view packed) {
  PackReader in(packed);
  in.u8();
  in.text();
  return in.varint();
}

bool packed_has_present(std::string_view packed) {
  PackReader in(packed);
  in.u8();
  in.text();
  in.varint();
  return in.u8() != 0;
}

std::string pack_success(const JobSuccess& success) {
  PackWriter out;
  put_stored(out, success.formats);
  out.u8(success.source_digest ? 1 : 0);
  if (success.source_digest) {
    put_hash(out, success.source_digest->md5);
    put_hash(out, success.source_digest->sha256);
    out.varint(success.source_digest->size);
  }
  out.u8(static_cast<std::uint8_t>(success.provenance));
  out.varint(success.fetched_bytes);
  out.varint(success.published_bytes);
  out.varint(success.transmuted);
  out.varint(success.adopted);
  out.varint(success.warnings.size());
  for (const std::string& warning : success.warnings) {
    out.text(warning);
  }
  out.varint(success.stage_times.size());
  for (const auto& [stage, time] : success.stage_times) {
    out.u8(static_cast<std::uint8_t>(stage));
    out.varint(static_cast<std::uint64_t>(std::max<std::int64_t>(0, time.count())));
  }
  put_attempts(out, success.attempts);
  if (success.solve) {
    out.text(protocol::pack(*success.solve));
  }
  return std::move(out).take();
}

Result<JobSuccess> unpack_success(std::string_view packed) {
  PackReader in(packed);
  bool valid = true;
  JobSuccess success;
  success.formats = get_stored(in, valid);
  if (in.u8() != 0) {
    Digest digest;
    digest.md5 = get_hash<Md5>(in);
    digest.sha256 = get_hash<Sha256>(in);
    digest.size = in.varint();
    success.source_digest = digest;
  }
  success.provenance = get_enum<Provenance>(in, 4, valid);
  success.fetched_bytes = in.varint();
  success.published_bytes = in.varint();
  success.transmuted = static_cast<std::uint32_t>(in.varint());
  success.adopted = static_cast<std::uint32_t>(in.varint());
  success.warnings.resize(in.count());
  for (std::string& warning : success.warnings) {
    warning = in.text();
  }
  success.stage_times.resize(in.count());
  for (auto& [stage, time] : success.stage_times) {
    stage = get_enum<Stage>(in, k_stages, valid);
    time = std::chrono::milliseconds(static_cast<std::int64_t>(in.varint()));
  }
  success.attempts = get_attempts(in, valid);
  if (!in.at_end()) {
    ATHANOR_ASSIGN(success.solve, protocol::unpack_solve_success(in.text()));
  }
  if (!in.ok() || !in.at_end() || !valid) {
    return damaged("success");
  }
  return success;
}

std::string pack_failure(const JobFailure& failure) {
  PackWriter out;
  out.u8(static_cast<std::uint8_t>(failure.stage));
  out.u8(static_cast<std::uint8_t>(failure.kind));
  out.text(failure.message);
  out.text(failure.hint);
  out.varint(failure.fetched_bytes);
  out.u8(failure.retry_after ? 1 : 0);
  if (failure.retry_after) {
    out.varint(static_cast<std::uint64_t>(std::max<std::int64_t>(0, failure.retry_after->count())));
  }
  out.u8(failure.lagging ? 1 : 0);
  put_attempts(out, failure.attempts);
  if (!failure.details.empty()) {
    out.varint(failure.details.size());
    for (const std::string& line : failure.details) {
      out.text(line);
    }
  }
  return std::move(out).take();
}

Result<JobFailure> unpack_failure(std::string_view packed) {
  PackReader in(packed);
  bool valid = true;
  JobFailure failure;
  failure.stage = get_enum<Stage>(in, k_stages, valid);
  failure.kind = get_enum<ErrorKind>(in, 8, valid);
  failure.message = in.text();
  failure.hint = in.text();
  failure.fetched_bytes = in.varint();
  if (in.u8() != 0) {
    failure.retry_after = std::chrono::milliseconds(static_cast<std::int64_t>(in.varint()));
  }
  failure.lagging = !in.at_end() && in.u8() != 0;
  failure.attempts = get_attempts(in, valid);
  if (!in.at_end()) {
    failure.details.resize(in.count());
    for (std::string& line : failure.details) {
      line = in.text();
    }
  }
  if (!in.ok() || !in.at_end() || !valid) {
    return damaged("failure");
  }
  return failure;
}

}  // namespace athanor::coordinator

#pragma once

#include "shared/base/result.hpp"
#include "shared/protocol/job.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// Specs and outcomes as one run of bytes each: a million queued jobs stay small in memory, and the
// journal stores the same bytes. The layout is part of the journal's schema version; see
// coordinator/journal/FORMAT.md.
namespace athanor::coordinator {

// fetch_url may hold credentials, so it is kept in memory only.
enum class FetchUrl { keep, drop };

std::string pack_spec(const JobSpec& spec, FetchUrl fetch_url);
// corrupt: the bytes are no packed spec. A dropped fetch_url comes back as the source_url.
Result<JobSpec> unpack_spec(std::string_view packed);

// The part of a packed spec that is the job's identity: wanted formats and source URL. Two specs
// are the same job if and only if these bytes are equal. Empty if `packed` is no packed spec.
std::string_view packed_key(std::string_view packed);
// Every key that a job for this source may have.
std::vector<std::string> possible_keys(std::string_view source_url);
// The source URL within a packed spec or a key.
std::string_view packed_url(std::string_view packed);
// The largest size that the inputs give for the source's bytes; 0: unknown.
std::uint64_t packed_size(std::string_view packed);
// Whether the store already holds a format of it: then no origin needs to be asked.
bool packed_has_present(std::string_view packed);

std::string pack_success(const JobSuccess& success);
Result<JobSuccess> unpack_success(std::string_view packed);

std::string pack_failure(const JobFailure& failure);
Result<JobFailure> unpack_failure(std::string_view packed);

// Building blocks, for the journal's own records and submission documents. Reading past the end or
// a count that can't be true makes the reader failed and every later value empty; ask ok() once, at
// the end.
class PackWriter {
 public:
  void u8(std::uint8_t value) { bytes_.push_back(static_cast<char>(value)); }
  void varint(std::uint64_t value);
  void text(std::string_view value);
  void raw(std::string_view value) { bytes_.append(value); }
  std::string take() && { return std::move(bytes_); }

 private:
  std::string bytes_;
};

class PackReader {
 public:
  explicit PackReader(std::string_view bytes)
      : rest_(bytes) {}

  std::uint8_t u8();
  std::uint64_t varint();
  std::string_view text();
  std::string_view raw(std::size_t size);
  // A count of items that take at least one byte each.
  std::size_t count();
  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

// What inputs say about a source's bytes; nothing about them takes one byte.
void put_expected(PackWriter& out, const ExpectedDigest& expected);
ExpectedDigest get_expected(PackReader& in);

}  // namespace athanor::coordinator

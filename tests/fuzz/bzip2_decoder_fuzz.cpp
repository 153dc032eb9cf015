// Our decoder against libbz2: both accept with the same bytes, or both refuse. Allowed differences:
//   - randomised blocks: libbz2 reads them, we refuse with ErrorKind::unsupported;
//   - a code table with more codes than fit into its lengths, which no writer makes: libbz2 decodes
//     what its search happens to find, we refuse the table when a group uses it.
// The check values are repaired first. Any number of threads must give the same.

#include "shared/archive/bzip2_decoder.hpp"
#include "shared/base/check.hpp"
#include "tests/fuzz/bzip2_repair.hpp"
#include "tests/unit/shared_archive/bzip2_reference.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace {

using athanor::test::Bytes;

constexpr std::size_t k_piece = 70'000;

struct Outcome {
  Bytes bytes;
  std::optional<athanor::Error> error;
};

Outcome decode(const Bytes& input, unsigned threads) {
  athanor::MemorySource source(input);
  athanor::Bzip2Decoder decoder(source,
                                {.threads = threads, .trailing = athanor::Bzip2Trailing::report});
  Outcome outcome;
  Bytes piece(k_piece);
  while (true) {
    auto count = decoder.read(piece);
    if (!count.ok()) {
      outcome.error = count.error();
      return outcome;
    }
    if (*count == 0) {
      return outcome;
    }
    outcome.bytes.insert(outcome.bytes.end(), piece.begin(),
                         piece.begin() + static_cast<std::ptrdiff_t>(*count));
  }
}

bool is_allowed(const athanor::Error& error) {
  return error.kind == athanor::ErrorKind::unsupported ||
         error.message.find("no prefix code") != std::string::npos;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes input(data, data + size);
  athanor::test::repair_check_values(input);
  const Outcome ours = decode(input, 0);
  const auto reference = athanor::test::reference_decompress(input);
  if (!ours.error) {
    ATHANOR_CHECK(reference.has_value());
    ATHANOR_CHECK(*reference == ours.bytes);
  } else {
    ATHANOR_CHECK(!reference.has_value() || is_allowed(*ours.error));
  }
  // Threads are slow to start; some of the inputs are enough.
  if (size % 8 == 0) {
    const Outcome threaded = decode(input, 2);
    ATHANOR_CHECK(threaded.bytes == ours.bytes);
    ATHANOR_CHECK(threaded.error.has_value() == ours.error.has_value());
    ATHANOR_CHECK(!ours.error || threaded.error->message == ours.error->message);
  }
  return 0;
}

#pragma once

#include "coordinator/intake/request.hpp"
#include "coordinator/plan/plan.hpp"
#include "shared/base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace athanor::coordinator {

// An environment as people call it.
struct EnvironmentLabel {
  std::string name;
  std::string platform;

  friend bool operator==(const EnvironmentLabel&, const EnvironmentLabel&) = default;
};

// What must be known of a submission without reading all of it.
struct DocumentHead {
  std::uint64_t token = 0;  // the same submission sent twice is one batch
  std::string name;         // the batch's, for people
  int priority = 0;
  std::string user;                // who resolved environments whose input doesn't say it
  std::uint64_t submitted_ms = 0;  // since 1970
  std::vector<EnvironmentLabel> environments;
  std::uint64_t sources = 0;  // distinct packages
};

// What is asked for: exact packages.
struct ExactRequests {
  IntakeResult intake;
  FormatChoice formats = FormatChoice::source_and_conda;
};

// Kinds of submissions: a new one is a new alternative with a number of its own in FORMAT.md.
using Asked = std::variant<ExactRequests>;

struct EncodedSubmission {
  std::string document;  // may be journaled and shown
  std::string secrets;   // URLs with credentials; empty if there are none
};

// One encoding for one submission (FORMAT.md). `head.environments` and `head.sources` are filled in
// from what is asked for. invalid: larger than limits::k_document_bytes.
Result<EncodedSubmission> encode_submission(DocumentHead head, const Asked& asked);

// Errors of both: corrupt (no document, or beyond the limits), unsupported (a newer program wrote
// it), invalid (a value that intake would have refused).
Result<DocumentHead> read_head(std::string_view document);
// Memory is bounded by the limits before anything is allocated. Secrets may be empty: then packages
// are fetched from their canonical URLs.
Result<Asked> read_asked(std::string_view document, std::string_view secrets);

}  // namespace athanor::coordinator

#include "coordinator/document/submission_document.hpp"

#include "coordinator/document/compressed.hpp"
#include "coordinator/document/request_codec.hpp"
#include "coordinator/queue/packed.hpp"
#include "shared/base/limits.hpp"
#include "shared/base/strings.hpp"
#include "shared/base/units.hpp"

#include <limits>
#include <utility>

namespace athanor::coordinator {
namespace {

constexpr std::string_view k_magic = "ATHS";
constexpr std::uint8_t k_version = 1;
constexpr std::uint8_t k_exact_requests = 1;

std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1U) ^ static_cast<std::uint64_t>(value >> 63);
}

std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1U) ^ -static_cast<std::int64_t>(value & 1U);
}

Error no_document(std::string what) {
  return make_error(ErrorKind::corrupt, "not a submission document: " + std::move(what));
}

std::string pack_head(const DocumentHead& head) {
  PackWriter out;
  for (unsigned shift = 0; shift < 64; shift += 8) {
    out.u8(static_cast<std::uint8_t>(head.token >> shift));
  }
  out.text(head.name);
  out.varint(zigzag(head.priority));
  out.text(head.user);
  out.varint(head.submitted_ms);
  out.varint(head.environments.size());
  for (const EnvironmentLabel& label : head.environments) {
    out.text(label.name);
    out.text(label.platform);
  }
  out.varint(head.sources);
  return std::move(out).take();
}

Result<DocumentHead> unpack_head(std::string_view packed) {
  PackReader in(packed);
  DocumentHead head;
  for (unsigned shift = 0; shift < 64; shift += 8) {
    head.token |= std::uint64_t{in.u8()} << shift;
  }
  head.name = in.text();
  const std::int64_t priority = unzigzag(in.varint());
  head.user = in.text();
  head.submitted_ms = in.varint();
  head.environments.resize(in.count());
  for (EnvironmentLabel& label : head.environments) {
    label.name = in.text();
    label.platform = in.text();
  }
  head.sources = in.varint();
  if (!in.ok() || !in.at_end()) {
    return no_document("its head is damaged");
  }
  constexpr std::int64_t k_most = 100'000;
  if (priority < -k_most || priority > k_most) {
    return make_error(ErrorKind::invalid, "a priority lies between -100000 and 100000");
  }
  head.priority = static_cast<int>(priority);
  for (const std::string* text : {&head.name, &head.user}) {
    if (text->size() > limits::k_filename_bytes || printable(*text) != *text) {
      return make_error(ErrorKind::invalid,
                        "names of batches and users are at most 255 bytes of plain text");
    }
  }
  return head;
}

struct Parts {
  std::string_view head;
  std::string_view body;  // compressed
};

Result<Parts> take_apart(std::string_view document) {
  if (!document.starts_with(k_magic) || document.size() <= k_magic.size()) {
    return no_document("it begins otherwise");
  }
  const auto version = static_cast<std::uint8_t>(document[k_magic.size()]);
  if (version != k_version) {
    return make_error(ErrorKind::unsupported,
                      "the submission has format " + std::to_string(version) +
                          "; this coordinator knows format " + std::to_string(k_version),
                      "use the same version of both programs");
  }
  PackReader in(document.substr(k_magic.size() + 1));
  Parts parts;
  parts.head = in.text();
  parts.body = in.text();
  if (!in.ok() || !in.at_end()) {
    return no_document("it is cut off");
  }
  return parts;
}

}  // namespace

Result<EncodedSubmission> encode_submission(DocumentHead head, const Asked& asked) {
  const auto& exact = std::get<ExactRequests>(asked);
  EncodedRequests requests = encode_requests(exact);
  head.environments.clear();
  for (const EnvironmentRequest& request : exact.intake.environments) {
    head.environments.push_back({.name = request.name, .platform = request.platform});
  }
  head.sources = requests.sources;
  PackWriter out;
  out.raw(k_magic);
  out.u8(k_version);
  out.text(pack_head(head));
  ATHANOR_ASSIGN(const std::string body,
                 compress(static_cast<char>(k_exact_requests) + std::move(requests.body)));
  out.text(body);
  EncodedSubmission encoded{.document = std::move(out).take(), .secrets = {}};
  if (!requests.secrets.empty()) {
    ATHANOR_ASSIGN(encoded.secrets, compress(requests.secrets));
  }
  if (encoded.document.size() > limits::k_document_bytes ||
      encoded.secrets.size() > limits::k_document_bytes) {
    return make_error(ErrorKind::invalid,
                      "the submission takes " + human_size(encoded.document.size()) +
                          ", more than the " + human_size(limits::k_document_bytes) +
                          " that a coordinator takes at once",
                      "submit the inputs in several batches: what they share is still done once");
  }
  return encoded;
}

Result<DocumentHead> read_head(std::string_view document) {
  ATHANOR_ASSIGN(const Parts parts, take_apart(document));
  return unpack_head(parts.head);
}

Result<Asked> read_asked(std::string_view document, std::string_view secrets) {
  ATHANOR_ASSIGN(const Parts parts, take_apart(document));
  ATHANOR_ASSIGN(const std::string body, decompress(parts.body, limits::k_document_unpacked_bytes));
  if (body.empty() || static_cast<std::uint8_t>(body[0]) != k_exact_requests) {
    return make_error(ErrorKind::unsupported,
                      "the submission asks for something that this coordinator doesn't know",
                      "use the same version of both programs");
  }
  std::string plain_secrets;
  if (!secrets.empty()) {
    ATHANOR_ASSIGN(plain_secrets, decompress(secrets, limits::k_document_unpacked_bytes));
  }
  ATHANOR_ASSIGN(ExactRequests requests,
                 decode_requests(std::string_view(body).substr(1), plain_secrets));
  return Asked(std::move(requests));
}

}  // namespace athanor::coordinator

#include "coordinator/document/request_codec.hpp"

#include "coordinator/queue/packed.hpp"
#include "shared/base/limits.hpp"
#include "shared/base/strings.hpp"
#include "shared/conda/platform.hpp"

#include <algorithm>
#include <set>
#include <unordered_map>
#include <utility>

namespace athanor::coordinator {
namespace {

std::string pack_source(const PackageReference& reference) {
  PackWriter out;
  out.u8(static_cast<std::uint8_t>(reference.source.type()));
  out.text(reference.source.text());
  put_expected(out, reference.expected);
  return std::move(out).take();
}

// Each distinct source and file name is written once and then named by its number.
class Encoder {
 public:
  EncodedRequests run(const ExactRequests& requests) {
    const IntakeResult& intake = requests.intake;
    rest_.varint(intake.environments.size());
    for (const EnvironmentRequest& environment : intake.environments) {
      put(environment);
    }
    put(intake.loose_packages);
    put(intake.loose_skipped);
    put(intake.warnings);

    PackWriter body;
    body.text(to_string(requests.formats));
    body.varint(sources_.size());
    body.raw(std::move(source_bytes_).take());
    body.varint(files_.size());
    body.raw(std::move(file_bytes_).take());
    body.raw(std::move(rest_).take());
    EncodedRequests encoded{.body = std::move(body).take(), .secrets = {}, .sources = urls_.size()};
    if (secrets_ != 0) {
      PackWriter secrets;
      secrets.varint(secrets_);
      secrets.raw(std::move(secret_bytes_).take());
      encoded.secrets = std::move(secrets).take();
    }
    return encoded;
  }

 private:
  std::uint64_t number_of(const PackageReference& reference) {
    std::string packed = pack_source(reference);
    const auto [found, is_new] = sources_.try_emplace(std::move(packed), sources_.size());
    if (is_new) {
      source_bytes_.raw(found->first);
      urls_.insert(reference.source.text());
      secret_known_.push_back(false);
    }
    const bool secret = reference.source.fetch_url() != reference.source.text();
    if (secret && !secret_known_[found->second]) {
      secret_known_[found->second] = true;
      secret_bytes_.varint(found->second);
      secret_bytes_.text(reference.source.fetch_url());
      ++secrets_;
    }
    return found->second;
  }

  void put(const InputPosition& position) {
    const auto [found, is_new] = files_.try_emplace(position.file, files_.size());
    if (is_new) {
      file_bytes_.text(position.file);
    }
    rest_.varint(found->second);
    rest_.varint(position.line);
  }
  void put(const std::vector<PackageReference>& packages) {
    rest_.varint(packages.size());
    for (const PackageReference& reference : packages) {
      rest_.varint(number_of(reference));
      put(reference.position);
    }
  }
  void put(const std::vector<SkippedReference>& skipped) {
    rest_.varint(skipped.size());
    for (const SkippedReference& reference : skipped) {
      rest_.u8(static_cast<std::uint8_t>(reference.type));
      rest_.text(reference.text);
      rest_.u8(static_cast<std::uint8_t>(reference.reason));
      put(reference.position);
    }
  }
  void put(const std::vector<std::string>& texts) {
    rest_.varint(texts.size());
    for (const std::string& text : texts) {
      rest_.text(text);
    }
  }
  void put(const SpecsByCategory& specs) {
    rest_.varint(specs.size());
    for (const auto& [category, items] : specs) {
      rest_.text(category);
      put(items);
    }
  }
  void put(const std::optional<std::string>& text) {
    rest_.u8(text ? 1 : 0);
    if (text) {
      rest_.text(*text);
    }
  }
  void put(const EnvironmentRequest& environment) {
    rest_.text(environment.name);
    rest_.text(environment.platform);
    rest_.text(environment.platform_label);
    rest_.text(environment.coresolve_group);
    put(environment.requirements.deps);
    put(environment.requirements.sources);
    put(environment.requirements.extras);
    rest_.u8(static_cast<std::uint8_t>(environment.requirement_origin));
    put(environment.packages);
    put(environment.skipped);
    put(environment.aliases);
    put(environment.resolved_on);
    put(environment.resolved_by);
    put(environment.position);
  }

  PackWriter source_bytes_;
  PackWriter file_bytes_;
  PackWriter secret_bytes_;
  PackWriter rest_;
  std::unordered_map<std::string, std::uint64_t> sources_;
  std::unordered_map<std::string, std::uint64_t> files_;
  std::set<std::string> urls_;
  std::vector<bool> secret_known_;
  std::uint64_t secrets_ = 0;
};

class Decoder {
 public:
  explicit Decoder(std::string_view body)
      : in_(body) {}

  Result<ExactRequests> run(std::string_view secrets) {
    ExactRequests requests;
    const auto formats = format_choice_from_string(in_.text());
    if (!formats) {
      return damaged("an unknown choice of formats");
    }
    requests.formats = *formats;
    ATHANOR_TRY(read_sources(secrets));
    files_.resize(count());
    for (std::string& file : files_) {
      file = in_.text();
    }
    requests.intake.environments.resize(count());
    for (EnvironmentRequest& environment : requests.intake.environments) {
      ATHANOR_TRY(get(environment));
    }
    get(requests.intake.loose_packages);
    get(requests.intake.loose_skipped);
    get(requests.intake.warnings);
    if (!in_.ok() || !valid_ || !in_.at_end()) {
      return damaged("its requests don't add up");
    }
    return requests;
  }

 private:
  static Error damaged(std::string_view what) {
    return make_error(ErrorKind::corrupt,
                      "the submission document is damaged: " + std::string(what));
  }

  template <typename Enum>
  Enum get_enum(Enum last) {
    const std::uint8_t number = in_.u8();
    valid_ = valid_ && number <= static_cast<std::uint8_t>(last);
    return valid_ ? static_cast<Enum>(number) : Enum{};
  }

  // Items cost more memory than bytes of the document: all of them together are bounded.
  std::size_t count() {
    const std::size_t items = in_.count();
    if (!in_.ok() || items > items_left_) {
      valid_ = false;
      return 0;
    }
    items_left_ -= items;
    return items;
  }

  Result<void> read_sources(std::string_view secrets) {
    const std::size_t count = this->count();
    std::vector<std::string_view> urls;
    std::vector<PackageType> types;
    for (std::size_t i = 0; i < count && in_.ok() && valid_; ++i) {
      types.push_back(get_enum(PackageType::pypi));
      urls.push_back(in_.text());
      expected_.push_back(get_expected(in_));
    }
    if (!in_.ok() || !valid_) {
      return damaged("its sources don't add up");
    }
    std::vector<std::string_view> fetch = urls;
    ATHANOR_TRY(read_secrets(secrets, fetch));
    sources_.reserve(urls.size());
    for (std::size_t i = 0; i < urls.size(); ++i) {
      ATHANOR_ASSIGN(SourceUrl source, SourceUrl::parse(fetch[i], types[i]));
      if (source.text() != urls[i]) {
        return make_error(ErrorKind::invalid, "'" + printable(source.text()) + "' is not where '" +
                                                  printable(urls[i]) + "' is to be fetched from");
      }
      sources_.push_back(std::move(source));
    }
    return {};
  }

  static Result<void> read_secrets(std::string_view secrets, std::vector<std::string_view>& fetch) {
    if (secrets.empty()) {
      return {};
    }
    PackReader in(secrets);
    const std::size_t count = in.count();
    for (std::size_t i = 0; i < count && in.ok(); ++i) {
      const std::uint64_t source = in.varint();
      const std::string_view url = in.text();
      if (source < fetch.size()) {
        fetch[source] = url;
      }
    }
    return in.ok() && in.at_end() ? Result<void>() : damaged("its secrets don't add up");
  }

  void get(InputPosition& position) {
    const std::uint64_t file = in_.varint();
    position.line = in_.varint();
    if (file < files_.size()) {
      position.file = files_[file];
    } else {
      valid_ = false;
    }
  }
  void get(std::vector<PackageReference>& packages) {
    const std::size_t references = count();
    packages.reserve(references);
    for (std::size_t i = 0; i < references && in_.ok(); ++i) {
      const std::uint64_t source = in_.varint();
      if (source >= sources_.size()) {
        valid_ = false;
        return;
      }
      packages.push_back(
          {.source = sources_[source], .expected = expected_[source], .position = {}});
      get(packages.back().position);
    }
  }
  void get(std::vector<SkippedReference>& skipped) {
    skipped.resize(count());
    for (SkippedReference& reference : skipped) {
      reference.type = get_enum(PackageType::pypi);
      reference.text = in_.text();
      reference.reason = get_enum(SkipReason::duplicate);
      get(reference.position);
    }
  }
  void get(std::vector<std::string>& texts) {
    texts.resize(count());
    for (std::string& text : texts) {
      text = in_.text();
    }
  }
  void get(SpecsByCategory& specs) {
    const std::size_t categories = count();
    for (std::size_t i = 0; i < categories && in_.ok(); ++i) {
      const std::string category(in_.text());
      get(specs[category]);
    }
  }
  void get(std::optional<std::string>& text) {
    if (in_.u8() != 0) {
      text = std::string(in_.text());
    }
  }
  Result<void> get(EnvironmentRequest& environment) {
    environment.name = in_.text();
    environment.platform = in_.text();
    environment.platform_label = in_.text();
    environment.coresolve_group = in_.text();
    get(environment.requirements.deps);
    get(environment.requirements.sources);
    get(environment.requirements.extras);
    environment.requirement_origin = get_enum(RequirementOrigin::exact_set);
    get(environment.packages);
    get(environment.skipped);
    get(environment.aliases);
    get(environment.resolved_on);
    get(environment.resolved_by);
    get(environment.position);
    if (!in_.ok() || !valid_) {
      return damaged("an environment doesn't add up");
    }
    // It becomes part of a key in the store.
    if (!is_known_platform(environment.platform)) {
      return make_error(ErrorKind::invalid,
                        "'" + printable(environment.platform, 64) + "' is no platform");
    }
    return {};
  }

  PackReader in_;
  bool valid_ = true;
  std::vector<SourceUrl> sources_;
  std::vector<ExpectedDigest> expected_;  // beside sources_
  std::vector<std::string> files_;
  std::size_t items_left_ = limits::k_document_references;
};

}  // namespace

EncodedRequests encode_requests(const ExactRequests& requests) {
  return Encoder().run(requests);
}

Result<ExactRequests> decode_requests(std::string_view body, std::string_view secrets) {
  return Decoder(body).run(secrets);
}

}  // namespace athanor::coordinator

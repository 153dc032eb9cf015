#include "coordinator/specs/questions.hpp"

#include "shared/base/strings.hpp"
#include "shared/conda/match_spec.hpp"
#include "shared/conda/source_url.hpp"
#include "shared/net/url.hpp"

#include <algorithm>

namespace athanor::coordinator {
namespace {

Error at(const InputPosition& position, Error error) {
  return InputText{.name = position.file, .text = {}, .folder = {}}.at_line(position.line,
                                                                            std::move(error));
}

void add_channels(const std::vector<Channel>& channels, std::vector<SolveChannel>& known) {
  for (const Channel& channel : channels) {
    const bool there = std::any_of(known.begin(), known.end(), [&](const SolveChannel& other) {
      return other.url == channel.base_url;
    });
    if (!there) {
      known.push_back(
          {.url = channel.base_url,
           .fetch_url = channel.fetch_url == channel.base_url ? std::string() : channel.fetch_url});
    }
  }
}

// "__glibc==2.28=0" → {"__glibc", "2.28=0"}.
VirtualOverrides overrides_of(const AskedPlatform& asked, VirtualOverrides overrides) {
  const auto system = asked.wanted.requirements.deps.find("sys");
  if (system == asked.wanted.requirements.deps.end()) {
    return overrides;
  }
  for (const std::string& spec : system->second) {
    if (const std::size_t equal = spec.find("=="); equal != std::string::npos) {
      overrides[spec.substr(0, equal)] = spec.substr(equal + 2);
    }
  }
  return overrides;
}

// A channel that a spec names, so that the spec matches what is below its base URL.
Result<std::string> with_known_channel(const WrittenSpec& written, const MatchSpec& spec,
                                       const std::vector<Channel>& channels) {
  if (channels.size() != 1 || channels.front().base_url == spec.channel() ||
      channels.front().base_url.ends_with("/" + spec.channel())) {
    return written.text;
  }
  const std::size_t colons = written.text.find("::");
  if (colons == std::string::npos) {
    return written.text;
  }
  return channels.front().base_url + written.text.substr(colons);
}

}  // namespace

Result<SolveRequest> make_question(const AskedPlatform& asked, const ChannelConfig& channels,
                                   const SolveChoices& choices) {
  SolveRequest question;
  question.platform = asked.platform;
  question.channel_priority = choices.channel_priority;
  question.exclude_newer = choices.exclude_newer;
  ATHANOR_ASSIGN(const std::vector<Channel> listed,
                 channels.resolve_all(asked.wanted.channels, asked.platform));
  add_channels(listed, question.channels);
  for (const WrittenSpec& written : asked.wanted.conda) {
    auto spec = MatchSpec::parse(written.text);
    if (!spec) {
      return at(written.position, std::move(spec).error());
    }
    if (spec->channel().empty()) {
      question.specs.push_back(written.text);
      continue;
    }
    auto own = channels.resolve(spec->channel(), asked.platform);
    if (!own) {
      return at(written.position, std::move(own).error());
    }
    add_channels(*own, question.channels);
    ATHANOR_ASSIGN(std::string text, with_known_channel(written, *spec, *own));
    question.specs.push_back(std::move(text));
  }
  question.virtual_packages =
      virtual_packages(asked.platform, overrides_of(asked, choices.virtual_packages));
  return question;
}

Result<EnvironmentRequest> make_request(const AskedEnvironment& environment,
                                        const AskedPlatform& asked, const SolveSuccess& answer) {
  EnvironmentRequest request{.name = environment.name,
                             .platform = asked.platform,
                             .platform_label = asked.platform,
                             .requirements = asked.wanted.requirements,
                             .requirement_origin = RequirementOrigin::given,
                             .aliases = environment.aliases,
                             .position = {.file = environment.input, .line = 0}};
  if (environment.platforms.size() > 1) {
    request.coresolve_group = environment.input + "#" + environment.name;
  }
  for (const SolvedPackage& package : answer.packages) {
    auto source = SourceUrl::parse(package.url, PackageType::conda);
    if (!source) {
      return make_error(ErrorKind::corrupt,
                        "the solver's answer for " + asked.platform +
                            " names no package: " + printable(redact_url(package.url), 300));
    }
    request.packages.push_back(
        {.source = std::move(*source), .expected = package.digest, .position = request.position});
  }
  for (const UnsolvableSpec& spec : asked.wanted.unsolvable) {
    request.skipped.push_back(
        {.type = spec.type, .text = spec.text, .reason = spec.reason, .position = spec.position});
  }
  return request;
}

}  // namespace athanor::coordinator

#include "coordinator/intake/formats.hpp"
#include "coordinator/intake/references.hpp"
#include "coordinator/intake/stated_requirement.hpp"
#include "shared/base/limits.hpp"
#include "shared/base/strings.hpp"
#include "shared/conda/platform.hpp"

#include <functional>
#include <optional>

namespace athanor::coordinator {
namespace {

// Calls visit(line without white space at its ends, number) for each line that isn't empty.
template <typename Visit>
Result<void> for_each_line(const InputText& input, Visit visit) {
  std::string_view rest = input.text;
  for (std::size_t number = 1; !rest.empty(); ++number) {
    const std::size_t end = rest.find('\n');
    const std::string_view line = trim(rest.substr(0, end));
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    if (!line.empty()) {
      ATHANOR_TRY(visit(line, number));
    }
  }
  return {};
}

// "# pip NAME @ URL#sha256=…" as conda-lock writes it; its hash may stand in the next line:
// "# pip      --hash=sha256:…".
struct PipLine {
  SpelledReference reference;
  ExpectedDigest expected;
};

// Reads the lines of one explicit file or URL list in their order.
class ListReader {
 public:
  ListReader(const InputText& input, const IntakeOptions& options)
      : input_(input),
        references_(input, options.file_urls) {}

  Result<void> read(std::vector<Reference>& found) {
    ATHANOR_TRY(for_each_line(input_, [&](std::string_view line, std::size_t number) {
      return read_line(line, number, found);
    }));
    return finish_pip(found);
  }

  // What a "# platform: NAME" comment says; empty if there is none.
  const std::string& platform() const { return platform_; }
  std::size_t platform_line() const { return platform_line_; }
  // What a "# athanor: {…}" comment says; see stated_requirement.hpp.
  const std::string& stated() const { return stated_; }
  std::size_t stated_line() const { return stated_line_; }
  std::vector<std::string> take_warnings() { return references_.take_warnings(); }

 private:
  Result<void> read_line(std::string_view line, std::size_t number, std::vector<Reference>& found) {
    if (line.front() == '#') {
      return read_comment(trim(line.substr(1)), number, found);
    }
    ATHANOR_TRY(finish_pip(found));
    if (line == "@EXPLICIT") {
      return {};
    }
    if (line.find("://") == std::string_view::npos) {
      return input_.error(number,
                          "expected a URL or '@EXPLICIT', found '" + printable(line, 80) + "'");
    }
    ExpectedDigest expected;
    references_.read_fragment(line, number, expected);
    // Both kinds of packages may stand in a list; the file name tells.
    const std::string_view path = line.substr(0, line.find_first_of("#?"));
    const bool pypi = path.ends_with(".whl") || path.ends_with(".tar.gz") || path.ends_with(".zip");
    return add({.type = pypi ? PackageType::pypi : PackageType::conda,
                .text = std::string(line),
                .line = number},
               expected, found);
  }

  Result<void> read_comment(std::string_view comment, std::size_t number,
                            std::vector<Reference>& found) {
    constexpr std::string_view k_platform = "platform:";
    constexpr std::string_view k_stated = "athanor:";
    constexpr std::string_view k_pip = "pip ";
    constexpr std::string_view k_hash = "--hash=sha256:";
    if (comment.starts_with(k_platform) && platform_.empty()) {
      platform_ = trim(comment.substr(k_platform.size()));
      platform_line_ = number;
    }
    if (comment.starts_with(k_stated) && stated_.empty()) {
      stated_ = comment.substr(k_stated.size());
      stated_line_ = number;
    }
    if (!comment.starts_with(k_pip)) {
      return finish_pip(found);
    }
    std::string_view rest = trim(comment.substr(k_pip.size()));
    if (pip_ && rest.starts_with(k_hash)) {
      rest.remove_prefix(k_hash.size());
      references_.read_sha256(rest.substr(0, rest.find_first_of(" \\")), number, pip_->expected);
      return {};
    }
    ATHANOR_TRY(finish_pip(found));
    const std::size_t at = rest.find(" @ ");
    if (at == std::string_view::npos) {
      return {};  // A comment that only begins with the word.
    }
    std::string_view url = trim(rest.substr(at + 3));
    url = url.substr(0, url.find_first_of(" \\"));
    pip_ =
        PipLine{.reference = {.type = PackageType::pypi, .text = std::string(url), .line = number},
                .expected = {}};
    references_.read_fragment(url, number, pip_->expected);
    return {};
  }

  Result<void> finish_pip(std::vector<Reference>& found) {
    if (!pip_) {
      return {};
    }
    const PipLine line = *std::exchange(pip_, std::nullopt);
    return add(line.reference, line.expected, found);
  }

  Result<void> add(const SpelledReference& spelled, const ExpectedDigest& expected,
                   std::vector<Reference>& found) {
    ATHANOR_ASSIGN(Reference reference, references_.read(spelled, expected));
    found.push_back(std::move(reference));
    return {};
  }

  const InputText& input_;
  ReferenceReader references_;
  std::string platform_;
  std::size_t platform_line_ = 0;
  std::string stated_;
  std::size_t stated_line_ = 0;
  std::optional<PipLine> pip_;
};

// The file name without folder and last extension: what people call the environment.
std::string stem_of(const InputText& input) {
  if (input.folder.empty()) {
    return "stdin";
  }
  const std::string name = input.name.substr(input.name.rfind('/') + 1);
  const std::size_t dot = name.rfind('.');
  return dot == std::string::npos || dot == 0 ? name : name.substr(0, dot);
}

Result<std::string> find_platform(const InputText& input, const ListReader& list,
                                  const std::vector<PackageReference>& packages,
                                  const IntakeOptions& options) {
  if (!list.platform().empty()) {
    return read_platform(input, list.platform(), list.platform_line());
  }
  if (std::string platform = platform_of(packages); !platform.empty()) {
    return platform;
  }
  if (options.platforms.size() == 1) {
    return read_platform(input, options.platforms.front(), 0);
  }
  return input.error(0, "for which platform this is can't be told from its packages",
                     "name it with --platform, or in the file in a line '# platform: linux-64'");
}

}  // namespace

Result<ReadInput> read_explicit_file(const InputText& input, const IntakeOptions& options) {
  ListReader list(input, options);
  std::vector<Reference> found;
  ATHANOR_TRY(list.read(found));
  EnvironmentBuilder builder(
      EnvironmentRequest{.name = stem_of(input), .position = {.file = input.name, .line = 0}});
  for (Reference& reference : found) {
    builder.add(std::move(reference));
  }
  EnvironmentRequest environment = std::move(builder).take();
  ATHANOR_ASSIGN(environment.platform, find_platform(input, list, environment.packages, options));
  environment.platform_label = environment.platform;
  environment.requirements.sources["conda"] = channels_of(environment.packages);
  if (!list.stated().empty()) {
    ATHANOR_TRY(read_stated_requirement(input, list.stated(), list.stated_line(), environment));
  }
  ReadInput result;
  result.environments.push_back(std::move(environment));
  result.warnings = list.take_warnings();
  return result;
}

Result<ReadInput> read_url_list(const InputText& input, const IntakeOptions& options) {
  ListReader list(input, options);
  std::vector<Reference> found;
  ATHANOR_TRY(list.read(found));
  ReadInput result;
  for (Reference& reference : found) {
    if (auto* package = std::get_if<PackageReference>(&reference)) {
      result.loose_packages.push_back(std::move(*package));
    } else {
      result.loose_skipped.push_back(std::get<SkippedReference>(std::move(reference)));
    }
  }
  result.warnings = list.take_warnings();
  return result;
}

}  // namespace athanor::coordinator

#include "coordinator/specs/pypi_programs.hpp"

#include "coordinator/specs/pylock.hpp"
#include "shared/base/limits.hpp"
#include "shared/base/strings.hpp"
#include "shared/json/json.hpp"
#include "shared/json/view.hpp"
#include "shared/net/url.hpp"
#include "shared/os/atomic_file.hpp"
#include "shared/os/files.hpp"
#include "shared/os/process.hpp"
#include "shared/os/temp_dir.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>

namespace athanor::coordinator {
namespace {

constexpr std::chrono::minutes k_longest{10};
constexpr std::chrono::milliseconds k_look{100};

// What a program said and left.
struct Outcome {
  bool success = false;
  std::string talk = {};  // its standard error
};

using Variables = std::vector<std::pair<std::string, std::string>>;

Result<Outcome> run_program(const std::filesystem::path& program,
                            std::vector<std::string> arguments, Variables environment,
                            const std::filesystem::path& folder, std::stop_token stop) {
  const std::filesystem::path talk = folder / "talk";
  const Fd output(::open(talk.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600));
  if (output.get() < 0) {
    return system_error(errno, "cannot write " + talk.string());
  }
  ATHANOR_ASSIGN(ChildProcess child, ChildProcess::spawn({.program = program,
                                                          .arguments = std::move(arguments),
                                                          .environment = std::move(environment),
                                                          .with_parent = WithParent::die,
                                                          .group = ProcessGroup::ours,
                                                          .stdout_fd = output.get(),
                                                          .stderr_fd = output.get()}));
  std::chrono::milliseconds waited{0};
  auto status = child.wait_for(k_look);
  while (!status && !stop.stop_requested() && waited < k_longest) {
    waited += k_look;
    status = child.wait_for(k_look);
  }
  if (!status) {
    child.signal(SIGKILL);
    child.wait();
    return stop.stop_requested()
               ? make_error(ErrorKind::canceled, "stopped while pypi requirements were solved")
               : make_error(ErrorKind::retry, program.filename().string() +
                                                  " took longer than 10 minutes and was ended");
  }
  ATHANOR_ASSIGN(std::string said, read_file(talk, limits::k_small_document_bytes));
  return Outcome{.success = status->success(), .talk = std::move(said)};
}

// The last lines that say something; URLs without their credentials.
std::string last_words(const std::string& talk) {
  constexpr std::size_t k_lines = 12;
  std::vector<std::string> lines;
  for (const std::string_view raw : split(talk, '\n')) {
    const std::string_view line = trim(raw);
    if (line.empty()) {
      continue;
    }
    std::vector<std::string> words;
    for (const std::string_view word : split(line, ' ')) {
      words.push_back(word.find("://") == std::string_view::npos ? std::string(word)
                                                                 : redact_url(word));
    }
    lines.push_back(printable(join(words, " "), 400));
  }
  if (lines.size() > k_lines) {
    lines.erase(lines.begin(), lines.end() - k_lines);
  }
  return join(lines, "\n");
}

PypiTarget target_of(const PypiQuestion& question) {
  return {.platform = question.asked->platform,
          .python_version = question.python_version,
          .glibc = question.glibc};
}

// What is asked, as the two files that both programs read.
struct Files {
  std::string requirements = {};
  std::string constraints = {};
};

std::pair<std::string, std::string> wheel_name_and_version(const std::string& stem) {
  const auto parts = split(stem, '-');
  return {std::string(parts[0]), parts.size() > 1 ? std::string(parts[1]) : std::string()};
}

Result<Files> files_of(const PypiQuestion& question) {
  Files files;
  const PypiTarget target = target_of(question);
  for (const WrittenSpec& spec : question.asked->wanted.pypi) {
    // Programs judge markers for the machine they run on; the target's are ours to judge.
    std::string_view text = spec.text;
    const bool direct = text.find("://") != std::string_view::npos;
    const std::size_t semicolon = direct ? text.find(" ;") : text.find(';');
    if (semicolon != std::string_view::npos) {
      const std::string_view marker = trim(text.substr(text.find(';', semicolon) + 1));
      ATHANOR_ASSIGN(const bool holds, marker_holds(marker, target));
      if (!holds) {
        continue;
      }
      text = trim(text.substr(0, semicolon));
    }
    files.requirements += text;
    for (const std::string& hash : spec.hashes) {
      files.requirements += " --hash=" + hash;
    }
    files.requirements += "\n";
  }
  for (const PackageReference& kept : question.kept) {
    const auto [name, version] = wheel_name_and_version(kept.source.stem());
    files.constraints += name + "==" + version + "\n";
    files.requirements += name + "\n";
  }
  for (const std::string& installed : question.installed) {
    files.constraints += installed + "\n";
  }
  for (const WrittenSpec& bound : question.asked->wanted.pypi_constraints) {
    files.constraints += bound.text + "\n";
  }
  return files;
}

std::string uv_platform(const PypiTarget& target) {
  const bool arm = target.platform.ends_with("arm64") || target.platform.ends_with("aarch64");
  const std::string machine = arm ? "aarch64" : "x86_64";
  if (target.platform.starts_with("linux-")) {
    const std::string glibc = target.glibc.empty() ? "2.17" : target.glibc;
    std::string tag = "manylinux_" + glibc;
    std::replace(tag.begin(), tag.end(), '.', '_');
    return machine + "-" + tag;
  }
  return machine + (target.platform.starts_with("osx-") ? "-apple-darwin" : "-pc-windows-msvc");
}

// Options that an input may give both programs; everything that pip knows by another name is left.
void add_options(const Wanted& wanted, bool uv, std::vector<std::string>& arguments) {
  for (std::size_t i = 0; i < wanted.pypi_options.size(); ++i) {
    const std::string& option = wanted.pypi_options[i];
    if (option == "--pre") {
      arguments.insert(arguments.end(),
                       uv ? std::initializer_list<std::string>{"--prerelease", "allow"}
                          : std::initializer_list<std::string>{"--pre"});
    } else if (option == "--no-index") {
      arguments.push_back(option);
    } else if (i + 1 < wanted.pypi_options.size()) {
      const std::string& value = wanted.pypi_options[++i];
      const bool links = option == "-f" || option == "--find-links";
      arguments.push_back(links ? "--find-links" : uv ? "--allow-insecure-host" : option);
      arguments.push_back(value);
    }
  }
}

// One wheel of pip's report.
Result<PackageReference> read_reported(const JsonView& item, const PypiQuestion& question) {
  ATHANOR_ASSIGN(const JsonView download, item.member("download_info"));
  ATHANOR_ASSIGN(const std::string_view url, download.string("url"));
  auto source = SourceUrl::parse(url, PackageType::pypi);
  if (!source) {
    return make_error(ErrorKind::unsupported,
                      "pip chose " + printable(redact_url(url), 300) + ", which can't be cached",
                      "only files of an index can");
  }
  PackageReference reference{.source = std::move(*source),
                             .expected = {},
                             .position = question.asked->wanted.pypi.empty()
                                             ? InputPosition()
                                             : question.asked->wanted.pypi.front().position};
  ATHANOR_ASSIGN(const auto archive, download.optional_member("archive_info"));
  if (archive) {
    ATHANOR_ASSIGN(const auto hash, archive->optional_string("hash"));
    if (hash && hash->starts_with("sha256=")) {
      reference.expected.sha256 = Sha256::from_hex(hash->substr(7));
    }
  }
  return reference;
}

Result<std::vector<PackageReference>> read_report(const std::string& text,
                                                  const PypiQuestion& question) {
  ATHANOR_ASSIGN(const Json document, parse_json(text));
  ATHANOR_ASSIGN(const JsonView list, JsonView(document).member("install"));
  ATHANOR_ASSIGN(const auto items, list.items());
  std::vector<PackageReference> wheels;
  for (const JsonView& item : items) {
    ATHANOR_ASSIGN(PackageReference wheel, read_reported(item, question));
    const auto parts = wheel_name_and_version(wheel.source.stem());
    const bool installed = std::any_of(
        question.installed.begin(), question.installed.end(), [&](const std::string& known) {
          return normal_name(known.substr(0, known.find("=="))) == normal_name(parts.first);
        });
    if (!installed) {
      wheels.push_back(std::move(wheel));
    }
  }
  // What others need comes first, as conda's packages do; pip lists it after.
  std::reverse(wheels.begin(), wheels.end());
  return wheels;
}

Error contradiction(std::string_view program, const PypiQuestion& question,
                    const std::string& talk) {
  const bool none = talk.find("No matching distribution") != std::string::npos ||
                    talk.find("no wheels") != std::string::npos ||
                    talk.find("no usable wheels") != std::string::npos;
  return make_error(none ? ErrorKind::unsupported : ErrorKind::invalid,
                    std::string(program) +
                        " finds no wheels that fulfil the pypi requirements on " +
                        question.asked->platform + " with python " + question.python_version +
                        ":\n" + last_words(talk),
                    none ? "if only an sdist of it exists, build a wheel and put it on an index: "
                           "sdists aren't built here"
                         : "");
}

class Solve {
 public:
  Solve(const PypiQuestion& question, const TempDir& folder, Files files)
      : question_(question),
        wanted_(question.asked->wanted),
        target_(target_of(question)),
        folder_(folder.path()),
        files_(std::move(files)) {}

  Result<std::vector<PackageReference>> with_uv(const std::filesystem::path& uv,
                                                std::stop_token stop) {
    ATHANOR_TRY(write_files());
    const std::filesystem::path lock = folder_ / "pylock.toml";
    std::vector<std::string> arguments = {"pip",
                                          "compile",
                                          "--quiet",
                                          "--no-config",
                                          "--format",
                                          "pylock.toml",
                                          "--no-build",
                                          "--generate-hashes",
                                          "--python-version",
                                          target_.python_minor(),
                                          "--python-platform",
                                          uv_platform(target_),
                                          "--output-file",
                                          lock.string(),
                                          "--constraint",
                                          constraints().string(),
                                          requirements().string()};
    add_options(wanted_, true, arguments);
    Variables variables = {{"UV_DEFAULT_INDEX", wanted_.index},
                           {"UV_INDEX", join(wanted_.extra_indexes, " ")}};
    ATHANOR_ASSIGN(const Outcome outcome,
                   run_program(uv, std::move(arguments), std::move(variables), folder_, stop));
    if (!outcome.success) {
      return contradiction("uv", question_, outcome.talk);
    }
    ATHANOR_ASSIGN(InputText text,
                   read_regular_file(lock.string(), limits::k_small_document_bytes));
    text.name = "uv's answer";
    return read_pylock(text, target_);
  }

  Result<std::vector<PackageReference>> with_pip(const std::filesystem::path& pip,
                                                 std::stop_token stop) {
    ATHANOR_TRY(write_files());
    const std::filesystem::path report = folder_ / "report.json";
    std::vector<std::string> arguments = {"install",
                                          "--dry-run",
                                          "--quiet",
                                          "--ignore-installed",
                                          "--disable-pip-version-check",
                                          "--no-input",
                                          "--isolated",
                                          "--only-binary=:all:",
                                          "--target",
                                          (folder_ / "target").string(),
                                          "--report",
                                          report.string(),
                                          "--python-version",
                                          target_.python_minor(),
                                          "--implementation",
                                          "cp",
                                          "--constraint",
                                          constraints().string(),
                                          "--requirement",
                                          requirements().string()};
    for (const std::string& tag : platform_tags(target_)) {
      arguments.insert(arguments.end(), {"--platform", tag});
    }
    add_options(wanted_, false, arguments);
    // Indices may hold credentials, which a command line would show to everybody; a file of this
    // user alone doesn't.
    ATHANOR_TRY(write_file_atomically(folder_ / "pip.conf", pip_settings(), 0600));
    Variables variables = {{"PIP_CONFIG_FILE", (folder_ / "pip.conf").string()}};
    std::erase(arguments, "--isolated");
    ATHANOR_ASSIGN(const Outcome outcome,
                   run_program(pip, std::move(arguments), std::move(variables), folder_, stop));
    if (!outcome.success) {
      return contradiction("pip", question_, outcome.talk);
    }
    ATHANOR_ASSIGN(const std::string text, read_file(report, limits::k_small_document_bytes));
    return read_report(text, question_);
  }

 private:
  std::filesystem::path requirements() const { return folder_ / "requirements.txt"; }
  std::filesystem::path constraints() const { return folder_ / "constraints.txt"; }

  std::string pip_settings() const {
    std::string text = "[global]\nindex-url = " + wanted_.index + "\n";
    if (!wanted_.extra_indexes.empty()) {
      text += "extra-index-url =\n";
      for (const std::string& index : wanted_.extra_indexes) {
        text += "    " + index + "\n";
      }
    }
    return text;
  }

  Result<void> write_files() const {
    ATHANOR_TRY(write_file_atomically(requirements(), files_.requirements, 0600));
    return write_file_atomically(constraints(), files_.constraints, 0600);
  }

  const PypiQuestion& question_;
  const Wanted& wanted_;
  const PypiTarget target_;
  const std::filesystem::path folder_;
  const Files files_;
};

std::optional<std::filesystem::path> find_program(const EnvironmentLookup& environment,
                                                  std::string_view name) {
  const std::string path = environment("PATH").value_or("");
  for (const std::string_view folder : split(path, ':')) {
    const std::filesystem::path program = std::filesystem::path(folder) / name;
    if (!folder.empty() && ::access(program.c_str(), X_OK) == 0) {
      return program;
    }
  }
  return std::nullopt;
}

}  // namespace

Result<std::vector<PackageReference>> PypiPrograms::solve(const PypiQuestion& question,
                                                          std::stop_token stop) {
  if (question.python_version.empty()) {
    return make_error(ErrorKind::invalid,
                      "pypi packages are asked for, but no python is among conda's packages",
                      "ask for one: python=3.12");
  }
  ATHANOR_ASSIGN(Files files, files_of(question));
  ATHANOR_ASSIGN(const TempDir folder, TempDir::create("athanor-pypi-"));
  Solve solve(question, folder, std::move(files));
  if (const auto uv = find_program(environment_, "uv")) {
    return solve.with_uv(*uv, std::move(stop));
  }
  for (const std::string_view name : {"pip3", "pip"}) {
    const auto pip = find_program(environment_, name);
    if (!pip) {
      continue;
    }
    if (!question.asked->platform.starts_with("linux-")) {
      return make_error(ErrorKind::unsupported,
                        "pip judges markers for the system that it runs on, so it can't solve "
                        "pypi requirements for " +
                            question.asked->platform,
                        "install uv, which can, and have it on the PATH");
    }
    return solve.with_pip(*pip, std::move(stop));
  }
  return make_error(ErrorKind::unsupported,
                    "pypi requirements are to be solved, and neither uv nor pip is on the PATH",
                    "install uv (or pip), or hand in what is solved already: pylock.toml");
}

}  // namespace athanor::coordinator

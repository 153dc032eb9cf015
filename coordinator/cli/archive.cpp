#include "coordinator/cli/verb.hpp"
#include "shared/archive/members.hpp"
#include "shared/base/strings.hpp"
#include "shared/base/units.hpp"
#include "shared/json/json.hpp"
#include "shared/os/path_text.hpp"

#include <ostream>
#include <utility>

namespace athanor::coordinator {

namespace {

Result<Format> format_of(const std::string& file) {
  const auto format =
      format_of_filename(std::filesystem::path(file).filename().native(), PackageType::conda);
  if (!format) {
    return make_error(ErrorKind::invalid,
                      quoted(std::filesystem::path(file)) + " isn't a conda package",
                      "its name must end in .conda or .tar.bz2");
  }
  return *format;
}

Json summary_json(const PackageSummary& summary) {
  return Json::object({{"md5", summary.digest.md5.hex()},
                       {"sha256", summary.digest.sha256.hex()},
                       {"size", summary.digest.size},
                       {"members", summary.members},
                       {"unpacked_bytes", summary.unpacked_bytes},
                       {"outside_links", summary.outside_links}});
}

std::string mode_text(const TarEntry& entry) {
  char type = '-';
  switch (entry.type) {
    case MemberType::file:
      break;
    case MemberType::directory:
      type = 'd';
      break;
    case MemberType::symlink:
      type = 'l';
      break;
    case MemberType::hard_link:
      type = 'h';
      break;
  }
  std::string text(1, type);
  for (unsigned shift = 12; shift > 0; shift -= 3) {
    text += static_cast<char>('0' + ((entry.mode >> (shift - 3)) & 7U));
  }
  return text;
}

class ArchiveListVerb final : public Verb {
 public:
  cli::CommandText text() const override {
    return {.name = "archive list",
            .usage = "FILE [--json]",
            .summary = "Show what is inside a package",
            .description =
                "Lists the members of a .conda or .tar.bz2 without extracting it: type and mode, "
                "size, the start of the content's SHA-256, path and link target. The package is "
                "checked on the way; one that breaks a rule is refused with the reason.",
            .examples = {{.command = "athanor archive list zlib-1.2.13-h166bdaf_4.conda",
                          .says = "One line per member."}}};
  }

  void declare(cli::OptionTable& table) override {
    table.positionals({.name = "FILE", .at_least = 1, .at_most = 1, .help = "A conda package."},
                      files_);
  }

  Result<cli::ExitStatus> run(VerbContext& context) override {
    ATHANOR_ASSIGN(const Format format, format_of(files_[0]));
    Json members = Json::array();
    ATHANOR_ASSIGN(const PackageSummary summary,
                   visit_members(files_[0], format, {}, [&](const Member& member) {
                     show(context, member, members);
                     return Result<void>();
                   }));
    Json total = summary_json(summary);
    if (context.common.output == OutputFormat::json) {
      total.set("schema", 1).set("list", std::move(members));
    }
    if (context.common.output != OutputFormat::text) {
      context.out << dump_json(total) << '\n';
    }
    return cli::ExitStatus::ready;
  }

 private:
  static Json member_json(const Member& member) {
    const TarEntry& entry = member.entry;
    Json json = Json::object({{"path", entry.path},
                              {"type", to_string(entry.type)},
                              {"mode", static_cast<std::uint64_t>(entry.mode)},
                              {"size", entry.size}});
    if (entry.type == MemberType::file) {
      json.set("sha256", member.content.hex());
    }
    if (!entry.link_target.empty()) {
      json.set("target", entry.link_target);
    }
    return json;
  }

  static void show(VerbContext& context, const Member& member, Json& members) {
    if (context.common.output == OutputFormat::json) {
      members.push_back(member_json(member));
      return;
    }
    if (context.common.output == OutputFormat::jsonl) {
      context.out << dump_json(member_json(member)) << '\n';
      return;
    }
    const TarEntry& entry = member.entry;
    constexpr std::size_t k_size_columns = 12;
    std::string size = std::to_string(entry.size);
    size.insert(0, k_size_columns - std::min(size.size(), k_size_columns), ' ');
    constexpr std::size_t k_hash_columns = 12;
    const std::string hash = entry.type == MemberType::file
                                 ? member.content.hex().substr(0, k_hash_columns)
                                 : std::string(k_hash_columns, '-');
    context.out << mode_text(entry) << ' ' << size << "  " << hash << "  "
                << printable(entry.path, 4096);
    if (!entry.link_target.empty()) {
      context.out << " -> " << printable(entry.link_target, 4096);
    }
    context.out << '\n';
  }

  std::vector<std::string> files_;
};

class ArchiveVerifyVerb final : public Verb {
 public:
  cli::CommandText text() const override {
    return {.name = "archive verify",
            .usage = "FILE... [--json]",
            .summary = "Check packages against themselves and the rules",
            .description =
                "Reads each package whole: checksums of its container, every rule that clients "
                "rely on, the name in info/index.json against the file's, and the hashes in "
                "info/paths.json against the files. A paths.json that differs is a warning, since "
                "clients install such packages.",
            .examples = {{.command = "athanor archive verify pkgs/*.conda",
                          .says = "One line per package; exit code 3 if one must not be used."}}};
  }

  void declare(cli::OptionTable& table) override {
    table.positionals(
        {.name = "FILE", .at_least = 1, .at_most = 1'000'000, .help = "A conda package."}, files_);
  }

  Result<cli::ExitStatus> run(VerbContext& context) override {
    cli::ExitStatus worst = cli::ExitStatus::ready;
    Json results = Json::array();
    for (const std::string& file : files_) {
      auto check = verify(file);
      const Json json = check_json(file, check);
      if (context.common.output == OutputFormat::json) {
        results.push_back(json);
      } else if (context.common.output == OutputFormat::jsonl) {
        context.out << dump_json(json) << '\n';
      } else {
        show(context, file, check);
      }
      const cli::ExitStatus status =
          check ? cli::ExitStatus::ready : cli::exit_status_of(check.error().kind);
      worst = cli::code(status) > cli::code(worst) ? status : worst;
    }
    if (context.common.output == OutputFormat::json) {
      context.out << dump_json(Json::object({{"schema", 1}, {"results", std::move(results)}}))
                  << '\n';
    }
    return worst;
  }

 private:
  static Result<PackageCheck> verify(const std::string& file) {
    ATHANOR_ASSIGN(const Format format, format_of(file));
    return check_package(file, format, {});
  }

  static std::string_view manifest_text(ManifestState state) {
    switch (state) {
      case ManifestState::absent:
        return "absent";
      case ManifestState::unreadable:
        return "unreadable";
      case ManifestState::agrees:
        return "agrees";
      case ManifestState::differs:
        return "differs";
    }
    return "";
  }

  static Json check_json(const std::string& file, const Result<PackageCheck>& check) {
    if (!check) {
      return Json::object({{"file", file},
                           {"status", "refused"},
                           {"error", Json::object({{"kind", to_string(check.error().kind)},
                                                   {"message", check.error().message},
                                                   {"hint", check.error().hint}})}});
    }
    Json problems = Json::array();
    for (const std::string& problem : check->manifest_problems) {
      problems.push_back(problem);
    }
    return summary_json(check->summary)
        .set("file", file)
        .set("status", "good")
        .set("paths_json", manifest_text(check->manifest))
        .set("paths_json_files", check->manifest_files)
        .set("paths_json_problems", std::move(problems));
  }

  static void show(VerbContext& context, const std::string& file,
                   const Result<PackageCheck>& check) {
    if (!check) {
      context.err << check.error().to_string() << '\n';
      return;
    }
    context.out << printable(file, 4096) << "  good, " << check->summary.members << " members, "
                << human_size(check->summary.unpacked_bytes) << ", paths.json "
                << manifest_text(check->manifest) << ", sha256 "
                << check->summary.digest.sha256.hex() << '\n';
    for (const std::string& problem : check->manifest_problems) {
      context.err << printable(file, 4096) << ": paths.json: " << problem << '\n';
    }
  }

  std::vector<std::string> files_;
};

class ArchiveDiffVerb final : public Verb {
 public:
  cli::CommandText text() const override {
    return {.name = "archive diff",
            .usage = "FILE FILE [--owners] [--json]",
            .summary = "Compare two packages member by member",
            .description =
                "Compares two packages, of the same format or not: which members only one of them "
                "has, and where type, mode, link target, size or content differ. Ends with 0 if "
                "nothing differs, else with 1.",
            .examples = {{.command = "athanor archive diff a-1.0-0.tar.bz2 a-1.0-0.conda",
                          .says = "Nothing is printed: both formats hold the same package."}}};
  }

  void declare(cli::OptionTable& table) override {
    table.positionals({.name = "FILE", .at_least = 2, .at_most = 2, .help = "A conda package."},
                      files_);
    table.heading("Compare");
    table.add({.name = "owners", .help = "Compare owners and times as well."}, owners_);
  }

  Result<cli::ExitStatus> run(VerbContext& context) override {
    ATHANOR_ASSIGN(const Format first, format_of(files_[0]));
    ATHANOR_ASSIGN(const Format second, format_of(files_[1]));
    ATHANOR_ASSIGN(const PackageDifference difference,
                   compare_packages(files_[0], first, files_[1], second, {},
                                    owners_ ? CompareOwners::yes : CompareOwners::no));
    if (context.common.output == OutputFormat::text) {
      for (const MemberDifference& member : difference.members) {
        context.out << sign(member.kind) << ' ' << printable(member.path, 4096)
                    << (member.what.empty() ? "" : ": ") << member.what << '\n';
      }
    } else {
      Json members = Json::array();
      for (const MemberDifference& member : difference.members) {
        members.push_back(Json::object(
            {{"path", member.path}, {"kind", name(member.kind)}, {"what", member.what}}));
      }
      context.out << dump_json(Json::object({{"schema", 1},
                                             {"first", summary_json(difference.first)},
                                             {"second", summary_json(difference.second)},
                                             {"differences", std::move(members)}}))
                  << '\n';
    }
    return difference.members.empty() ? cli::ExitStatus::ready : cli::ExitStatus::partial;
  }

 private:
  static std::string_view name(MemberDifference::Kind kind) {
    switch (kind) {
      case MemberDifference::Kind::only_first:
        return "only_first";
      case MemberDifference::Kind::only_second:
        return "only_second";
      case MemberDifference::Kind::changed:
        return "changed";
    }
    return "";
  }

  static char sign(MemberDifference::Kind kind) {
    return kind == MemberDifference::Kind::changed      ? '!'
           : kind == MemberDifference::Kind::only_first ? '-'
                                                        : '+';
  }

  std::vector<std::string> files_;
  bool owners_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_archive_list_verb() {
  return std::make_unique<ArchiveListVerb>();
}

std::unique_ptr<Verb> make_archive_verify_verb() {
  return std::make_unique<ArchiveVerifyVerb>();
}

std::unique_ptr<Verb> make_archive_diff_verb() {
  return std::make_unique<ArchiveDiffVerb>();
}

}  // namespace athanor::coordinator

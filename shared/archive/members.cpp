#include "shared/archive/members.hpp"

#include "shared/archive/member_fingerprint.hpp"
#include "shared/archive/member_rules.hpp"
#include "shared/archive/package_reader.hpp"
#include "shared/base/limits.hpp"
#include "shared/base/strings.hpp"
#include "shared/json/json.hpp"
#include "shared/os/path_text.hpp"

#include <map>
#include <optional>
#include <utility>

namespace athanor {
namespace {

constexpr char k_paths_json_path[] = "info/paths.json";
constexpr std::size_t k_problems_shown = 20;

// The texts that a package describes itself with, picked up while its members pass.
struct Documents {
  std::string index_json;
  std::optional<std::string> paths_json;
};

// Where the member's content is wanted as text; null pointer if it isn't.
std::string* wanted_text(const TarEntry& entry, Documents& documents) {
  if (entry.type != MemberType::file || entry.size > limits::k_small_document_bytes) {
    return nullptr;
  }
  if (entry.path == k_index_json_path) {
    return &documents.index_json;
  }
  if (entry.path == k_paths_json_path) {
    return &documents.paths_json.emplace();
  }
  return nullptr;
}

Result<PackageSummary> visit(const std::filesystem::path& artifact, Format format,
                             const ReadOptions& options, Documents& documents,
                             const std::function<Result<void>(const Member&)>& visitor) {
  ATHANOR_ASSIGN(
      PackageReader reader,
      PackageReader::open(artifact, format, {.threads = options.threads, .stop = options.stop}));
  MemberRules rules(reader.file_size());
  Sha256Hasher hasher;
  while (true) {
    ATHANOR_ASSIGN(auto entry, reader.next());
    if (!entry) {
      break;
    }
    ATHANOR_TRY(rules.admit(*entry));
    std::string* const text = wanted_text(*entry, documents);
    while (true) {
      ATHANOR_ASSIGN(const auto content, reader.read_content());
      if (content.empty()) {
        break;
      }
      hasher.update(content);
      if (text != nullptr) {
        text->append(reinterpret_cast<const char*>(content.data()), content.size());
      }
    }
    ATHANOR_TRY(visitor(Member{std::move(*entry), hasher.finish()}));
  }
  ATHANOR_TRY(rules.finish());
  PackageSummary summary{.digest = {},
                         .index_json = documents.index_json,
                         .members = rules.members(),
                         .unpacked_bytes = rules.unpacked_bytes(),
                         .outside_links = rules.outside_links()};
  ATHANOR_ASSIGN(summary.digest, reader.digest());
  return summary;
}

struct FileFacts {
  Sha256 content;
  std::uint64_t size = 0;
  MemberType type = MemberType::file;
};

Result<void> check_name(const std::string& index_json, const std::string& stem) {
  const auto json = parse_json(index_json);
  if (!json) {
    return make_error(ErrorKind::rejected,
                      "info/index.json of the package isn't JSON: " + json.error().message);
  }
  const auto text = [&](const char* key) {
    const Json* const value = json->find(key);
    const std::string* const string = value != nullptr ? value->as_string() : nullptr;
    return string != nullptr ? *string : std::string();
  };
  const std::string name = text("name") + "-" + text("version") + "-" + text("build");
  if (name != stem) {
    return make_error(ErrorKind::rejected,
                      "info/index.json is for '" + printable(name) + "', the file is named '" +
                          printable(stem) + "'",
                      "a conda package's file name is its name, version and build");
  }
  return {};
}

// Compares one record of paths.json with the member that it is about.
std::optional<std::string> problem_of(const Json& record, const std::string& path,
                                      const std::map<std::string, FileFacts>& files) {
  const auto file = files.find(path);
  if (file == files.end()) {
    return "isn't in the package";
  }
  const Json* const type = record.find("path_type");
  const bool is_file =
      type == nullptr || (type->as_string() != nullptr && *type->as_string() == "hardlink");
  if (!is_file || file->second.type != MemberType::file) {
    return std::nullopt;  // links' hashes are those of what they point at
  }
  const Json* const sha256 = record.find("sha256");
  if (sha256 != nullptr && sha256->as_string() != nullptr &&
      to_lower(*sha256->as_string()) != file->second.content.hex()) {
    return "its SHA-256 differs";
  }
  const Json* const size = record.find("size_in_bytes");
  if (size != nullptr && size->as_uint() != file->second.size) {
    return "its size differs";
  }
  return std::nullopt;
}

void check_manifest(const std::string& text, const std::map<std::string, FileFacts>& files,
                    PackageCheck& check) {
  check.manifest = ManifestState::unreadable;
  const auto json = parse_json(text);
  const Json* const paths = json ? json->find("paths") : nullptr;
  if (paths == nullptr || !paths->is_array()) {
    return;
  }
  check.manifest = ManifestState::agrees;
  for (const Json& record : *paths->as_array()) {
    const Json* const path = record.find("_path");
    if (path == nullptr || path->as_string() == nullptr) {
      check.manifest = ManifestState::unreadable;
      return;
    }
    ++check.manifest_files;
    if (const auto problem = problem_of(record, *path->as_string(), files)) {
      check.manifest = ManifestState::differs;
      if (check.manifest_problems.size() < k_problems_shown) {
        check.manifest_problems.push_back(printable(*path->as_string()) + ": " + *problem);
      }
    }
  }
}

std::string octal(std::uint32_t mode) {
  std::string text;
  for (unsigned shift = 12; shift > 0; shift -= 3) {
    text += static_cast<char>('0' + ((mode >> (shift - 3)) & 7U));
  }
  return text;
}

void say(std::string& text, const std::string& what) {
  text += (text.empty() ? "" : "; ") + what;
}

std::string change(const Member& first, const Member& second, CompareOwners owners) {
  const TarEntry& a = first.entry;
  const TarEntry& b = second.entry;
  std::string text;
  if (a.type != b.type) {
    say(text, std::string(to_string(a.type)) + ", " + std::string(to_string(b.type)));
  }
  if (a.mode != b.mode) {
    say(text, "mode " + octal(a.mode) + ", " + octal(b.mode));
  }
  if (a.link_target != b.link_target) {
    say(text, "target '" + printable(a.link_target) + "', '" + printable(b.link_target) + "'");
  }
  if (a.size != b.size) {
    say(text, "size " + std::to_string(a.size) + ", " + std::to_string(b.size));
  } else if (first.content != second.content) {
    say(text, "content");
  }
  if (a.attributes != b.attributes) {
    say(text, "attributes");
  }
  if (owners == CompareOwners::yes) {
    if (a.uid != b.uid || a.gid != b.gid || a.user != b.user || a.group != b.group) {
      say(text, "owner");
    }
    if (!(a.modified == b.modified)) {
      say(text, "time");
    }
  }
  return text;
}

}  // namespace

Result<PackageSummary> visit_members(const std::filesystem::path& artifact, Format format,
                                     const ReadOptions& options,
                                     const std::function<Result<void>(const Member&)>& visitor) {
  Documents documents;
  auto summary = visit(artifact, format, options, documents, visitor);
  return summary ? summary
                 : Result<PackageSummary>(
                       std::move(summary).error().with_context("reading " + quoted(artifact)));
}

Result<PackageCheck> check_package(const std::filesystem::path& artifact, Format format,
                                   const ReadOptions& options) {
  Documents documents;
  std::map<std::string, FileFacts> files;
  PackageCheck check;
  auto summary = visit(artifact, format, options, documents, [&](const Member& member) {
    files[member.entry.path] = {member.content, member.entry.size, member.entry.type};
    return Result<void>();
  });
  if (summary) {
    if (auto name = check_name(summary->index_json, stem_of(artifact, format)); !name) {
      summary = std::move(name).error();
    }
  }
  if (!summary) {
    return std::move(summary).error().with_context("reading " + quoted(artifact));
  }
  check.summary = std::move(summary).value();
  if (documents.paths_json) {
    check_manifest(*documents.paths_json, files, check);
  }
  return check;
}

Result<PackageDifference> compare_packages(const std::filesystem::path& first, Format first_format,
                                           const std::filesystem::path& second,
                                           Format second_format, const ReadOptions& options,
                                           CompareOwners owners) {
  PackageDifference difference;
  std::map<std::string, std::pair<std::optional<Member>, std::optional<Member>>> members;
  ATHANOR_ASSIGN(difference.first,
                 visit_members(first, first_format, options, [&](const Member& m) {
                   members[m.entry.path].first = m;
                   return Result<void>();
                 }));
  ATHANOR_ASSIGN(difference.second,
                 visit_members(second, second_format, options, [&](const Member& m) {
                   members[m.entry.path].second = m;
                   return Result<void>();
                 }));
  using Kind = MemberDifference::Kind;
  for (const auto& [path, both] : members) {
    if (!both.first || !both.second) {
      difference.members.push_back({both.first ? Kind::only_first : Kind::only_second, path, {}});
      continue;
    }
    std::string what = change(*both.first, *both.second, owners);
    if (!what.empty()) {
      difference.members.push_back({Kind::changed, path, std::move(what)});
    }
  }
  return difference;
}

}  // namespace athanor

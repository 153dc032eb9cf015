#include "shared/channels/condarc.hpp"

#include "shared/base/strings.hpp"
#include "shared/base/units.hpp"
#include "shared/channels/rc_merge.hpp"
#include "shared/net/url.hpp"
#include "shared/os/files.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

namespace athanor {
namespace {

using Names = std::vector<std::string_view>;

constexpr std::uint64_t k_file_bytes = 1_MiB;
constexpr std::size_t k_files = 1'000;  // of all condarc.d together

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return result;
}

// "$NAME" and "${NAME}" as Python's os.path.expandvars has it: what isn't set stays as it is.
std::string expand_variables(std::string_view text, const EnvironmentLookup& environment) {
  const auto is_name = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  std::string result;
  std::size_t i = 0;
  while (i < text.size()) {
    if (text[i] != '$') {
      result += text[i++];
      continue;
    }
    const bool braced = i + 1 < text.size() && text[i + 1] == '{';
    const std::size_t begin = i + (braced ? 2 : 1);
    std::size_t end = begin;
    while (end < text.size() && (braced ? text[end] != '}' : is_name(text[end]))) {
      ++end;
    }
    const std::size_t next = braced ? end + 1 : end;
    const bool whole = end > begin && next <= text.size();
    const auto value = whole ? environment(text.substr(begin, end - begin)) : std::nullopt;
    const std::size_t taken = whole ? next : i + 1;
    result += value ? *value : std::string(text.substr(i, taken - i));
    i = taken;
  }
  return result;
}

std::optional<bool> as_bool(std::string_view text) {
  const std::string lower = to_lower(trim(text));
  if (lower == "true" || lower == "yes" || lower == "on" || lower == "y" || lower == "1") {
    return true;
  }
  if (lower == "false" || lower == "no" || lower == "off" || lower == "n" || lower == "0") {
    return false;
  }
  return std::nullopt;
}

// Collects what all places say about a setting, merges it and notes where it comes from.
class Merger {
 public:
  Merger(const CondaSources& sources, CondaConfig& config)
      : sources_(sources),
        config_(config) {}

  Result<void> add_file(const std::filesystem::path& file) {
    ATHANOR_ASSIGN(const std::string text, read_file(file, k_file_bytes));
    ATHANOR_ASSIGN(RcValue document, parse_rc_document(text, file.string()));
    config_.files.push_back(file.string());
    documents_.push_back({.value = std::move(document), .where = file.string()});
    return {};
  }

  enum class Expand { no, yes };

  std::optional<std::string> text(const Names& names, Expand expand = Expand::no) {
    const auto matches = matches_of(names, RcValue::Kind::scalar);
    if (matches.empty()) {
      return std::nullopt;
    }
    RcText merged = merge_texts(matches);
    where_ = merged.where;
    config_.shown.push_back({std::string(names.front()), Json(merged.text), merged.where});
    return expand == Expand::yes ? expand_variables(merged.text, sources_.environment)
                                 : std::move(merged.text);
  }

  std::optional<bool> boolean(const Names& names) {
    const auto said = text(names);
    const auto value = said ? as_bool(*said) : std::nullopt;
    if (said && !value) {
      warn(names, "is neither true nor false");
    }
    return value;
  }

  std::optional<double> number(const Names& names) {
    const auto said = text(names);
    if (!said) {
      return std::nullopt;
    }
    char* end = nullptr;
    const double value = std::strtod(said->c_str(), &end);
    if (said->empty() || *end != '\0' || !std::isfinite(value) || value < 0 || value > 1e7) {
      warn(names, "is no number that makes sense");
      return std::nullopt;
    }
    return value;
  }

  std::optional<std::vector<std::string>> list(const Names& names, Expand expand) {
    const auto matches = matches_of(names, RcValue::Kind::list);
    if (matches.empty()) {
      return std::nullopt;
    }
    std::vector<std::string> lines;
    Json shown = Json::array();
    std::vector<std::string> places;
    for (const RcText& line : merge_lists(matches).lines) {
      shown.push_back(line.text);
      note(places, line.where);
      lines.push_back(expand == Expand::yes ? expand_variables(line.text, sources_.environment)
                                            : line.text);
    }
    config_.shown.push_back({std::string(names.front()), std::move(shown), join(places, ", ")});
    return lines;
  }

  std::optional<NamedUrls> map(const Names& names) {
    const auto lists = map_of(names, RcValue::Kind::scalar);
    if (!lists) {
      return std::nullopt;
    }
    NamedUrls result;
    for (const auto& [key, values] : *lists) {
      result.emplace_back(key, values.front());
    }
    return result;
  }

  std::optional<NamedUrlLists> map_of_lists(const Names& names) {
    return map_of(names, RcValue::Kind::list);
  }

  // Where the text that was asked for last comes from.
  const std::string& where() const { return where_; }

  void warn(const Names& names, std::string_view what) {
    config_.warnings.push_back("conda's setting " + std::string(names.front()) + " (" + where_ +
                               ") " + std::string(what) + "; it is left out.");
  }

 private:
  static void note(std::vector<std::string>& places, const std::string& where) {
    if (std::find(places.begin(), places.end(), where) == places.end()) {
      places.push_back(where);
    }
  }

  bool is_of_kind(const RcValue& value, RcValue::Kind kind) const {
    return value.kind == kind &&
           std::all_of(value.items.begin(), value.items.end(),
                       [](const RcValue& item) { return item.kind == RcValue::Kind::scalar; });
  }

  std::vector<RcMatch> matches_of(const Names& names, RcValue::Kind kind) {
    std::vector<RcMatch> matches;
    for (const RcMatch& document : documents_) {
      for (const std::string_view name : names) {
        const RcValue* value = document.value.find(name);
        if (value == nullptr || value->kind == RcValue::Kind::null) {
          continue;
        }
        where_ = document.where + ":" + std::to_string(value->line);
        if (is_of_kind(*value, kind)) {
          matches.push_back({.value = *value, .where = document.where});
          break;
        }
        warn(names, kind == RcValue::Kind::list  ? "is no list of texts"
                    : kind == RcValue::Kind::map ? "is no mapping"
                                                 : "is no single value");
      }
    }
    for (const std::string_view name : names) {
      const std::string variable = "CONDA_" + upper(name);
      const auto said = sources_.environment(variable);
      if (!said || said->empty()) {
        continue;
      }
      where_ = variable;
      if (kind == RcValue::Kind::map) {
        warn(names, "can't be set by a variable");
        continue;
      }
      RcValue value{.kind = kind, .text = *said};
      if (kind == RcValue::Kind::list) {
        for (const std::string_view part : split(*said, ',')) {
          if (!trim(part).empty()) {
            value.items.push_back({.kind = RcValue::Kind::scalar, .text = std::string(trim(part))});
          }
        }
      }
      matches.push_back({.value = std::move(value), .where = variable, .is_variable = true});
      break;
    }
    return matches;
  }

  // Each member's texts: exactly one if `kind` is scalar.
  std::optional<NamedUrlLists> map_of(const Names& names, RcValue::Kind kind) {
    const auto matches = matches_of(names, RcValue::Kind::map);
    if (matches.empty()) {
      return std::nullopt;
    }
    NamedUrlLists result;
    Json shown = Json::object();
    std::vector<std::string> places;
    for (const RcMap::Member& member : merge_maps(matches).members) {
      if (!is_of_kind(member.value, kind)) {
        where_ = member.where;
        warn(names, "has an entry of the wrong kind, '" + printable(member.key, 80) + "',");
        continue;
      }
      std::vector<std::string> texts;
      Json values = Json::array();
      if (kind == RcValue::Kind::scalar) {
        texts.push_back(expand_variables(member.value.text, sources_.environment));
      }
      for (const RcValue& item : member.value.items) {
        texts.push_back(expand_variables(item.text, sources_.environment));
        values.push_back(item.text);
      }
      shown.set(member.key, kind == RcValue::Kind::scalar ? Json(member.value.text) : values);
      note(places, member.where);
      result.emplace_back(member.key, std::move(texts));
    }
    config_.shown.push_back({std::string(names.front()), std::move(shown), join(places, ", ")});
    return result;
  }

  const CondaSources& sources_;
  CondaConfig& config_;
  std::vector<RcMatch> documents_;  // of files, weakest first
  std::string where_;
};

void read_channels(Merger& merger, ChannelSettings& channels) {
  using Expand = Merger::Expand;
  const auto alias = merger.text({"channel_alias"}, Expand::yes);
  if (alias && !split_channel_url(*alias)) {
    merger.warn({"channel_alias"}, "is no URL");
  } else if (alias) {
    channels.channel_alias = *alias;
  }
  channels.channels = merger.list({"channels", "channel"}, Expand::yes).value_or(channels.channels);
  channels.default_channels = merger.list({"default_channels"}, Expand::yes);
  channels.custom_channels = merger.map({"custom_channels"}).value_or(channels.custom_channels);
  channels.custom_multichannels =
      merger.map_of_lists({"custom_multichannels"}).value_or(NamedUrlLists());
  channels.migrated_channel_aliases =
      merger.list({"migrated_channel_aliases"}, Expand::no).value_or(std::vector<std::string>());
  channels.migrated_custom_channels =
      merger.map({"migrated_custom_channels"}).value_or(NamedUrls());
  channels.mirrored_channels = merger.map_of_lists({"mirrored_channels"}).value_or(NamedUrlLists());
  channels.allowlist_channels =
      merger.list({"allowlist_channels", "whitelist_channels"}, Expand::yes)
          .value_or(std::vector<std::string>());
  channels.denylist_channels =
      merger.list({"denylist_channels"}, Expand::yes).value_or(std::vector<std::string>());
}

std::optional<std::chrono::milliseconds> milliseconds_of(std::optional<double> seconds) {
  return seconds ? std::optional(std::chrono::milliseconds(
                       static_cast<std::int64_t>(std::llround(*seconds * 1000))))
                 : std::nullopt;
}

std::filesystem::path user_path(std::string_view text, const CondaSources& sources) {
  if (text == "~" || text.starts_with("~/")) {
    return std::filesystem::path(sources.environment("HOME").value_or("/")) /
           strip_slashes(text.substr(1));
  }
  return sources.working_directory / text;
}

void read_network(Merger& merger, const CondaSources& sources, CondaNetwork& network) {
  using Verify = CondaNetwork::Verify;
  using Expand = Merger::Expand;
  network.proxy_servers = merger.map({"proxy_servers"}).value_or(NamedUrls());
  if (const auto verify = merger.text({"ssl_verify", "verify_ssl"}, Expand::yes)) {
    network.ssl_verify_where = merger.where();
    if (const auto flag = as_bool(*verify)) {
      network.ssl_verify = *flag ? Verify::on : Verify::off;
    } else if (*verify == "truststore" || *verify == "<system>") {
      network.ssl_verify = Verify::system;
    } else {
      network.ssl_verify = Verify::bundle;
      network.ca_bundle = user_path(*verify, sources);
    }
  }
  if (const auto certificate = merger.text({"client_ssl_cert", "client_cert"}, Expand::yes)) {
    network.client_certificate = user_path(*certificate, sources);
  }
  if (const auto key = merger.text({"client_ssl_cert_key", "client_cert_key"}, Expand::yes)) {
    network.client_key = user_path(*key, sources);
  }
  network.offline = merger.boolean({"offline"});
  network.connect_timeout = milliseconds_of(merger.number({"remote_connect_timeout_secs"}));
  network.read_timeout = milliseconds_of(merger.number({"remote_read_timeout_secs"}));
  if (const auto retries = merger.number({"remote_max_retries"})) {
    network.max_retries = static_cast<std::uint64_t>(*retries);
  }
}

bool is_yaml_name(const std::filesystem::path& file) {
  return file.extension() == ".yml" || file.extension() == ".yaml";
}

std::vector<std::filesystem::path> search_path(const CondaSources& sources) {
  std::vector<std::filesystem::path> paths;
  const auto add = [&](const std::filesystem::path& folder) {
    for (const char* name : {".condarc", "condarc", "condarc.d"}) {
      paths.push_back(folder / name);
    }
  };
  const auto variable = [&](std::string_view name) -> std::optional<std::filesystem::path> {
    const auto value = sources.environment(name);
    return value && !value->empty() ? std::optional(user_path(*value, sources)) : std::nullopt;
  };
  add(sources.system_root / "etc/conda");
  add(sources.system_root / "var/lib/conda");
  if (const auto root = variable("CONDA_ROOT")) {
    add(*root);
  } else if (const auto program = variable("CONDA_EXE")) {
    add(program->parent_path().parent_path());
  } else if (const auto mamba = variable("MAMBA_ROOT_PREFIX")) {
    add(*mamba);
  }
  if (const auto config = variable("XDG_CONFIG_HOME")) {
    add(*config / "conda");
  }
  if (const auto home = variable("HOME")) {
    add(*home / ".config/conda");
    add(*home / ".conda");
    paths.push_back(*home / ".condarc");
  }
  if (const auto prefix = variable("CONDA_PREFIX")) {
    add(*prefix);
  }
  if (const auto file = variable("CONDARC")) {
    paths.push_back(*file);
  }
  return paths;
}

}  // namespace

std::vector<std::filesystem::path> find_condarc_files(const CondaSources& sources) {
  std::vector<std::filesystem::path> files;
  const auto add = [&](const std::filesystem::path& file) {
    const std::filesystem::path plain = file.lexically_normal();
    if (files.size() < k_files && std::find(files.begin(), files.end(), plain) == files.end()) {
      files.push_back(plain);
    }
  };
  for (const std::filesystem::path& path : search_path(sources)) {
    std::error_code ignored;
    if (std::filesystem::is_regular_file(path, ignored)) {
      add(path);
      continue;
    }
    if (!std::filesystem::is_directory(path, ignored)) {
      continue;
    }
    if (const auto entries = list_directory(path)) {
      for (const DirectoryEntry& entry : *entries) {
        const std::filesystem::path file = path / entry.name;
        if (is_yaml_name(file) && std::filesystem::is_regular_file(file, ignored)) {
          add(file);
        }
      }
    }
  }
  return files;
}

Result<CondaConfig> load_conda_config(const CondaSources& sources) {
  CondaConfig config;
  Merger merger(sources, config);
  for (const std::filesystem::path& file : find_condarc_files(sources)) {
    if (auto added = merger.add_file(file); !added) {
      Error error = std::move(added).error().with_context("reading conda's configuration");
      error.hint =
          "correct the file, or set ATHANOR_CONDA_CONFIG=false to do without conda's files";
      return error;
    }
  }
  read_channels(merger, config.channels);
  read_network(merger, sources, config.network);
  config.channels.working_directory = sources.working_directory;
  config.channels.home = sources.environment("HOME").value_or("/");
  config.add_anaconda_token =
      merger.boolean({"add_anaconda_token", "add_binstar_token"}).value_or(true);
  config.pkgs_dirs =
      merger.list({"pkgs_dirs"}, Merger::Expand::yes).value_or(std::vector<std::string>());
  std::sort(config.shown.begin(), config.shown.end(),
            [](const CondaShown& a, const CondaShown& b) { return a.name < b.name; });
  return config;
}

}  // namespace athanor

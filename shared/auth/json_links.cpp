#include "shared/auth/links.hpp"
#include "shared/base/base64.hpp"
#include "shared/base/strings.hpp"
#include "shared/base/units.hpp"
#include "shared/json/json.hpp"
#include "shared/os/files.hpp"

#include <algorithm>

// The links whose files are JSON: rattler's, mamba's, Metaflow's.
namespace athanor {
namespace {

void not_understood(Warnings& warnings, const std::string& where, std::string_view host,
                    std::string_view why) {
  warnings.push_back("The credentials for '" + printable(host, 120) + "' in " + where +
                     " are not used: " + std::string(why) + ".");
}

// An object, or nothing with a warning. The parser's message is left out: it may repeat a secret.
std::optional<Json> parse_object(const std::string& text, const std::string& where,
                                 Warnings& warnings) {
  auto document = parse_json(text, {.bytes = 1_MiB, .depth = 16, .nodes = 100'000});
  if (!document || !document->is_object()) {
    warnings.push_back("Credentials are not read: " + where + " is not a JSON object.");
    return std::nullopt;
  }
  return std::move(*document);
}

const std::string* text_of(const Json& object, std::string_view key) {
  const Json* value = object.find(key);
  return value == nullptr ? nullptr : value->as_string();
}

// {"BearerToken": "..."}, {"CondaToken": "..."}, {"BasicHTTP": {"username", "password"}}
std::optional<Credential> rattler_credential(const Json& entry) {
  Credential credential;
  if (const std::string* bearer = text_of(entry, "BearerToken")) {
    credential.kind = Credential::Kind::bearer;
    credential.secret = *bearer;
    return credential;
  }
  if (const std::string* token = text_of(entry, "CondaToken")) {
    credential.kind = Credential::Kind::token;
    credential.secret = *token;
    return credential;
  }
  const Json* basic = entry.find("BasicHTTP");
  const std::string* user = basic == nullptr ? nullptr : text_of(*basic, "username");
  const std::string* password = basic == nullptr ? nullptr : text_of(*basic, "password");
  if (user == nullptr || password == nullptr) {
    return std::nullopt;
  }
  credential.user = *user;
  credential.secret = *password;
  return credential;
}

// {"type": "BearerToken" | "CondaToken", "token"}, {"type": "BasicHTTPAuthentication", "user",
// "password" in base64}
std::optional<Credential> mamba_credential(const Json& entry) {
  const std::string* type = text_of(entry, "type");
  const std::string* token = text_of(entry, "token");
  Credential credential;
  if (type == nullptr) {
    return std::nullopt;
  }
  if ((*type == "BearerToken" || *type == "CondaToken") && token != nullptr) {
    credential.kind = *type == "BearerToken" ? Credential::Kind::bearer : Credential::Kind::token;
    credential.secret = *token;
    return credential;
  }
  const std::string* user = text_of(entry, "user");
  const std::string* encoded = text_of(entry, "password");
  if (*type != "BasicHTTPAuthentication" || encoded == nullptr) {
    return std::nullopt;
  }
  const auto password = base64_decode(trim(*encoded));
  if (!password) {
    return std::nullopt;
  }
  credential.user = user == nullptr ? "" : *user;
  credential.secret.assign(password->begin(), password->end());
  return credential;
}

CredentialLinkPtr host_file_link(std::string_view name, const std::filesystem::path& file,
                                 std::optional<Credential> (*read)(const Json&),
                                 Warnings& warnings) {
  const auto text = read_secret_file(file, warnings);
  auto link = std::make_unique<HostListLink>(name, text ? file.string() : "");
  const auto document = text ? parse_object(*text, file.string(), warnings) : std::nullopt;
  if (!document) {
    return link;
  }
  for (const Json::Member& member : *document->as_object()) {
    auto credential = member.value.is_object() ? read(member.value) : std::nullopt;
    if (!credential || !is_usable_secret(credential->secret)) {
      not_understood(warnings, file.string(), member.key, "their kind is not one for HTTP");
      continue;
    }
    credential->where = file.string() + ":" + std::to_string(member.value.line());
    link->add(member.key, std::move(*credential));
  }
  return link;
}

// The variable, or the key in the profile's file.
std::optional<std::pair<Json, std::string>> metaflow_value(const CredentialSources& sources,
                                                           Warnings& warnings) {
  constexpr std::string_view k_name = "METAFLOW_CONDA_SRCS_AUTH_INFO";
  if (const auto value = sources.environment(k_name); value && !value->empty()) {
    auto document = parse_object(*value, std::string(k_name), warnings);
    return document ? std::optional(std::pair(std::move(*document), std::string(k_name)))
                    : std::nullopt;
  }
  const std::string profile = sources.environment("METAFLOW_PROFILE").value_or("");
  const std::string directory = sources.environment("METAFLOW_HOME").value_or("");
  const std::filesystem::path file =
      absolute_of(sources, directory.empty() ? "~/.metaflowconfig" : directory) /
      (profile.empty() ? "config.json" : "config_" + profile + ".json");
  // Most such files hold no credentials, so who may read them is no concern here.
  auto text = read_file_if_exists(file, 1_MiB);
  if (!text || !*text) {
    return std::nullopt;
  }
  auto document = parse_object(**text, file.string(), warnings);
  const Json* value = document ? document->find(k_name) : nullptr;
  if (value == nullptr) {
    return std::nullopt;
  }
  const std::string where = file.string() + ":" + std::to_string(value->line());
  if (const std::string* inner = value->as_string()) {
    auto parsed = inner->empty() ? std::nullopt : parse_object(*inner, where, warnings);
    return parsed ? std::optional(std::pair(std::move(*parsed), where)) : std::nullopt;
  }
  return std::pair(*value, where);
}

}  // namespace

CredentialLinkPtr make_rattler_link(const CredentialSources& sources, Warnings& warnings) {
  constexpr std::string_view k_name = "rattler";
  const auto named = sources.environment("RATTLER_AUTH_FILE");
  if (named && !named->empty()) {
    // Alone, as pixi has it.
    const std::filesystem::path file = absolute_of(sources, *named);
    const std::size_t warned = warnings.size();
    CredentialLinkPtr link = host_file_link(k_name, file, rattler_credential, warnings);
    if (link->place().empty() && warnings.size() == warned) {
      warnings.push_back("RATTLER_AUTH_FILE names " + printable(file.string()) +
                         ", which isn't there.");
    }
    return link;
  }
  const auto home = home_of(sources);
  return home ? host_file_link(k_name, *home / ".rattler/credentials.json", rattler_credential,
                               warnings)
              : std::make_unique<HostListLink>(k_name, "");
}

CredentialLinkPtr make_mamba_link(const CredentialSources& sources, Warnings& warnings) {
  constexpr std::string_view k_name = "mamba";
  const auto home = home_of(sources);
  return home ? host_file_link(k_name, *home / ".mamba/auth/authentication.json", mamba_credential,
                               warnings)
              : std::make_unique<HostListLink>(k_name, "");
}

CredentialLinkPtr make_metaflow_link(const CredentialSources& sources, Warnings& warnings) {
  const auto value = metaflow_value(sources, warnings);
  auto link = std::make_unique<HostListLink>("metaflow", value ? value->second : "");
  if (!value || !value->first.is_object()) {
    return link;
  }
  for (const Json::Member& member : *value->first.as_object()) {
    const Json::Array* pair = member.value.as_array();
    if (pair == nullptr || pair->size() != 2 || !(*pair)[0].is_string() ||
        !(*pair)[1].is_string()) {
      not_understood(warnings, value->second, member.key, "expected [user, password]");
      continue;
    }
    link->add(member.key, {.kind = Credential::Kind::basic,
                           .user = *(*pair)[0].as_string(),
                           .secret = *(*pair)[1].as_string(),
                           .where = value->second});
  }
  return link;
}

}  // namespace athanor

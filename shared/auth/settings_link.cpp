#include "shared/auth/links.hpp"
#include "shared/base/strings.hpp"
#include "shared/config/toml.hpp"
#include "shared/json/json.hpp"

#include <array>
#include <set>

namespace athanor {
namespace {

Error wrong(const std::string& where, const std::string& what) {
  return make_error(ErrorKind::invalid, where + ": " + what,
                    "see CREDENTIALS.md for what may stand there");
}

// "bearer", "bearer_file" or "bearer_variable": the text itself, or what the file or the variable
// holds.
Result<std::optional<std::string>> secret_of(const Json& entry, const std::string& name,
                                             const CredentialSources& sources,
                                             const std::string& where, Warnings& warnings) {
  std::optional<std::string> secret;
  for (const char* suffix : {"", "_file", "_variable"}) {
    const std::string key = name + suffix;
    const Json* value = entry.find(key);
    if (value == nullptr) {
      continue;
    }
    const std::string* text = value->as_string();
    if (text == nullptr || secret) {
      return wrong(where, text == nullptr ? "'" + key + "' must be a string"
                                          : "'" + name + "' is given twice");
    }
    if (key.ends_with("_file")) {
      const std::filesystem::path file = absolute_of(sources, *text);
      secret = read_secret_file(file, warnings);
      if (!secret) {
        return wrong(where,
                     "'" + key + "': there is no readable file '" + printable(file.string()) + "'");
      }
      secret = std::string(trim(*secret));
    } else if (key.ends_with("_variable")) {
      secret = sources.environment(*text);
      if (!secret) {
        return wrong(where, "'" + key + "': the variable '" + printable(*text, 80) + "' isn't set");
      }
    } else {
      secret = *text;
    }
    if (!is_usable_secret(*secret)) {
      return wrong(where, "'" + key + "' is empty or has control characters in it");
    }
  }
  return secret;
}

Result<Credential> credential_of(const Json& entry, const CredentialSources& sources,
                                 const std::string& where, Warnings& warnings) {
  static const std::set<std::string> k_known = {
      "user",        "password",        "password_file", "password_variable", "bearer",
      "bearer_file", "bearer_variable", "token",         "token_file",        "token_variable"};
  for (const Json::Member& member : *entry.as_object()) {
    if (!k_known.contains(member.key)) {
      return wrong(where, "unknown key '" + printable(member.key, 80) + "'");
    }
  }
  ATHANOR_ASSIGN(auto password, secret_of(entry, "password", sources, where, warnings));
  ATHANOR_ASSIGN(auto bearer, secret_of(entry, "bearer", sources, where, warnings));
  ATHANOR_ASSIGN(auto token, secret_of(entry, "token", sources, where, warnings));
  const Json* user = entry.find("user");
  if ((user != nullptr && !user->is_string()) || (user != nullptr) != password.has_value()) {
    return wrong(where, "'user' and 'password' belong together");
  }
  const int kinds = (password ? 1 : 0) + (bearer ? 1 : 0) + (token ? 1 : 0);
  if (kinds != 1) {
    return wrong(where, "expected either user and password, or bearer, or token");
  }
  Credential credential{.where = where};
  if (password) {
    credential.kind = Credential::Kind::basic;
    credential.user = *user->as_string();
    credential.secret = std::move(*password);
  } else {
    credential.kind = bearer ? Credential::Kind::bearer : Credential::Kind::token;
    credential.secret = std::move(bearer ? *bearer : *token);
  }
  return credential;
}

// The message of a parser may repeat what it stumbled over; only the place is told.
Error unreadable(const Error& error, const std::string& file) {
  std::string where = file;
  const std::string_view rest =
      error.message.starts_with(file) ? std::string_view(error.message).substr(file.size()) : "";
  const std::size_t end = rest.find_first_not_of(":0123456789");
  where += rest.substr(0, std::min(end, rest.size()));
  while (where.ends_with(':')) {
    where.pop_back();
  }
  return wrong(where, "not TOML");
}

Result<void> add_file(HostListLink& link, const std::filesystem::path& file,
                      const std::string& text, const CredentialSources& sources,
                      Warnings& warnings) {
  auto document = config::parse_toml(text, file.string());
  if (!document) {
    return unreadable(document.error(), file.string());
  }
  for (const Json::Member& member : *document->as_object()) {
    const std::string where = file.string() + ":" + std::to_string(member.value.line());
    if (!member.value.is_object()) {
      return wrong(where, "expected a table such as [\"repo.example.com\"]");
    }
    ATHANOR_ASSIGN(Credential credential, credential_of(member.value, sources, where, warnings));
    link.add(member.key, std::move(credential));
  }
  return {};
}

}  // namespace

Result<CredentialLinkPtr> make_settings_link(const CredentialSources& sources, Warnings& warnings) {
  std::vector<std::filesystem::path> files;
  if (!sources.file.empty()) {
    files.push_back(sources.working_directory / sources.file);
  } else {
    // The user's entries are asked before the system's where both fit equally well.
    if (const auto config = sources.environment("XDG_CONFIG_HOME"); config && !config->empty()) {
      files.push_back(std::filesystem::path(*config) / "athanor/credentials.toml");
    } else if (const auto home = home_of(sources)) {
      files.push_back(*home / ".config/athanor/credentials.toml");
    }
    files.push_back(sources.system_file);
  }
  std::string place;
  std::vector<std::pair<std::filesystem::path, std::string>> texts;
  for (const std::filesystem::path& file : files) {
    const std::size_t warned = warnings.size();
    auto text = read_secret_file(file, warnings);
    if (text) {
      place += (place.empty() ? "" : ", ") + file.string();
      texts.emplace_back(file, std::move(*text));
    } else if (!sources.file.empty()) {
      warnings.resize(warned);
      return make_error(
          ErrorKind::not_found,
          "there is no readable file of credentials '" + printable(file.string()) + "'",
          "auth.file and ATHANOR_AUTH_FILE name it");
    }
  }
  auto link = std::make_unique<HostListLink>("settings", place);
  for (const auto& [file, text] : texts) {
    ATHANOR_TRY(add_file(*link, file, text, sources, warnings));
  }
  return CredentialLinkPtr(std::move(link));
}

}  // namespace athanor

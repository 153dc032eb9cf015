#include "shared/auth/links.hpp"
#include "shared/base/strings.hpp"
#include "shared/os/files.hpp"

#include <algorithm>
#include <map>

// The links that go by conda's tokens and by what stands in URLs.
namespace athanor {
namespace {

// User and password in a URL; absent if there are none.
std::optional<Credential> userinfo_of(const Url& url, const std::string& where) {
  if (url.userinfo.empty()) {
    return std::nullopt;
  }
  const std::size_t colon = std::min(url.userinfo.find(':'), url.userinfo.size());
  const std::size_t password = std::min(colon + 1, url.userinfo.size());
  return Credential{.kind = Credential::Kind::basic,
                    .user = percent_decode(url.userinfo.substr(0, colon)),
                    .secret = percent_decode(url.userinfo.substr(password)),
                    .where = where};
}

// A URL with credentials in it as the request that they mean.
Credential credential_in(const Url& url, const std::string& where) {
  Url bare = url;
  bare.userinfo.clear();
  Credential credential =
      userinfo_of(url, where).value_or(Credential{.kind = Credential::Kind::url, .where = where});
  credential.secret_url = bare.spell();
  return credential;
}

class UrlTokenLink final : public CredentialLink {
 public:
  std::string_view name() const override { return "url-token"; }
  std::string place() const override { return "the URL"; }
  std::optional<Credential> find(const Url& url) const override {
    const auto spelled = split_channel_url(url.spell());
    return spelled && !spelled->token.empty() ? std::optional(credential_in(url, "the URL"))
                                              : std::nullopt;
  }
};

class UrlLink final : public CredentialLink {
 public:
  std::string_view name() const override { return "url"; }
  std::string place() const override { return "the URL"; }
  std::optional<Credential> find(const Url& url) const override {
    return userinfo_of(url, "the URL");
  }
};

class CondarcLink final : public CredentialLink {
 public:
  explicit CondarcLink(const CondaConfig& conda)
      : channels_(conda.channels) {
    for (const CondaShown& shown : conda.shown) {
      if (shown.name == "channel_alias" || shown.name.ends_with("channels")) {
        place_ += (place_.empty() ? "" : ", ") + shown.where;
      }
    }
  }
  std::string_view name() const override { return "condarc"; }
  std::string place() const override { return place_; }
  std::optional<Credential> find(const Url& url) const override {
    Url bare = url;
    bare.userinfo.clear();
    const auto secret = channels_.with_credentials(bare.spell());
    const auto parsed = secret ? Url::parse(*secret) : Result<Url>(Error{});
    return parsed ? std::optional(credential_in(*parsed, place_)) : std::nullopt;
  }

 private:
  ChannelConfig channels_;
  std::string place_;
};

// anaconda-client's token files: each is called after the URL that it is for.
class AnacondaLink final : public CredentialLink {
 public:
  AnacondaLink(const CredentialSources& sources, const CondaConfig& conda, Warnings& warnings)
      : channels_(conda.channels) {
    if (!conda.add_anaconda_token) {
      return;
    }
    for (const std::filesystem::path& directory : directories(sources)) {
      add_directory(directory, warnings);
    }
  }
  std::string_view name() const override { return "anaconda"; }
  std::string place() const override { return place_; }
  std::optional<Credential> find(const Url& url) const override {
    Url bare = url;
    bare.userinfo.clear();
    const std::string text = bare.spell();
    const auto fit = std::find_if(tokens_.begin(), tokens_.end(), [&](const auto& known) {
      return begins_with_segments(text, known.first);
    });
    if (fit == tokens_.end()) {
      return std::nullopt;
    }
    const auto secret = channels_.with_token(text, fit->second.secret);
    return secret ? std::optional(Credential{.kind = Credential::Kind::url,
                                             .secret_url = *secret,
                                             .where = fit->second.where})
                  : std::nullopt;
  }

 private:
  struct Token {
    std::string secret;
    std::string where;
  };

  static std::vector<std::filesystem::path> directories(const CredentialSources& sources) {
    const auto variable = sources.environment("BINSTAR_CONFIG_DIR");
    if (variable && !variable->empty()) {
      return {absolute_of(sources, *variable) / "data"};
    }
    std::vector<std::filesystem::path> result;
    const auto home = home_of(sources);
    if (const auto data = sources.environment("XDG_DATA_HOME"); data && !data->empty()) {
      result.push_back(absolute_of(sources, *data) / "binstar");
    } else if (home) {
      result.push_back(*home / ".local/share/binstar");
    }
    if (home) {
      result.push_back(*home / ".continuum/anaconda-client/tokens");
    }
    return result;
  }

  void add_directory(const std::filesystem::path& directory, Warnings& warnings) {
    constexpr std::string_view k_suffix = ".token";
    constexpr std::size_t k_most = 1'000;
    std::error_code ignored;
    if (!std::filesystem::is_directory(directory, ignored)) {
      return;
    }
    place_ += (place_.empty() ? "" : ", ") + directory.string();
    const auto entries = list_directory(directory);
    if (!entries) {
      warnings.push_back("Tokens are not read: " + entries.error().message + ".");
      return;
    }
    for (const DirectoryEntry& entry : *entries) {
      if (!entry.name.ends_with(k_suffix) || tokens_.size() >= k_most) {
        continue;
      }
      const auto text = read_secret_file(directory / entry.name, warnings);
      const std::string token(text ? trim(*text) : std::string_view());
      std::string encoded = entry.name.substr(0, entry.name.size() - k_suffix.size());
      std::replace(encoded.begin(), encoded.end(), '+', ' ');
      std::string url = percent_decode(encoded);
      if (!is_usable_secret(token) || !has_scheme(url)) {
        continue;
      }
      const std::string where = (directory / entry.name).string();
      add(url, {token, where});
      // The client logs in at "api.", packages come from "conda.".
      if (const std::size_t api = url.find("://api."); api != std::string::npos) {
        add(url.replace(api, 7, "://conda."), {token, where});
      }
    }
    // The longest, which is the most exact one, is asked first.
    std::stable_sort(tokens_.begin(), tokens_.end(),
                     [](const auto& a, const auto& b) { return a.first.size() > b.first.size(); });
  }

  void add(std::string url, Token token) {
    while (url.ends_with('/')) {
      url.pop_back();
    }
    tokens_.emplace_back(std::move(url), std::move(token));
  }

  ChannelConfig channels_;
  std::string place_;
  std::vector<std::pair<std::string, Token>> tokens_;  // by the URL they are for
};

}  // namespace

CredentialLinkPtr make_url_token_link() {
  return std::make_unique<UrlTokenLink>();
}

CredentialLinkPtr make_condarc_link(const CondaConfig& conda) {
  return std::make_unique<CondarcLink>(conda);
}

CredentialLinkPtr make_anaconda_link(const CredentialSources& sources, const CondaConfig& conda,
                                     Warnings& warnings) {
  return std::make_unique<AnacondaLink>(sources, conda, warnings);
}

CredentialLinkPtr make_url_link() {
  return std::make_unique<UrlLink>();
}

}  // namespace athanor

#pragma once

#include "shared/auth/chain.hpp"

#include <map>

// The makers of the chain's links. Internal to auth. Those that can meet a broken file of somebody
// else append a sentence to `warnings`.
namespace athanor {

// A link that is a list of hosts, as `fits` understands them, with a credential each.
class HostListLink final : public CredentialLink {
 public:
  HostListLink(std::string_view name, std::string place)
      : name_(name),
        place_(std::move(place)) {}

  void add(std::string pattern, Credential credential) {
    entries_.emplace_back(std::move(pattern), std::move(credential));
  }

  std::string_view name() const override { return name_; }
  std::string place() const override { return place_; }
  std::optional<Credential> find(const Url& url) const override;

 private:
  std::string_view name_;
  std::string place_;
  std::vector<std::pair<std::string, Credential>> entries_;
};

using Warnings = std::vector<std::string>;

Result<CredentialLinkPtr> make_settings_link(const CredentialSources& sources, Warnings& warnings);
CredentialLinkPtr make_rattler_link(const CredentialSources& sources, Warnings& warnings);
CredentialLinkPtr make_mamba_link(const CredentialSources& sources, Warnings& warnings);
CredentialLinkPtr make_url_token_link();
CredentialLinkPtr make_condarc_link(const CondaConfig& conda);
CredentialLinkPtr make_anaconda_link(const CredentialSources& sources, const CondaConfig& conda,
                                     Warnings& warnings);
CredentialLinkPtr make_metaflow_link(const CredentialSources& sources, Warnings& warnings);
CredentialLinkPtr make_netrc_link(const CredentialSources& sources, Warnings& warnings);
CredentialLinkPtr make_url_link();

// $HOME, or nothing.
std::optional<std::filesystem::path> home_of(const CredentialSources& sources);
// "~/x" and relative paths made absolute.
std::filesystem::path absolute_of(const CredentialSources& sources, std::string_view path);
// The file's text; absent if it isn't there. What else is wrong becomes a warning, and so does a
// file that others can read.
std::optional<std::string> read_secret_file(const std::filesystem::path& file, Warnings& warnings);
// Fit for a header or a path: no control characters, no emptiness.
bool is_usable_secret(std::string_view text);

}  // namespace athanor

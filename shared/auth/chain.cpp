#include "shared/auth/chain.hpp"

#include "shared/auth/links.hpp"
#include "shared/base/strings.hpp"
#include "shared/base/units.hpp"
#include "shared/os/files.hpp"

#include <sys/stat.h>

#include <algorithm>

namespace athanor {

const std::vector<std::string>& credential_link_names() {
  static const std::vector<std::string> k_names = {"settings",  "rattler", "mamba",
                                                   "url-token", "condarc", "anaconda",
                                                   "metaflow",  "netrc",   "url"};
  return k_names;
}

std::optional<std::filesystem::path> home_of(const CredentialSources& sources) {
  const auto home = sources.environment("HOME");
  return home && !home->empty() ? std::optional<std::filesystem::path>(*home) : std::nullopt;
}

std::filesystem::path absolute_of(const CredentialSources& sources, std::string_view path) {
  if (path == "~" || path.starts_with("~/")) {
    const std::string_view below = path.substr(std::min<std::size_t>(2, path.size()));
    return home_of(sources).value_or("/") / below;
  }
  return sources.working_directory / path;
}

std::optional<std::string> read_secret_file(const std::filesystem::path& file, Warnings& warnings) {
  auto text = read_file_if_exists(file, 1_MiB);
  if (!text) {
    warnings.push_back("Credentials are not read: " + text.error().message + ".");
    return std::nullopt;
  }
  if (!*text) {
    return std::nullopt;
  }
  struct stat facts {};
  if (::stat(file.c_str(), &facts) == 0 && (facts.st_mode & (S_IRGRP | S_IROTH)) != 0) {
    warnings.push_back("Other users can read the credentials in " + printable(file.string()) +
                       ": chmod 600 protects them.");
  }
  return std::move(**text);
}

bool is_usable_secret(std::string_view text) {
  return !text.empty() && std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

std::optional<Credential> HostListLink::find(const Url& url) const {
  const Credential* best = nullptr;
  std::size_t most = 0;
  for (const auto& [pattern, credential] : entries_) {
    const auto exactness = fits(pattern, url);
    if (exactness && *exactness > most) {
      most = *exactness;
      best = &credential;
    }
  }
  return best == nullptr ? std::nullopt : std::optional(*best);
}

Result<std::shared_ptr<const CredentialChain>> CredentialChain::load(
    const CredentialSources& sources, const CondaConfig& conda) {
  auto chain = std::make_shared<CredentialChain>();
  Warnings& warnings = chain->warnings_;
  const auto wanted = [&](std::string_view name) {
    return sources.links.empty() ||
           std::find(sources.links.begin(), sources.links.end(), name) != sources.links.end();
  };
  std::vector<CredentialLinkPtr>& links = chain->links_;
  if (wanted("settings")) {
    ATHANOR_ASSIGN(CredentialLinkPtr link, make_settings_link(sources, warnings));
    links.push_back(std::move(link));
  }
  if (wanted("rattler")) {
    links.push_back(make_rattler_link(sources, warnings));
  }
  if (wanted("mamba")) {
    links.push_back(make_mamba_link(sources, warnings));
  }
  if (wanted("url-token")) {
    links.push_back(make_url_token_link());
  }
  if (wanted("condarc")) {
    links.push_back(make_condarc_link(conda));
  }
  if (wanted("anaconda")) {
    links.push_back(make_anaconda_link(sources, conda, warnings));
  }
  if (wanted("metaflow")) {
    links.push_back(make_metaflow_link(sources, warnings));
  }
  if (wanted("netrc")) {
    links.push_back(make_netrc_link(sources, warnings));
  }
  if (wanted("url")) {
    links.push_back(make_url_link());
  }
  return std::shared_ptr<const CredentialChain>(std::move(chain));
}

AuthorizedUrl CredentialChain::authorize(std::string_view text) const {
  auto url = Url::parse(text);
  if (!url || (url->scheme != "http" && url->scheme != "https")) {
    return {.url = std::string(text)};
  }
  for (const CredentialLinkPtr& link : links_) {
    if (const auto credential = link->find(*url)) {
      AuthorizedUrl access = apply_credential(*url, *credential);
      access.link = link->name();
      return access;
    }
  }
  // A link that is switched off isn't obeyed by accident: curl would send what the URL holds.
  url->userinfo.clear();
  return {.url = url->spell()};
}

Result<std::vector<LinkReport>> CredentialChain::explain(std::string_view text) const {
  ATHANOR_ASSIGN(const Url url, Url::parse(text));
  std::vector<LinkReport> reports;
  bool used = false;
  for (const CredentialLinkPtr& link : links_) {
    LinkReport report{.name = std::string(link->name()), .place = link->place()};
    if (const auto credential = link->find(url)) {
      report.matched = true;
      report.used = !used;
      report.where = credential->where;
      report.would_send = describe_credential(url, *credential);
      used = true;
    }
    reports.push_back(std::move(report));
  }
  return reports;
}

}  // namespace athanor

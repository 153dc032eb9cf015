#pragma once

#include "shared/auth/credential.hpp"
#include "shared/base/result.hpp"
#include "shared/channels/condarc.hpp"
#include "shared/net/credentials.hpp"
#include "shared/os/machine.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace athanor {

// Where credentials are looked for; everything that belongs to the machine is a parameter.
struct CredentialSources {
  EnvironmentLookup environment = process_environment();
  std::filesystem::path working_directory = ".";
  // The file of Athanor's own credentials; must exist if named. Empty: those of the user and the
  // system, if they exist.
  std::filesystem::path file{};
  std::filesystem::path system_file = "/etc/athanor/credentials.toml";
  // Which links are asked, by name; empty: all.
  std::vector<std::string> links{};
};

// The names of all links, in the order in which they are asked.
const std::vector<std::string>& credential_link_names();

// What one link has to say about a URL.
struct LinkReport {
  std::string name{};
  std::string place{};  // what it reads; empty: nothing is there
  bool matched = false;
  bool used = false;         // the first that matched
  std::string where{};       // of a match: "/home/ann/.netrc:3"
  std::string would_send{};  // of a match, redacted
};

// Everybody who may know credentials for an origin, asked in order: the first match is used.
//
//   settings   our own credentials.toml
//   rattler    $RATTLER_AUTH_FILE, or ~/.rattler/credentials.json
//   mamba      ~/.mamba/auth/authentication.json
//   url-token  /t/<token>/ in the URL itself
//   condarc    user, password or token in a channel's URL in conda's settings
//   anaconda   the tokens that `anaconda login` and `conda token` keep
//   metaflow   METAFLOW_CONDA_SRCS_AUTH_INFO
//   netrc      $NETRC, or ~/.netrc
//   url        user and password in the URL
//
// Immutable after loading: thread-safe, no I/O.
class CredentialChain final : public CredentialSource {
 public:
  // invalid or not_found: our own file. What is wrong with others' files is a warning, and their
  // link knows nothing. No message holds anything that stands in such a file.
  static Result<std::shared_ptr<const CredentialChain>> load(const CredentialSources& sources,
                                                             const CondaConfig& conda);

  AuthorizedUrl authorize(std::string_view url) const override;
  // Every link's answer, in order; invalid: not a URL.
  Result<std::vector<LinkReport>> explain(std::string_view url) const;
  // Whole sentences: unreadable files, and files that others can read.
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  std::vector<CredentialLinkPtr> links_;
  std::vector<std::string> warnings_;
};

}  // namespace athanor

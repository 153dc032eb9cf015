#pragma once

#include "shared/base/result.hpp"
#include "shared/os/machine.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace athanor {

// Sections → names → values of an INI file as AWS's tools read it: "#" and ";" begin comment lines,
// an indented line belongs to the name above it ("s3 =\n  endpoint_url = x" is "s3.endpoint_url").
// Section and setting names in their own spelling; values trimmed.
using IniFile = std::map<std::string, std::map<std::string, std::string>>;
IniFile parse_aws_ini(std::string_view text);

// What ~/.aws/config and ~/.aws/credentials say for the profile in use (AWS_PROFILE, else
// "default").
struct AwsProfile {
  std::string name = "default";
  std::map<std::string, std::string> config;       // of the section in the configuration file
  std::map<std::string, std::string> credentials;  // of the section in the credentials file
  std::map<std::string, std::string> services;     // of the "services" section it names
  std::map<std::string, std::string> sso_session;  // of the "sso-session" section it names

  // A setting of the credentials file, else of the configuration file.
  std::optional<std::string> find(const std::string& setting) const;
};

// Files that don't exist are empty; unreadable ones and a named profile that is in neither file are
// errors.
Result<AwsProfile> load_aws_profile(const EnvironmentLookup& environment);
// The same for another profile, which must be there.
Result<AwsProfile> load_aws_profile(const EnvironmentLookup& environment, const std::string& name);

// A variable that is set and not empty.
std::optional<std::string> environment_value(const EnvironmentLookup& environment,
                                             std::string_view name);
// "~/" replaced by $HOME.
std::string expand_home(const EnvironmentLookup& environment, std::string path);

}  // namespace athanor

#include "shared/store/aws_config.hpp"

#include "shared/base/strings.hpp"
#include "shared/base/units.hpp"
#include "shared/os/files.hpp"

namespace athanor {

IniFile parse_aws_ini(std::string_view text) {
  IniFile file;
  std::map<std::string, std::string>* section = nullptr;
  std::string parent;  // the name that indented lines belong to
  for (const std::string_view line : split(text, '\n')) {
    const std::string_view content = trim(line);
    if (content.empty() || content.starts_with('#') || content.starts_with(';')) {
      continue;
    }
    if (content.starts_with('[') && content.ends_with(']')) {
      section = &file[std::string(trim(content.substr(1, content.size() - 2)))];
      parent.clear();
      continue;
    }
    const std::size_t equals = content.find('=');
    if (section == nullptr || equals == std::string_view::npos) {
      continue;
    }
    const std::string name(trim(content.substr(0, equals)));
    const std::string value(trim(content.substr(equals + 1)));
    const bool is_indented = line.starts_with(' ') || line.starts_with('\t');
    if (is_indented && !parent.empty()) {
      (*section)[parent + "." + name] = value;
    } else {
      (*section)[name] = value;
      parent = name;
    }
  }
  return file;
}

std::optional<std::string> environment_value(const EnvironmentLookup& environment,
                                             std::string_view name) {
  auto value = environment(name);
  return value && value->empty() ? std::nullopt : value;
}

std::string expand_home(const EnvironmentLookup& environment, std::string path) {
  if (path.starts_with("~/")) {
    return environment_value(environment, "HOME").value_or("") + path.substr(1);
  }
  return path;
}

std::optional<std::string> AwsProfile::find(const std::string& setting) const {
  for (const auto* section : {&credentials, &config}) {
    const auto found = section->find(setting);
    if (found != section->end() && !found->second.empty()) {
      return found->second;
    }
  }
  return std::nullopt;
}

namespace {

enum class MustExist { no, yes };

Result<AwsProfile> load_profile(const EnvironmentLookup& environment, const std::string& name,
                                MustExist must_exist) {
  AwsProfile profile;
  profile.name = name;
  const auto read = [&](std::string_view variable, const char* usual) -> Result<IniFile> {
    const std::string path =
        expand_home(environment, environment_value(environment, variable).value_or(usual));
    ATHANOR_ASSIGN(const auto text, read_file_if_exists(path, 4_MiB));
    return parse_aws_ini(text.value_or(""));
  };
  ATHANOR_ASSIGN(IniFile config, read("AWS_CONFIG_FILE", "~/.aws/config"));
  ATHANOR_ASSIGN(IniFile credentials, read("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"));
  const std::string section = profile.name == "default" ? profile.name : "profile " + profile.name;
  const bool is_known = config.contains(section) || credentials.contains(profile.name);
  if (must_exist == MustExist::yes && !is_known) {
    return make_error(ErrorKind::invalid,
                      "the AWS profile '" + printable(profile.name) +
                          "' is neither in the configuration nor in the credentials file",
                      "Check AWS_PROFILE, AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE");
  }
  profile.config = std::move(config[section]);
  profile.credentials = std::move(credentials[profile.name]);
  if (const auto services = profile.find("services")) {
    profile.services = std::move(config["services " + *services]);
  }
  if (const auto session = profile.find("sso_session")) {
    profile.sso_session = std::move(config["sso-session " + *session]);
  }
  return profile;
}

}  // namespace

Result<AwsProfile> load_aws_profile(const EnvironmentLookup& environment) {
  auto named = environment_value(environment, "AWS_PROFILE");
  if (!named) {
    named = environment_value(environment, "AWS_DEFAULT_PROFILE");
  }
  return load_profile(environment, named.value_or("default"),
                      named ? MustExist::yes : MustExist::no);
}

Result<AwsProfile> load_aws_profile(const EnvironmentLookup& environment, const std::string& name) {
  return load_profile(environment, name, MustExist::yes);
}

}  // namespace athanor

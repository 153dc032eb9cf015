#pragma once

#include "shared/base/result.hpp"
#include "shared/store/aws_credentials.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Where a profile's settings lead. Internal to the AWS credentials.
namespace athanor {

using AwsWorld = AwsCredentialChain::World;

// A role that is taken with the credentials of another profile (source_profile) or place
// (credential_source). Absent if the profile asks for none. Profiles may lead to others, a few
// times; a circle is invalid. `from_place` gives the credentials of a credential_source.
using AwsPlace = std::function<Result<AwsCredentials>(const std::string& credential_source)>;
Result<std::optional<AwsCredentials>> assumed_role_credentials(const AwsWorld& world,
                                                               const AwsProfile& profile,
                                                               const AwsPlace& from_place);

// Of a person who has logged in with `aws sso login`: the cached token buys a role's keys. rejected
// if the token has expired.
Result<std::optional<AwsCredentials>> sso_credentials(const AwsWorld& world,
                                                      const AwsProfile& profile);

// Keys that stand in the files. Absent if there are none.
std::optional<AwsCredentials> static_credentials(const AwsProfile& profile);

// What the profile's credential_process prints. It is run without a shell and must answer within a
// minute; its standard error is ours.
Result<std::optional<AwsCredentials>> process_credentials(const AwsProfile& profile);

// A command line as a POSIX shell splits it: quotes and backslashes, nothing else. Absent if a
// quote is open.
std::optional<std::vector<std::string>> split_command(std::string_view text);

// The JSON that container endpoints, the metadata service and credential processes give;
// `token_name` is what the session token is called there.
Result<AwsCredentials> aws_credentials_from_json(std::string_view text, std::string origin,
                                                 std::string_view token_name);
// The body of a 200 answer; an Error for anything else.
Result<std::string> fetch_credential_text(HttpClient& http, HttpRequest request,
                                          const std::string& what);
// "https://sts.REGION.amazonaws.com", or AWS_ENDPOINT_URL_STS.
std::string sts_endpoint(const AwsWorld& world);
// The credentials in an answer of the token service to `action`.
Result<AwsCredentials> credentials_from_sts(std::string_view xml, const std::string& action,
                                            std::string origin);

}  // namespace athanor

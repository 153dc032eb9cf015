#pragma once

#include "shared/base/clock.hpp"
#include "shared/base/result.hpp"
#include "shared/net/http_client.hpp"
#include "shared/os/machine.hpp"
#include "shared/store/aws_config.hpp"
#include "shared/store/sigv4.hpp"

#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace athanor {

struct AwsCredentials {
  AwsKeys keys;
  std::optional<WallTime> expires;  // temporary ones
  std::string origin;               // "the environment", "profile 'x'", ...: for messages
};

// Finds credentials where AWS's own tools do, the first that there are:
//   1. AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
//   2. the profile's role, taken with another profile's or place's credentials (source_profile or
//      credential_source)
//   3. a web identity (AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN, or the profile's)
//   4. the profile's SSO login, its keys in the credentials and configuration files, or its
//      credential_process
//   5. the container's endpoint (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI)
//   6. the machine's metadata service, version 2 (unless AWS_EC2_METADATA_DISABLED)
// Temporary ones are fetched anew five minutes before they expire; one thread fetches, the others
// wait. Thread-safe.
class AwsCredentialChain {
 public:
  struct World {
    HttpClient& http;           // to the token service
    HttpClient& metadata_http;  // to what is on this machine or one hop away
    const Clock& clock;
    EnvironmentLookup environment;
    AwsProfile profile;
    std::string region;
  };
  explicit AwsCredentialChain(World world);

  // rejected, with a list of the places that were looked at, if there are none.
  Result<AwsCredentials> get();
  // The store refused these: temporary ones are fetched anew by the next get(). False if they can't
  // be (they don't expire, or were fetched after those that were refused).
  bool invalidate(const AwsCredentials& refused);

 private:
  Result<AwsCredentials> find();
  std::optional<AwsCredentials> from_environment() const;
  Result<std::optional<AwsCredentials>> from_web_identity();
  Result<std::optional<AwsCredentials>> from_role();
  Result<AwsCredentials> from_place(const std::string& credential_source);
  Result<std::optional<AwsCredentials>> from_profile();
  Result<std::optional<AwsCredentials>> from_container();
  Result<std::optional<AwsCredentials>> from_metadata();

  World world_;
  std::mutex mutex_;
  std::optional<AwsCredentials> current_;  // guarded by mutex_
};

}  // namespace athanor

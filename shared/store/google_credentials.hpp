#pragma once

#include "shared/base/result.hpp"
#include "shared/store/bearer_token.hpp"
#include "shared/store/cloud_client.hpp"

#include <string_view>

namespace athanor {

inline constexpr std::string_view k_google_storage_scope =
    "https://www.googleapis.com/auth/devstorage.read_write";

// A token of whoever Google's own tools would use, the first that there is: the credentials file in
// GOOGLE_APPLICATION_CREDENTIALS, gcloud's application default credentials, the metadata server. A
// credentials file may be of a service account (its claim is signed with RS256), of a user's
// refresh token, of a workload identity federation (external_account: the token of a file or a URL
// is exchanged), or of an impersonated account, whose token another of these buys. rejected if
// there are none; unsupported for other kinds.
Result<BearerToken> fetch_google_token(const CloudServices& services, std::string_view scope);

}  // namespace athanor

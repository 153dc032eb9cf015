#pragma once

#include "shared/base/base64.hpp"
#include "shared/base/result.hpp"
#include "shared/digest/digest.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// How the clouds' protocols spell and sign bytes. Internal to store.
namespace athanor {

std::span<const std::uint8_t> as_bytes(std::string_view text);

Sha256 hmac_sha256(std::span<const std::uint8_t> key, std::string_view message);

// RSASSA-PKCS1-v1_5 with SHA-256 ("RS256") by a PEM private key. invalid if it is no RSA key; the
// message doesn't repeat it.
Result<std::vector<std::uint8_t>> sign_rs256(std::string_view pem_private_key,
                                             std::string_view message);

}  // namespace athanor

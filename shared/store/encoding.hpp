#pragma once

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

std::string base64_encode(std::span<const std::uint8_t> bytes);
// Without padding, "-" and "_" for "+" and "/": JSON web tokens.
std::string base64url_encode(std::span<const std::uint8_t> bytes);
// Absent if text isn't base64 (padding may be missing, white space is not allowed).
std::optional<std::vector<std::uint8_t>> base64_decode(std::string_view text);

std::span<const std::uint8_t> as_bytes(std::string_view text);

Sha256 hmac_sha256(std::span<const std::uint8_t> key, std::string_view message);

// RSASSA-PKCS1-v1_5 with SHA-256 ("RS256") by a PEM private key. invalid if it is no RSA key; the
// message doesn't repeat it.
Result<std::vector<std::uint8_t>> sign_rs256(std::string_view pem_private_key,
                                             std::string_view message);

}  // namespace athanor

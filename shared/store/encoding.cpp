#include "shared/store/encoding.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

#include <algorithm>
#include <array>
#include <memory>

namespace athanor {

std::span<const std::uint8_t> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

Sha256 hmac_sha256(std::span<const std::uint8_t> key, std::string_view message) {
  Sha256 result;
  unsigned length = 0;
  const std::uint8_t* done = HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                                  reinterpret_cast<const std::uint8_t*>(message.data()),
                                  message.size(), result.bytes.data(), &length);
  ATHANOR_CHECK(done != nullptr && length == result.bytes.size());
  return result;
}

Result<std::vector<std::uint8_t>> sign_rs256(std::string_view pem_private_key,
                                             std::string_view message) {
  struct Free {
    void operator()(BIO* bio) const { BIO_free(bio); }
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  const std::unique_ptr<BIO, Free> bio(
      BIO_new_mem_buf(pem_private_key.data(), static_cast<int>(pem_private_key.size())));
  // The callback keeps OpenSSL from asking on the terminal for a password.
  const auto no_password = [](char*, int, int, void*) { return 0; };
  const std::unique_ptr<EVP_PKEY, Free> key(
      bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr) : nullptr);
  if (!key || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) {
    return make_error(ErrorKind::invalid, "the private key is no PEM-encoded RSA key");
  }
  const std::unique_ptr<EVP_MD_CTX, Free> context(EVP_MD_CTX_new());
  std::size_t length = static_cast<std::size_t>(EVP_PKEY_get_size(key.get()));
  std::vector<std::uint8_t> signature(length);
  if (!context ||
      EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), signature.data(), &length,
                     reinterpret_cast<const std::uint8_t*>(message.data()), message.size()) != 1) {
    return make_error(ErrorKind::invalid, "the private key can't sign");
  }
  signature.resize(length);
  return signature;
}

}  // namespace athanor

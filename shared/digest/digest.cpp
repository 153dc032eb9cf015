#include "shared/digest/digest.hpp"

#include "shared/base/strings.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace athanor {
namespace {

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

// One running OpenSSL hash. Failing to hash is a broken installation, not a condition to handle.
class RunningHash {
 public:
  explicit RunningHash(const EVP_MD* algorithm)
      : algorithm_(algorithm),
        context_(EVP_MD_CTX_new()) {
    start();
  }

  void update(std::span<const std::uint8_t> bytes) {
    ATHANOR_CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
  }

  template <typename Hash>
  Hash finish() {
    Hash hash;
    unsigned size = 0;
    ATHANOR_CHECK(EVP_DigestFinal_ex(context_.get(), hash.bytes.data(), &size) == 1);
    ATHANOR_CHECK(size == hash.bytes.size());
    start();
    return hash;
  }

 private:
  void start() {
    ATHANOR_CHECK(context_ != nullptr);
    ATHANOR_CHECK(EVP_DigestInit_ex(context_.get(), algorithm_, nullptr) == 1);
  }

  const EVP_MD* algorithm_;
  std::unique_ptr<EVP_MD_CTX, FreeContext> context_;
};

std::span<const std::uint8_t> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

template <typename Hash>
Hash hash_of(const EVP_MD* algorithm, std::string_view text) {
  RunningHash hash(algorithm);
  hash.update(as_bytes(text));
  return hash.finish<Hash>();
}

}  // namespace

template <std::size_t Size, typename Tag>
std::string HashValue<Size, Tag>::hex() const {
  return to_hex(bytes);
}

template <std::size_t Size, typename Tag>
std::optional<HashValue<Size, Tag>> HashValue<Size, Tag>::from_hex(std::string_view text) {
  const std::optional<std::vector<std::uint8_t>> decoded = athanor::from_hex(text);
  if (!decoded || decoded->size() != Size) {
    return std::nullopt;
  }
  HashValue value;
  std::copy(decoded->begin(), decoded->end(), value.bytes.begin());
  return value;
}

template struct HashValue<16, Md5Tag>;
template struct HashValue<20, Sha1Tag>;
template struct HashValue<32, Sha256Tag>;

bool ExpectedDigest::matches(const Digest& actual) const {
  return (!md5 || *md5 == actual.md5) && (!sha256 || *sha256 == actual.sha256) &&
         (!size || *size == actual.size);
}

std::string ExpectedDigest::to_string() const {
  std::vector<std::string> known;
  if (md5) {
    known.push_back("md5 " + md5->hex());
  }
  if (sha256) {
    known.push_back("sha256 " + sha256->hex());
  }
  if (size) {
    known.push_back(std::to_string(*size) + " bytes");
  }
  return known.empty() ? "nothing known" : join(known, ", ");
}

struct DigestHasher::Impl {
  RunningHash md5{EVP_md5()};
  RunningHash sha256{EVP_sha256()};
  std::uint64_t size = 0;
};

DigestHasher::DigestHasher()
    : impl_(std::make_unique<Impl>()) {}

DigestHasher::~DigestHasher() = default;
DigestHasher::DigestHasher(DigestHasher&&) noexcept = default;
DigestHasher& DigestHasher::operator=(DigestHasher&&) noexcept = default;

void DigestHasher::update(std::span<const std::uint8_t> bytes) {
  impl_->md5.update(bytes);
  impl_->sha256.update(bytes);
  impl_->size += bytes.size();
}

Digest DigestHasher::finish() {
  return Digest{.md5 = impl_->md5.finish<Md5>(),
                .sha256 = impl_->sha256.finish<Sha256>(),
                .size = std::exchange(impl_->size, 0)};
}

struct Sha256Hasher::Impl {
  RunningHash hash{EVP_sha256()};
};

Sha256Hasher::Sha256Hasher()
    : impl_(std::make_unique<Impl>()) {}

Sha256Hasher::~Sha256Hasher() = default;
Sha256Hasher::Sha256Hasher(Sha256Hasher&&) noexcept = default;
Sha256Hasher& Sha256Hasher::operator=(Sha256Hasher&&) noexcept = default;

void Sha256Hasher::update(std::span<const std::uint8_t> bytes) {
  impl_->hash.update(bytes);
}

Sha256 Sha256Hasher::finish() {
  return impl_->hash.finish<Sha256>();
}

Md5 md5_of(std::string_view bytes) {
  return hash_of<Md5>(EVP_md5(), bytes);
}

Sha1 sha1_of(std::string_view bytes) {
  return hash_of<Sha1>(EVP_sha1(), bytes);
}

Sha256 sha256_of(std::string_view bytes) {
  return hash_of<Sha256>(EVP_sha256(), bytes);
}

}  // namespace athanor

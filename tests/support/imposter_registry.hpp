#pragma once

#include "shared/digest/digest.hpp"
#include "tests/support/imposter_origin.hpp"

#include <string>
#include <utility>
#include <vector>

namespace athanor::test {

// An OCI registry of our own making, as much of one as a puller of conda packages meets: manifests
// by tag, blobs by digest (with ranges), and tokens, which it asks for as public registries do. It
// is written after the distribution specification, not after our client.
class ImposterRegistry {
 public:
  enum class Tokens { wanted, not_wanted };

  explicit ImposterRegistry(Tokens tokens)
      : tokens_(tokens) {
    origin_.on("/token", [this](const OriginRequest& request) {
      asked_scopes_.push_back(request.target);
      return answer(200, R"({"token":"tk-)" + std::to_string(++issued_) + R"(","expires_in":300})");
    });
  }

  // An image with one layer beside an unrelated one, as mirrors of conda channels have it.
  void push(const std::string& repository, const std::string& tag, const std::string& media_type,
            const std::string& bytes) {
    const std::string digest = "sha256:" + sha256_of(bytes).hex();
    const std::string manifest =
        R"({"schemaVersion":2,"layers":[{"mediaType":"application/vnd.conda.info.v1.tar+gzip",)"
        R"("digest":"sha256:0000000000000000000000000000000000000000000000000000000000000000",)"
        R"("size":1},{"mediaType":")" +
        media_type + R"(","digest":")" + digest + R"(","size":)" + std::to_string(bytes.size()) +
        "}]}";
    serve(repository, "/v2/" + repository + "/manifests/" + tag,
          [manifest](const OriginRequest&) { return answer(200, manifest); });
    serve(repository, "/v2/" + repository + "/blobs/" + digest,
          [bytes](const OriginRequest& request) { return good_file(request, bytes); });
  }

  // "127.0.0.1:PORT".
  std::string host() const { return "127.0.0.1:" + std::to_string(origin_.port()); }
  ImposterOrigin& origin() { return origin_; }
  std::size_t tokens_issued() const { return issued_; }
  // Every token handed out so far is worthless from now on.
  void forget_tokens() { forgotten_ = issued_; }

 private:
  void serve(const std::string& repository, const std::string& path,
             ImposterOrigin::Handler handler) {
    origin_.on(path,
               [this, repository, handler = std::move(handler)](const OriginRequest& request) {
                 return may_pull(request) ? handler(request) : challenge(repository);
               });
  }

  bool may_pull(const OriginRequest& request) const {
    const auto authorization = request.headers.find("authorization");
    return tokens_ == Tokens::not_wanted ||
           (issued_ > forgotten_ && authorization != request.headers.end() &&
            authorization->second == "Bearer tk-" + std::to_string(issued_));
  }

  OriginResponse challenge(const std::string& repository) const {
    OriginResponse response = answer(401, R"({"errors":[{"code":"UNAUTHORIZED"}]})");
    response.headers["WWW-Authenticate"] =
        "Bearer realm=\"" + origin_.url("/token") +
        "\",service=\"imposter\",scope=\"repository:" + repository + ":pull\"";
    return response;
  }

  const Tokens tokens_;
  std::size_t issued_ = 0;  // one test asks at a time: nobody races
  std::size_t forgotten_ = 0;
  std::vector<std::string> asked_scopes_;
  ImposterOrigin origin_;  // last, so that its threads end first
};

}  // namespace athanor::test

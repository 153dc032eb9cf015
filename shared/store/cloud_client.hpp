#pragma once

#include "shared/base/clock.hpp"
#include "shared/base/random.hpp"
#include "shared/net/http_client.hpp"
#include "shared/net/retry.hpp"
#include "shared/os/machine.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>

namespace athanor {

// What a store in a cloud needs of the world. Tests put theirs in.
struct CloudServices {
  std::unique_ptr<HttpClient> http{};           // to the store
  std::unique_ptr<HttpClient> metadata_http{};  // to metadata services: no proxy, short timeouts
  std::unique_ptr<const Clock> clock{};
  Sleeper sleep{};
  EnvironmentLookup environment{};
  RetryPolicy retry{.attempts = 8};
  std::uint64_t seed = 1;  // of the jitter
};

// The real ones. `ca_bundle` may be empty.
Result<CloudServices> real_cloud_services(const std::string& ca_bundle);

// What to do with an answer.
enum class Verdict {
  accept,  // the caller wants to see it, whatever its status
  again,   // build the request anew, wait, send
  fail,    // the error that `explain` makes
};

struct CloudCall {
  std::function<Result<HttpRequest>()> build{};  // called for each try: dates and tokens are fresh
  HttpSink sink{};
  std::function<Verdict(const HttpResponse&, unsigned attempt)> judge{};
  std::function<Error(const HttpResponse&)> explain{};
  std::stop_token stop{};
};

struct CloudAnswer {
  HttpResponse response;
  // An earlier try may have been carried out although no good answer came: what this answer says
  // about conditions may be about our own effect.
  bool after_doubt = false;
};

// Sends, judges, waits and sends again. Thread-safe.
class CloudClient {
 public:
  explicit CloudClient(CloudServices services);

  Result<CloudAnswer> perform(const CloudCall& call);

  // Calendar time as the store's server sees it, once its Date header has been seen to differ much.
  WallTime now() const;
  // Corrects now() from an answer's Date header if that is more than five minutes away. True if it
  // did.
  bool learn_time(const HttpResponse& response);

  const CloudServices& services() const { return services_; }

 private:
  std::chrono::milliseconds next_delay(unsigned attempt, const HttpResponse* response);

  CloudServices services_;
  mutable std::mutex mutex_;
  Random random_;                        // guarded by mutex_
  std::chrono::seconds time_offset_{0};  // guarded by mutex_
};

}  // namespace athanor

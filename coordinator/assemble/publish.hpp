#pragma once

#include "coordinator/assemble/assemble.hpp"
#include "shared/base/clock.hpp"
#include "shared/base/result.hpp"
#include "shared/layout/layout.hpp"
#include "shared/store/store.hpp"

#include <cstddef>
#include <mutex>
#include <stop_token>
#include <string>
#include <unordered_set>
#include <vector>

namespace athanor::coordinator {

struct PublisherOptions {
  std::string user;  // who resolved environments whose input doesn't say it
};

// Puts the documents of one plan's environments into the store, once all of their packages are
// there: the description, the alias of its full id, then the named aliases. Doing it twice leaves
// the same store. A description that is there already stays as it is: it only says otherwise who
// wrote it when. All methods are thread-safe. Plan, store, layout and clock outlive it.
class EnvironmentPublisher {
 public:
  EnvironmentPublisher(Store& store, const Layout& layout, const Plan& plan, const Clock& clock,
                       PublisherOptions options);

  const Assembler& assembler() const { return assembler_; }

  // Asks, in bulk, which environments that miss no package are described already; publish() then
  // has nothing to ask about them. Optional; blocks.
  Result<void> look_ahead(std::stop_token stop = {});

  // The keys of the environment's documents, the description first, when all of them are in the
  // store. Errors: Assembler::assemble's, the store's; invalid (an alias that readers don't
  // accept); rejected (an alias that may not be moved leads elsewhere, or a document that is there
  // already is damaged or names objects that aren't there).
  Result<std::vector<std::string>> publish(std::size_t environment, const PackageResults& results,
                                           std::stop_token stop = {});

 private:
  Result<void> publish_description(std::size_t environment, const PackageResults& results,
                                   const std::string& key, std::stop_token stop);
  Result<void> check_existing(const std::string& key, const EnvironmentDescription& ours);
  Result<void> publish_full_id_alias(const std::string& key, const std::string& content,
                                     std::stop_token stop);
  Result<void> publish_alias(const std::string& alias, const std::string& key,
                             const std::string& content, std::stop_token stop);
  bool is_known(const std::string& key) const;
  void remember(const std::string& key);

  Store& store_;
  const Layout& layout_;
  const Clock& clock_;
  const PublisherOptions options_;
  const Assembler assembler_;
  mutable std::mutex mutex_;
  std::unordered_set<std::string> known_;  // documents that are in the store
};

}  // namespace athanor::coordinator

#pragma once

#include "coordinator/cli/verb.hpp"
#include "coordinator/server/coordinator.hpp"

#include <string>
#include <vector>

namespace athanor::coordinator {

// The options of a verb that lets workers of other machines connect: where, and who may.
class ListenOptions {
 public:
  void declare(cli::OptionTable& table);
  // For a coordinator that has clients, too.
  void declare_clients(cli::OptionTable& table);
  const std::vector<std::string>& client_endpoints() const { return client_endpoints_; }
  // Reads the keys and fills in what the coordinator has to know. invalid: options that need each
  // other, or a damaged key; rejected: a key file that others can read. Says it loudly when the
  // endpoints are to be open to everybody. The context outlives the coordinator.
  Result<void> apply(CoordinatorOptions& options, VerbContext& context) const;

 private:
  std::vector<std::string> endpoints_;
  std::vector<std::string> client_endpoints_;
  std::string key_;
  std::string allowed_keys_;
  bool insecure_ = false;
};

}  // namespace athanor::coordinator

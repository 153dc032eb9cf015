#pragma once

#include "coordinator/cli/settings_options.hpp"
#include "coordinator/cli/verb.hpp"
#include "coordinator/client/session.hpp"
#include "shared/config/settings.hpp"

#include <memory>
#include <string>

namespace athanor::coordinator {

// What all verbs share that talk to a coordinator.

// --coordinator, --key, --server-key.
void declare_connection(cli::OptionTable& table, config::Settings& settings);

// Where the coordinator is: as the settings say, else the one that serves the configured store on
// this machine, else the one that this user started last. not_found: there is none.
Result<std::string> find_coordinator(const config::Settings& settings, const std::string& store_url,
                                     const VerbContext& context);

// Connected and greeted.
Result<std::unique_ptr<ClientSession>> connect_client(const config::Settings& settings,
                                                      const std::string& store_url,
                                                      const VerbContext& context);

// The base of the verbs that ask one thing and print it: they need no store and no inputs.
class ClientVerb : public Verb {
 protected:
  // The connection's options and those that say where settings are read from.
  void declare_client(cli::OptionTable& table);
  Result<std::unique_ptr<ClientSession>> connect(VerbContext& context);
  // The answer as it is, if the person wants JSON. False: as text, which is the verb's business.
  static bool print_json(VerbContext& context, const Json& answer);

  SettingsOptions options_;
};

// Members of answers, for printing; what is missing or of another type reads as empty.
std::uint64_t number_in(const Json& object, std::string_view key);
std::string text_in(const Json& object, std::string_view key);
const Json::Array& list_in(const Json& object, std::string_view key);
const Json& object_in(const Json& object, std::string_view key);

}  // namespace athanor::coordinator

#include "coordinator/cli/listen_options.hpp"

#include "coordinator/cli/settings_options.hpp"
#include "shared/base/strings.hpp"

#include <algorithm>
#include <utility>

namespace athanor::coordinator {

void ListenOptions::declare(cli::OptionTable& table) {
  table.heading("Workers elsewhere");
  table.add(
      {.name = "listen",
       .value_name = "ENDPOINT",
       .help = "Let athanor-worker connect here as well, for example tcp://*:5670. Needs --key "
               "and --allowed-keys.",
       .repeatable = true},
      endpoints_);
  table.add({.name = "key",
             .value_name = "FILE",
             .help = "This coordinator's secret key, made by 'athanor keys new'."},
            key_);
  table.add(
      {.name = "allowed-keys",
       .value_name = "FILE",
       .help = "Who may connect: a line 'worker KEY NAME' each ('athanor keys show --as worker' "
               "prints them). Read again when it changes."},
      allowed_keys_);
  table.add({.name = "insecure",
             .help = "Listen on tcp:// without keys: whoever can reach it can read and forge "
                     "everything, credentials in URLs included."},
            insecure_);
}

void ListenOptions::declare_clients(cli::OptionTable& table) {
  table.add({.name = "client-endpoint",
             .value_name = "ENDPOINT",
             .help = "Let clients (athanor submit --coordinator) connect here as well; may be "
                     "repeated.",
             .repeatable = true},
            client_endpoints_);
}

Result<void> ListenOptions::apply(CoordinatorOptions& options, VerbContext& context) const {
  options.endpoints = endpoints_;
  if (key_.empty() != allowed_keys_.empty()) {
    return make_error(ErrorKind::invalid,
                      key_.empty() ? "--allowed-keys needs --key" : "--key needs --allowed-keys",
                      "both ends know each other by their keys, or neither does");
  }
  std::vector<std::string> all = endpoints_;
  all.insert(all.end(), client_endpoints_.begin(), client_endpoints_.end());
  const bool any_tcp = std::any_of(
      all.begin(), all.end(), [](const auto& endpoint) { return endpoint.starts_with("tcp://"); });
  if (!key_.empty()) {
    EndpointKeys keys;
    ATHANOR_ASSIGN(keys.own, transport::read_secret_key(context.working_directory / key_));
    keys.allowed = context.working_directory / allowed_keys_;
    keys.news = [&context](const std::string& text) { print_warning(context, text); };
    options.keys = std::move(keys);
  } else if (insecure_ && any_tcp) {
    options.exposure = transport::Exposure::insecure;
    print_warning(context,
                  "INSECURE: nothing protects " + printable(join(all, ", ")) +
                      "; whoever can reach it can read and forge everything, credentials in URLs "
                      "included");
  }
  return {};
}

}  // namespace athanor::coordinator

#include "coordinator/cli/client_connection.hpp"

#include "coordinator/cli/run_place.hpp"
#include "shared/base/strings.hpp"
#include "shared/os/files.hpp"
#include "shared/os/machine.hpp"
#include "shared/os/path_text.hpp"

#include <unistd.h>

#include <optional>
#include <ostream>
#include <utility>

namespace athanor::coordinator {
namespace {

constexpr std::uint64_t k_address_bytes = 4'096;

// The address that a coordinator left there; absent if none did.
Result<std::optional<std::string>> address_in(const std::filesystem::path& file) {
  ATHANOR_ASSIGN(const std::optional<std::string> text, read_file_if_exists(file, k_address_bytes));
  if (!text || trim(*text).empty()) {
    return std::optional<std::string>();
  }
  return std::optional<std::string>(std::string(trim(*text)));
}

}  // namespace

void declare_connection(cli::OptionTable& table, config::Settings& settings) {
  table.heading("Coordinator");
  table.add({.name = "coordinator", .value_name = "ENDPOINT"}, settings.coordinator_endpoint);
  table.add({.name = "key", .value_name = "FILE"}, settings.coordinator_key);
  table.add({.name = "server-key", .value_name = "KEY"}, settings.coordinator_server_key);
}

Result<std::string> find_coordinator(const config::Settings& settings, const std::string& store_url,
                                     const VerbContext& context) {
  if (!settings.coordinator_endpoint->empty()) {
    return *settings.coordinator_endpoint;
  }
  if (!settings.state_dir->empty() || !store_url.empty()) {
    ATHANOR_ASSIGN(const std::filesystem::path directory,
                   state_directory_of(settings, store_url, context));
    ATHANOR_ASSIGN(const std::optional<std::string> address, address_in(directory / "clients"));
    if (address) {
      return *address;
    }
  }
  if (settings.state_dir->empty() && store_url.empty()) {
    ATHANOR_ASSIGN(const std::filesystem::path base, state_base(context));
    ATHANOR_ASSIGN(const std::optional<std::string> address, address_in(base / "coordinator"));
    if (address) {
      return *address;
    }
  }
  return make_error(ErrorKind::not_found, "no coordinator was started here",
                    "start one with 'athanor serve --store URL', or name one with --coordinator "
                    "or ATHANOR_COORDINATOR");
}

Result<std::unique_ptr<ClientSession>> connect_client(const config::Settings& settings,
                                                      const std::string& store_url,
                                                      const VerbContext& context) {
  ClientOptions options;
  ATHANOR_ASSIGN(options.socket.endpoint, find_coordinator(settings, store_url, context));
  options.name = printable(user_name() + "@" + host_name() + "/" + std::to_string(::getpid()), 200);
  const bool keys = !settings.coordinator_key->empty();
  if (keys != !settings.coordinator_server_key->empty()) {
    return make_error(ErrorKind::invalid,
                      keys ? "--key needs --server-key" : "--server-key needs --key",
                      "both ends know each other by their keys, or neither does");
  }
  if (keys) {
    transport::EndpointSecurity security;
    ATHANOR_ASSIGN(security.keys, transport::read_secret_key(context.working_directory /
                                                             *settings.coordinator_key));
    ATHANOR_ASSIGN(security.server_key,
                   transport::resolve_public_key(*settings.coordinator_server_key));
    options.socket.security = std::move(security);
  }
  return ClientSession::connect(std::move(options), context.clock);
}

void ClientVerb::declare_client(cli::OptionTable& table) {
  declare_connection(table, options_.settings());
  table.add({.name = "store", .letter = 's', .value_name = "URL"}, options_.settings().store_url);
  table.add({.name = "state-dir", .value_name = "DIR"}, options_.settings().state_dir);
  options_.declare_files(table);
}

Result<std::unique_ptr<ClientSession>> ClientVerb::connect(VerbContext& context) {
  ATHANOR_ASSIGN(const config::LoadReport report, options_.load(context));
  const std::string& url = *options_.settings().store_url;
  const std::string store = url.empty() || url.find("://") != std::string::npos
                                ? url
                                : (context.working_directory / url).lexically_normal().string();
  return connect_client(options_.settings(), store, context);
}

bool ClientVerb::print_json(VerbContext& context, const Json& answer) {
  if (context.common.output == OutputFormat::text) {
    return false;
  }
  context.out << dump_json(answer) << '\n';
  return true;
}

std::uint64_t number_in(const Json& object, std::string_view key) {
  const Json* member = object.find(key);
  return member == nullptr ? 0 : member->as_uint().value_or(0);
}

std::string text_in(const Json& object, std::string_view key) {
  const Json* member = object.find(key);
  const std::string* found = member == nullptr ? nullptr : member->as_string();
  return found == nullptr ? std::string{} : printable(*found, 4096);
}

const Json::Array& list_in(const Json& object, std::string_view key) {
  static const Json::Array k_none;
  const Json* member = object.find(key);
  const Json::Array* found = member == nullptr ? nullptr : member->as_array();
  return found == nullptr ? k_none : *found;
}

const Json& object_in(const Json& object, std::string_view key) {
  static const Json k_empty = Json::object();
  const Json* member = object.find(key);
  return member == nullptr ? k_empty : *member;
}

}  // namespace athanor::coordinator

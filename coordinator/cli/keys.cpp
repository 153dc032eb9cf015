#include "shared/transport/keys.hpp"

#include "coordinator/cli/verb.hpp"
#include "shared/base/strings.hpp"
#include "shared/json/json.hpp"
#include "shared/os/path_text.hpp"
#include "shared/transport/allow_list.hpp"

#include <ostream>
#include <utility>

namespace athanor::coordinator {

namespace {

using transport::KeyFiles;
using transport::PublicKey;

void declare_directory(cli::OptionTable& table, std::string& directory) {
  table.heading("Keys");
  table.add({.name = "directory",
             .value_name = "DIR",
             .help = "Where the keys are. Default: $XDG_CONFIG_HOME/athanor/keys, or "
                     "~/.config/athanor/keys."},
            directory);
}

Result<std::filesystem::path> key_directory(const std::string& given, const VerbContext& context) {
  if (!given.empty()) {
    return context.working_directory / given;
  }
  if (const auto config = context.environment("XDG_CONFIG_HOME"); config && !config->empty()) {
    return std::filesystem::path(*config) / "athanor" / "keys";
  }
  if (const auto home = context.environment("HOME"); home && !home->empty()) {
    return std::filesystem::path(*home) / ".config" / "athanor" / "keys";
  }
  return make_error(ErrorKind::invalid, "neither XDG_CONFIG_HOME nor HOME is set",
                    "--directory says where the keys are");
}

class KeysNewVerb final : public Verb {
 public:
  cli::CommandText text() const override {
    return {
        .name = "keys new",
        .usage = "NAME [--directory DIR] [--json]",
        .summary = "Make a key pair for a coordinator, a worker or a client",
        .description =
            "Makes a CURVE key pair and writes it to two files, NAME.public and NAME.secret, which "
            "only their owner can read. The secret file stays where its program runs; the public "
            "one may be known to everybody. Files that exist are never overwritten, and a secret "
            "key "
            "is never printed.\n\n"
            "The coordinator needs a pair of its own and a file that lists who may connect, a line "
            "for each key: 'worker KEY NAME' or 'client KEY NAME'. It is read again whenever it "
            "changes; whose line goes loses its connection. Workers and clients need a pair of "
            "their own and the coordinator's public key.",
        .examples = {{.command = "athanor keys new coordinator", .says = "One for athanor serve."},
                     {.command = "athanor keys new cruncher-7 --directory /etc/athanor/keys",
                      .says = "One for a worker, kept elsewhere."}}};
  }

  void declare(cli::OptionTable& table) override {
    table.positionals({.name = "NAME",
                       .at_least = 1,
                       .at_most = 1,
                       .help = "What the pair is called: letters, digits, '.', '-' and '_'."},
                      names_);
    declare_directory(table, directory_);
  }

  Result<cli::ExitStatus> run(VerbContext& context) override {
    ATHANOR_ASSIGN(const std::filesystem::path directory, key_directory(directory_, context));
    ATHANOR_ASSIGN(const transport::KeyPair pair, transport::make_key_pair());
    ATHANOR_ASSIGN(const KeyFiles files, transport::write_key_pair(directory, names_[0], pair));
    if (context.common.output != OutputFormat::text) {
      context.out << dump_json(Json::object({{"schema", 1},
                                             {"name", names_[0]},
                                             {"public_key", pair.public_key},
                                             {"public_file", files.public_file.string()},
                                             {"secret_file", files.secret_file.string()}}))
                  << '\n';
      return cli::ExitStatus::ready;
    }
    context.out << pair.public_key << '\n';
    if (context.common.quiet == 0) {
      context.err << "secret key: " << quoted(files.secret_file) << " (stays here)\n"
                  << "public key: " << quoted(files.public_file) << '\n'
                  << "to let it in, add a line to the coordinator's list: "
                  << transport::allow_list_line("worker", pair.public_key, names_[0]) << '\n';
    }
    return cli::ExitStatus::ready;
  }

 private:
  std::vector<std::string> names_;
  std::string directory_;
};

class KeysShowVerb final : public Verb {
 public:
  cli::CommandText text() const override {
    return {
        .name = "keys show",
        .usage = "[NAME|FILE] [--as ROLES] [--directory DIR] [--json]",
        .summary = "Show public keys, or the lines that let them in",
        .description =
            "Prints a pair's public key, or without NAME one line for each pair in the "
            "directory. With --as, prints the line that lets it in, ready to be appended to the "
            "coordinator's list. Secret keys are never printed.",
        .examples = {{.command = "athanor keys show cruncher-7", .says = "Its public key."},
                     {.command = "athanor keys show cruncher-7 --as worker >> allowed",
                      .says = "Let it in as a worker."}}};
  }

  void declare(cli::OptionTable& table) override {
    table.positionals({.name = "NAME",
                       .at_least = 0,
                       .at_most = 1,
                       .help = "A pair in the directory, or the file of a public key."},
                      names_);
    declare_directory(table, directory_);
    table.add({.name = "as",
               .value_name = "ROLES",
               .help = "Print a line of the coordinator's list.",
               .choices = {"worker", "client", "worker,client"}},
              roles_);
  }

  Result<cli::ExitStatus> run(VerbContext& context) override {
    ATHANOR_ASSIGN(const std::vector<PublicKey> keys, find(context));
    Json list = Json::array();
    for (const PublicKey& key : keys) {
      const Json json = Json::object({{"name", key.name}, {"public_key", key.key}});
      if (context.common.output == OutputFormat::json) {
        list.push_back(json);
      } else if (context.common.output == OutputFormat::jsonl) {
        context.out << dump_json(json) << '\n';
      } else if (!roles_.empty()) {
        context.out << transport::allow_list_line(roles_, key.key, key.name) << '\n';
      } else if (names_.empty()) {
        context.out << key.key << "  " << printable(key.name) << '\n';
      } else {
        context.out << key.key << '\n';
      }
    }
    if (context.common.output == OutputFormat::json) {
      context.out << dump_json(Json::object({{"schema", 1}, {"keys", std::move(list)}})) << '\n';
    }
    return cli::ExitStatus::ready;
  }

 private:
  Result<std::vector<PublicKey>> find(const VerbContext& context) const {
    if (!names_.empty() && names_[0].find('/') != std::string::npos) {
      ATHANOR_ASSIGN(PublicKey key,
                     transport::read_public_key(context.working_directory / names_[0]));
      return std::vector<PublicKey>{std::move(key)};
    }
    ATHANOR_ASSIGN(const std::filesystem::path directory, key_directory(directory_, context));
    if (names_.empty()) {
      return transport::list_public_keys(directory);
    }
    auto key = transport::read_public_key(transport::key_files(directory, names_[0]).public_file);
    if (!key && key.error().kind == ErrorKind::not_found) {
      // Perhaps a file of this directory was meant.
      key = transport::read_public_key(context.working_directory / names_[0]);
    }
    if (!key) {
      Error error = std::move(key).error();
      if (error.kind == ErrorKind::not_found) {
        error = make_error(
            ErrorKind::not_found,
            "there is no key pair '" + printable(names_[0]) + "' in " + quoted(directory),
            "'athanor keys show' lists them, 'athanor keys new' makes one");
      }
      return error;
    }
    return std::vector<PublicKey>{std::move(key).value()};
  }

  std::vector<std::string> names_;
  std::string directory_;
  std::string roles_;
};

}  // namespace

std::unique_ptr<Verb> make_keys_new_verb() {
  return std::make_unique<KeysNewVerb>();
}

std::unique_ptr<Verb> make_keys_show_verb() {
  return std::make_unique<KeysShowVerb>();
}

}  // namespace athanor::coordinator

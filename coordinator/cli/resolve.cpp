#include "coordinator/cli/asking.hpp"
#include "coordinator/cli/settings_options.hpp"
#include "coordinator/cli/verb.hpp"
#include "coordinator/specs/lock_file.hpp"
#include "shared/base/strings.hpp"
#include "shared/cli/stop_requests.hpp"
#include "shared/os/atomic_file.hpp"
#include "shared/os/signals.hpp"
#include "shared/store/open_store.hpp"

#include <memory>
#include <ostream>
#include <utility>

namespace athanor::coordinator {

namespace {

class ResolveVerb final : public Verb {
 public:
  cli::CommandText text() const override {
    return {
        .name = "resolve",
        .usage = "SPEC... [--platform NAME]... [--lock-out FILE] [OPTIONS]",
        .summary = "Find exact packages for what is wanted",
        .description =
            "Solves what people write, for all platforms side by side: environment.yml, "
            "requirements.txt, pixi.toml, pyproject.toml with pixi tables, lists of MatchSpecs, "
            "settings files with bindings, and MatchSpecs on the command line, which are one "
            "environment. Environments of the same requirement that the store has are used. "
            "Publishes nothing: athanor run does, on the same inputs or on the lock file that "
            "this writes.",
        .examples = {{.command = "athanor resolve python=3.10 'numpy>=1.24' --platform linux-64 "
                                 "--platform osx-arm64",
                      .says = "Two platforms, solved together."},
                     {.command = "athanor resolve environment.yml --lock-out conda-lock.yml",
                      .says = "A lock file that athanor run takes."},
                     {.command = "athanor resolve environment.yml --explain",
                      .says = "Who asks for each package."}}};
  }

  void declare(cli::OptionTable& table) override {
    table.positionals(
        {.name = "SPEC",
         .at_least = 1,
         .at_most = k_most_inputs,
         .help = "Files that say what is wanted, recognised by their content, and specs such as "
                 "'numpy>=1.24', conda-forge::zlib or pypi::requests."},
        inputs_);
    options_.declare_store(table);
    options_.declare_input(table);
    declare_environment_names(table, environments_);
    asking_.declare(table, options_);
    options_.declare_work(table);
    table.heading("Result");
    table.add({.name = "lock-out",
               .letter = 'o',
               .value_name = "FILE",
               .help = "Write a lock file: conda-lock.yml if it ends in .yml or .yaml, else "
                       "@EXPLICIT, one per platform: put {platform} and {environment} into the "
                       "name where there are several."},
              lock_out_);
    table.add({.name = "explain", .help = "Show every package and who asks for it."}, explain_);
    options_.declare_files(table);
  }

  Result<cli::ExitStatus> run(VerbContext& context) override {
    ATHANOR_TRY(options_.load(context));
    ignore_broken_pipes();
    std::stop_source stop;
    ATHANOR_ASSIGN(const std::unique_ptr<cli::StopRequests> requests,
                   cli::StopRequests::open(
                       {.on_request = [&stop](unsigned /*count*/) { stop.request_stop(); }}));
    ATHANOR_ASSIGN(const SortedInputs sorted, sort_inputs(inputs_));
    if (!sorted.exact.empty()) {
      return make_error(ErrorKind::invalid,
                        "'" + printable(sorted.exact.front(), 300) +
                            "' is neither a file that says what is wanted nor a spec",
                        "lock files are exact already: athanor run takes them");
    }
    ATHANOR_ASSIGN(const std::unique_ptr<Store> store, open_known_store(context));
    auto resolution =
        asking_.resolve(context, sorted,
                        {.settings = options_.settings(),
                         .environments = environments_,
                         .store = store.get(),
                         .name = store == nullptr ? "resolve" : *options_.settings().store_url,
                         .stop_fd = requests->fd(),
                         .stop = stop.get_token()});
    if (!resolution) {
      const bool stopped = requests->status() != cli::ExitStatus::ready;
      return stopped ? Result<cli::ExitStatus>(requests->status())
                     : Result<cli::ExitStatus>(std::move(resolution).error());
    }
    ATHANOR_TRY(write_lock_files(context, *resolution));
    print(context, *resolution);
    return resolution->all_whole() ? cli::ExitStatus::ready : cli::ExitStatus::partial;
  }

 private:
  // One that isn't there yet has nothing to offer.
  Result<std::unique_ptr<Store>> open_known_store(const VerbContext& context) const {
    const std::string& url = *options_.settings().store_url;
    if (url.empty()) {
      return std::unique_ptr<Store>();
    }
    const std::string absolute =
        url.find("://") != std::string::npos
            ? url
            : (context.working_directory / url).lexically_normal().string();
    auto store = open_store(absolute, CreateStore::no);
    if (!store && store.error().kind == ErrorKind::not_found) {
      return std::unique_ptr<Store>();
    }
    return store;
  }

  Result<void> write_lock_files(VerbContext& context, const Resolution& resolution) const {
    if (lock_out_.empty()) {
      return {};
    }
    ATHANOR_ASSIGN(const std::vector<LockFile> files, make_lock_files(resolution, lock_out_));
    for (const LockFile& file : files) {
      ATHANOR_TRY(write_file_atomically(context.working_directory / file.path, file.text));
      if (context.common.quiet == 0) {
        context.err << "wrote " << printable(file.path, 300) << '\n';
      }
    }
    return {};
  }

  void print(VerbContext& context, const Resolution& resolution) const {
    if (context.common.output == OutputFormat::text) {
      context.out << show_resolution(resolution, explain_ ? Explain::yes : Explain::no);
    } else {
      context.out << dump_json(resolution_to_json(resolution)) << '\n';
    }
    print_unresolved(context, resolution);
  }

  SettingsOptions options_;
  Asking asking_;
  std::vector<std::string> inputs_;
  std::vector<std::string> environments_;
  std::string lock_out_;
  bool explain_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_resolve_verb() {
  return std::make_unique<ResolveVerb>();
}

}  // namespace athanor::coordinator

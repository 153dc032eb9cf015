#pragma once

#include "shared/base/clock.hpp"
#include "shared/base/result.hpp"
#include "shared/cli/exit_status.hpp"
#include "shared/cli/help.hpp"
#include "shared/cli/options.hpp"
#include "shared/cli/terminal.hpp"
#include "shared/os/machine.hpp"

#include <filesystem>
#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace athanor::coordinator {

// What a verb's result looks like on standard output.
enum class OutputFormat {
  text,   // for people
  json,   // one object at the end, one line
  jsonl,  // one object per event, the last one is the verdict
};

// The options that every verb has, added by the dispatcher.
struct CommonOptions {
  int verbose = 0;  // -v, -vv
  int quiet = 0;    // -q: only warnings and the verdict; -qq: nothing but errors
  OutputFormat output = OutputFormat::text;
  cli::ColorChoice color = cli::ColorChoice::automatic;
};

// What a verb may touch of the world.
struct VerbContext {
  std::istream& in;
  std::ostream& out;  // the result, nothing else
  std::ostream& err;  // talk: progress, warnings, errors
  cli::Terminal out_terminal;
  cli::Terminal err_terminal;
  EnvironmentLookup environment;
  const Clock& clock;
  std::filesystem::path program;            // this program's own file; empty if not known
  std::filesystem::path working_directory;  // absolute
  CommonOptions common;
};

// One verb: what it says about itself, its options, and what it does. One file per verb in this
// folder; verbs.cpp is the table of all of them. An object is used for one command line.
class Verb {
 public:
  virtual ~Verb() = default;

  // A name of two words ("archive list") is a verb with a noun before it.
  virtual cli::CommandText text() const = 0;
  // Adds the verb's own options and positionals, bound to members.
  virtual void declare(cli::OptionTable& table) = 0;
  // Does it, after the options were read. An Error is printed by the dispatcher, as text or JSON,
  // and decides the exit status (cli::exit_status_of).
  virtual Result<cli::ExitStatus> run(VerbContext& context) = 0;
};

struct VerbEntry {
  std::string_view name;
  std::unique_ptr<Verb> (*make)();
};

// Every verb, in the order of the overview: the daily ones first.
const std::vector<VerbEntry>& verbs();

// The makers, one per file of this folder.
std::unique_ptr<Verb> make_archive_diff_verb();
std::unique_ptr<Verb> make_archive_list_verb();
std::unique_ptr<Verb> make_archive_verify_verb();
std::unique_ptr<Verb> make_auth_test_verb();
std::unique_ptr<Verb> make_batch_cancel_verb();
std::unique_ptr<Verb> make_batch_list_verb();
std::unique_ptr<Verb> make_batch_retry_verb();
std::unique_ptr<Verb> make_batch_show_verb();
std::unique_ptr<Verb> make_batch_wait_verb();
std::unique_ptr<Verb> make_explain_verb();
std::unique_ptr<Verb> make_serve_verb();
std::unique_ptr<Verb> make_submit_verb();
std::unique_ptr<Verb> make_worker_drain_verb();
std::unique_ptr<Verb> make_worker_list_verb();
std::unique_ptr<Verb> make_worker_resume_verb();
std::unique_ptr<Verb> make_check_verb();
std::unique_ptr<Verb> make_config_show_verb();
std::unique_ptr<Verb> make_config_validate_verb();
std::unique_ptr<Verb> make_doctor_verb();
std::unique_ptr<Verb> make_help_verb();
std::unique_ptr<Verb> make_keys_new_verb();
std::unique_ptr<Verb> make_keys_show_verb();
std::unique_ptr<Verb> make_plan_verb();
std::unique_ptr<Verb> make_resolve_verb();
std::unique_ptr<Verb> make_run_verb();
std::unique_ptr<Verb> make_store_copy_verb();
std::unique_ptr<Verb> make_store_gc_apply_verb();
std::unique_ptr<Verb> make_store_gc_list_verb();
std::unique_ptr<Verb> make_store_gc_purge_verb();
std::unique_ptr<Verb> make_store_gc_undo_verb();
std::unique_ptr<Verb> make_store_gc_verb();
std::unique_ptr<Verb> make_store_repair_verb();
std::unique_ptr<Verb> make_store_stat_verb();
std::unique_ptr<Verb> make_store_verify_verb();
std::unique_ptr<Verb> make_transmute_verb();
std::unique_ptr<Verb> make_version_verb();

}  // namespace athanor::coordinator

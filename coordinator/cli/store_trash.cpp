#include "coordinator/cli/store_access.hpp"
#include "coordinator/cli/store_plans.hpp"
#include "coordinator/upkeep/key_kind.hpp"
#include "coordinator/upkeep/trash.hpp"
#include "shared/base/units.hpp"
#include "shared/net/http_date.hpp"

#include <ostream>
#include <utility>
#include <vector>

namespace athanor::coordinator {

namespace {

class StoreGcListVerb final : public Verb {
 public:
  cli::CommandText text() const override {
    return {.name = "store gc list",
            .usage = "[--store URL] [OPTIONS]",
            .summary = "Show what was taken away and can be put back",
            .description =
                "One line for each time that `gc apply` or `repair` took something away "
                "which is still in the store's trash.",
            .examples = {{.command = "athanor store gc list", .says = "What can be undone."}}};
  }

  void declare(cli::OptionTable& table) override {
    access_.declare(table);
    access_.declare_files(table);
  }

  Result<cli::ExitStatus> run(VerbContext& context) override {
    ATHANOR_TRY(access_.open(context));
    const Upkeep upkeep = access_.upkeep(context);
    const auto entries = list_trash(upkeep);
    access_.finish(context);
    if (!entries) {
      return entries.error();
    }
    Json list = Json::array();
    for (const TrashEntry& entry : *entries) {
      const std::string made = entry.made ? format_iso_date(*entry.made) : std::string();
      if (context.common.output == OutputFormat::text) {
        context.out << entry.id << "  " << made << "  " << entry.objects << " objects, "
                    << human_size(entry.bytes) << '\n';
      }
      list.push_back(Json::object(
          {{"id", entry.id}, {"made", made}, {"objects", entry.objects}, {"bytes", entry.bytes}}));
    }
    if (context.common.output != OutputFormat::text) {
      access_.print_json(context, Json::object({{"schema", 1}, {"trash", std::move(list)}}));
    } else if (entries->empty()) {
      context.out << "the trash is empty\n";
    }
    return cli::ExitStatus::ready;
  }

 private:
  StoreAccess access_;
};

class StoreGcUndoVerb final : public Verb {
 public:
  cli::CommandText text() const override {
    return {.name = "store gc undo",
            .usage = "ID [--store URL] [OPTIONS]",
            .summary = "Put back what `gc apply` or `repair` took away",
            .description =
                "Puts every object back in its place, never over what stands there now "
                "and never as a second hash of a slot; what has no place any more stays "
                "in the trash. Can be repeated.",
            .examples = {{.command = "athanor store gc undo gc-20260131T010203Z-9f3c2a1b",
                          .says = "The id that `apply` printed; `gc list` shows all."}}};
  }

  void declare(cli::OptionTable& table) override {
    table.positionals({.name = "ID", .at_least = 1, .at_most = 1, .help = "What is to be undone."},
                      id_);
    access_.declare(table);
    access_.declare_files(table);
  }

  Result<cli::ExitStatus> run(VerbContext& context) override {
    ATHANOR_TRY(access_.open(context));
    const Upkeep upkeep = access_.upkeep(context);
    const auto report = undo(upkeep, id_.front());
    access_.finish(context);
    if (!report) {
      return report.error();
    }
    Json conflicts = Json::array();
    for (const std::string& key : report->conflicts) {
      if (context.common.output == OutputFormat::text) {
        context.out << "left in the trash, its place is taken: " << printable_key(key) << '\n';
      }
      conflicts.push_back(printable_key(key));
    }
    const std::uint64_t left = report->conflicts.size() + report->more_conflicts;
    if (context.common.output == OutputFormat::text) {
      context.out << report->restored << " objects put back (" << human_size(report->bytes) << "), "
                  << left << " left in the trash\n";
    } else {
      access_.print_json(context, Json::object({{"schema", 1},
                                                {"restored", report->restored},
                                                {"bytes", report->bytes},
                                                {"still_there", report->still_there},
                                                {"left", left},
                                                {"conflicts", std::move(conflicts)}}));
    }
    return left == 0 ? cli::ExitStatus::ready : cli::ExitStatus::partial;
  }

 private:
  StoreAccess access_;
  std::vector<std::string> id_;
};

class StoreGcPurgeVerb final : public Verb {
 public:
  cli::CommandText text() const override {
    return {.name = "store gc purge",
            .usage = "[--older-than TIME] [--store URL] --yes [OPTIONS]",
            .summary = "Empty the trash for good",
            .description =
                "Removes what was taken away longer ago than --older-than, by the "
                "store's own clock. This can't be undone.",
            .examples = {{.command = "athanor store gc purge --older-than 30d --yes",
                          .says = "What nobody has missed for a month."}}};
  }

  void declare(cli::OptionTable& table) override {
    access_.declare(table);
    table.heading("Purge");
    table.add({.name = "older-than",
               .value_name = "TIME",
               .help = "Keep what was taken away less long ago. Default: 14d."},
              older_);
    table.add({.name = "yes", .letter = 'y', .help = "Do it."}, yes_);
    access_.declare_files(table);
  }

  Result<cli::ExitStatus> run(VerbContext& context) override {
    ATHANOR_ASSIGN(const std::chrono::seconds older, parse_age(older_, "--older-than"));
    if (!yes_) {
      return needs_yes("what was taken away more than " + older_ + " ago is removed for good");
    }
    ATHANOR_TRY(access_.open(context));
    const Upkeep upkeep = access_.upkeep(context);
    ATHANOR_ASSIGN(const WallTime now, store_time(access_.store()));
    const auto report = purge(upkeep, older, now);
    access_.finish(context);
    if (!report) {
      return report.error();
    }
    if (context.common.output == OutputFormat::text) {
      context.out << report->objects << " objects removed (" << human_size(report->bytes) << ")\n";
    } else {
      access_.print_json(context, Json::object({{"schema", 1},
                                                {"acts", report->acts},
                                                {"objects", report->objects},
                                                {"bytes", report->bytes}}));
    }
    return cli::ExitStatus::ready;
  }

 private:
  StoreAccess access_;
  std::string older_ = "14d";
  bool yes_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_store_gc_list_verb() {
  return std::make_unique<StoreGcListVerb>();
}

std::unique_ptr<Verb> make_store_gc_undo_verb() {
  return std::make_unique<StoreGcUndoVerb>();
}

std::unique_ptr<Verb> make_store_gc_purge_verb() {
  return std::make_unique<StoreGcPurgeVerb>();
}

}  // namespace athanor::coordinator

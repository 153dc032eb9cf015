#include "coordinator/cli/store_access.hpp"
#include "coordinator/upkeep/census.hpp"

#include <ostream>

namespace athanor::coordinator {

namespace {

class StoreStatVerb final : public Verb {
 public:
  cli::CommandText text() const override {
    return {.name = "store stat",
            .usage = "[--store URL] [OPTIONS]",
            .summary = "Count what a store holds",
            .description =
                "Lists the store once and shows sizes by format, platform and channel, "
                "environments, slots that hold more than one hash, and what stands there that "
                "readers don't know. No object is read. Ends with 3 if readers would refuse a "
                "slot.",
            .examples = {{.command = "athanor store stat --store s3://bucket/conda_env",
                          .says = "What is in there, and what it takes."},
                         {.command = "athanor store stat --json | jq .by_platform",
                          .says = "For a dashboard."}}};
  }

  void declare(cli::OptionTable& table) override {
    access_.declare(table);
    access_.declare_files(table);
  }

  Result<cli::ExitStatus> run(VerbContext& context) override {
    ATHANOR_TRY(access_.open(context));
    const Upkeep upkeep = access_.upkeep(context);
    const auto census = take_census(upkeep);
    access_.finish(context);
    if (!census) {
      return census.error();
    }
    const std::string& url = access_.store().url();
    if (context.common.output == OutputFormat::text) {
      context.out << show_census(*census, url);
    } else {
      access_.print_json(context, census_to_json(*census, url));
    }
    return census->conflicts == 0 ? cli::ExitStatus::ready : cli::ExitStatus::refused;
  }

 private:
  StoreAccess access_;
};

}  // namespace

std::unique_ptr<Verb> make_store_stat_verb() {
  return std::make_unique<StoreStatVerb>();
}

}  // namespace athanor::coordinator

#include "shared/archive/transmute.hpp"

#include "coordinator/cli/stop_on_signal.hpp"
#include "coordinator/cli/verb.hpp"
#include "shared/base/bounded_queue.hpp"
#include "shared/base/strings.hpp"
#include "shared/base/units.hpp"
#include "shared/conda/artifact.hpp"
#include "shared/json/json.hpp"
#include "shared/os/files.hpp"
#include "shared/os/path_text.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <ostream>
#include <thread>
#include <utility>

namespace athanor::coordinator {

namespace {

constexpr std::uint64_t k_threads_max = 1024;

// One file to convert, and what became of it.
struct Conversion {
  std::filesystem::path source;
  std::filesystem::path destination = {};
  bool skipped = false;  // it is in the wanted format already
  std::optional<Result<TransmuteReport>> outcome = {};
};

Json digest_json(const Digest& digest) {
  return Json::object(
      {{"md5", digest.md5.hex()}, {"sha256", digest.sha256.hex()}, {"size", digest.size}});
}

Json conversion_json(const Conversion& conversion) {
  Json json = Json::object({{"source", conversion.source.native()}});
  if (conversion.skipped) {
    return json.set("status", "skipped");
  }
  const Result<TransmuteReport>& outcome = *conversion.outcome;
  if (!outcome) {
    return json.set("status", "failed")
        .set("error", Json::object({{"kind", to_string(outcome.error().kind)},
                                    {"message", outcome.error().message},
                                    {"hint", outcome.error().hint}}));
  }
  return json.set("status", "verified")
      .set("destination", conversion.destination.native())
      .set("source_digest", digest_json(outcome->source))
      .set("digest", digest_json(outcome->result))
      .set("members", outcome->members)
      .set("unpacked_bytes", outcome->unpacked_bytes);
}

class TransmuteVerb final : public Verb {
 public:
  cli::CommandText text() const override {
    return {.name = "transmute",
            .usage = "FILE... [--to FORMAT] [-o DIR] [OPTIONS]",
            .summary = "Convert packages between .tar.bz2 and .conda",
            .description =
                "Converts each package to the other format, or to the one that --to names, without "
                "extracting it. Every result is read back and compared with its source member by "
                "member before it appears under its name. The same package always gives the same "
                "bytes, whatever the machine and the number of threads.\n\n"
                "Packages that are damaged, unsafe or that readers would disagree about are "
                "refused with the reason; the others are converted.",
            .examples = {{.command = "athanor transmute zlib-1.2.13-h166bdaf_4.tar.bz2",
                          .says = "Writes the .conda beside it."},
                         {.command = "athanor transmute pkgs/*.tar.bz2 -o converted --json",
                          .says = "A whole folder, with digests of sources and results."}}};
  }

  void declare(cli::OptionTable& table) override {
    table.positionals({.name = "FILE",
                       .at_least = 1,
                       .at_most = 1'000'000,
                       .help = "A conda package, .tar.bz2 or .conda."},
                      files_);
    table.heading("Transmute");
    table.add({.name = "to",
               .value_name = "FORMAT",
               .help = "Only convert to this format; files that are in it already are left alone.",
               .choices = {"conda", "tar.bz2"}},
              to_);
    table.add({.name = "output-dir",
               .letter = 'o',
               .value_name = "DIR",
               .help = "Where results go; made if it is missing. Default: beside each source."},
              output_);
    table.add({.name = "force", .letter = 'f', .help = "Replace results that exist."}, force_);
    table.add({.name = "zstd-level",
               .value_name = "N",
               .help = "Compression of a .conda, 1 to 19. Default: 6."},
              level_);
    table.add({.name = "threads",
               .value_name = "N",
               .help = "Cores to use, for several packages at once or within one. Default: all."},
              threads_);
  }

  Result<cli::ExitStatus> run(VerbContext& context) override {
    ATHANOR_TRY(check_options());
    ATHANOR_ASSIGN(std::vector<Conversion> conversions, prepare());
    ATHANOR_ASSIGN(const auto stop, StopOnSignal::open());
    convert(context, conversions, stop->token());
    if (context.common.output == OutputFormat::json) {
      Json results = Json::array();
      for (const Conversion& conversion : conversions) {
        results.push_back(conversion_json(conversion));
      }
      context.out << dump_json(Json::object({{"schema", 1}, {"results", std::move(results)}}))
                  << '\n';
    }
    return verdict(conversions);
  }

 private:
  Result<void> check_options() const {
    if (level_ && (*level_ < 1 || *level_ > 19)) {
      return make_error(ErrorKind::invalid, "--zstd-level must be 1 to 19");
    }
    if (threads_ && (*threads_ < 1 || *threads_ > k_threads_max)) {
      return make_error(ErrorKind::invalid,
                        "--threads must be 1 to " + std::to_string(k_threads_max));
    }
    return {};
  }

  Result<std::vector<Conversion>> prepare() const {
    if (output_) {
      ATHANOR_TRY(make_directories(*output_, Durability::none));
    }
    std::vector<Conversion> conversions;
    std::vector<std::filesystem::path> destinations;
    for (const std::string& file : files_) {
      Conversion conversion{.source = file};
      const std::string name = conversion.source.filename().native();
      const auto from = format_of_filename(name, PackageType::conda);
      if (!from) {
        return make_error(ErrorKind::invalid,
                          quoted(std::filesystem::path(file)) + " isn't a conda package",
                          "its name must end in .conda or .tar.bz2");
      }
      const Format to = *from == Format::conda ? Format::tar_bz2 : Format::conda;
      conversion.skipped = to_ && *to_ != extension(to).substr(1);
      const std::string stem = name.substr(0, name.size() - extension(*from).size());
      conversion.destination =
          (output_ ? std::filesystem::path(*output_) : conversion.source.parent_path()) /
          (stem + std::string(extension(to)));
      if (!conversion.skipped) {
        destinations.push_back(conversion.destination);
      }
      conversions.push_back(std::move(conversion));
    }
    std::sort(destinations.begin(), destinations.end());
    const auto twice = std::adjacent_find(destinations.begin(), destinations.end());
    if (twice != destinations.end()) {
      return make_error(ErrorKind::invalid, "two files would both become " + quoted(*twice),
                        "convert them into different folders");
    }
    return conversions;
  }

  // As many packages at once as there are cores; what is left over helps within a package.
  void convert(VerbContext& context, std::vector<Conversion>& conversions, std::stop_token stop) {
    const std::size_t cores = threads_.value_or(std::max(1U, std::thread::hardware_concurrency()));
    const std::size_t at_once = std::min(cores, conversions.size());
    const TransmuteOptions options{.zstd_level = static_cast<int>(level_.value_or(6)),
                                   .threads = static_cast<unsigned>(cores / at_once - 1)};
    std::atomic<std::size_t> next{0};
    BoundedQueue<std::size_t> done(conversions.size());
    std::vector<std::thread> workers;
    for (std::size_t i = 0; i < at_once; ++i) {
      workers.emplace_back([&] {
        for (std::size_t index = next++; index < conversions.size(); index = next++) {
          convert_one(conversions[index], options, stop);
          done.push(index);
        }
      });
    }
    for (std::size_t count = 0; count < conversions.size(); ++count) {
      show(context, conversions[*done.pop()]);
    }
    for (std::thread& worker : workers) {
      worker.join();
    }
  }

  void convert_one(Conversion& conversion, const TransmuteOptions& options,
                   const std::stop_token& stop) const {
    if (conversion.skipped) {
      return;
    }
    if (stop.stop_requested()) {
      conversion.outcome = make_error(ErrorKind::canceled, "stopped before it was converted");
      return;
    }
    const auto existing = size_of_file(conversion.destination);
    if (!force_ && existing && *existing) {
      conversion.outcome =
          make_error(ErrorKind::invalid, quoted(conversion.destination) + " exists already",
                     "give --force to replace it");
      return;
    }
    conversion.outcome = transmute(conversion.source, conversion.destination, options, stop);
  }

  static void show(VerbContext& context, const Conversion& conversion) {
    if (context.common.output == OutputFormat::jsonl) {
      context.out << dump_json(conversion_json(conversion)) << std::endl;
      return;
    }
    if (context.common.output == OutputFormat::json || conversion.skipped) {
      return;
    }
    if (!*conversion.outcome) {
      context.err << conversion.outcome->error().to_string() << std::endl;
      return;
    }
    const TransmuteReport& report = conversion.outcome->value();
    context.out << printable(conversion.destination.native(), 4096) << "  "
                << human_size(report.source.size) << " -> " << human_size(report.result.size)
                << ", " << report.members << " members, verified, sha256 "
                << report.result.sha256.hex() << std::endl;
  }

  // The gravest of all outcomes.
  static cli::ExitStatus verdict(const std::vector<Conversion>& conversions) {
    cli::ExitStatus worst = cli::ExitStatus::ready;
    for (const Conversion& conversion : conversions) {
      if (conversion.skipped || conversion.outcome->ok()) {
        continue;
      }
      const cli::ExitStatus status = cli::exit_status_of(conversion.outcome->error().kind);
      if (cli::code(status) > cli::code(worst)) {
        worst = status;
      }
    }
    return worst;
  }

  std::vector<std::string> files_;
  std::optional<std::string> to_;
  std::optional<std::string> output_;
  bool force_ = false;
  std::optional<std::uint64_t> level_;
  std::optional<std::uint64_t> threads_;
};

}  // namespace

std::unique_ptr<Verb> make_transmute_verb() {
  return std::make_unique<TransmuteVerb>();
}

}  // namespace athanor::coordinator

#include "coordinator/cli/settings_options.hpp"
#include "coordinator/cli/verb.hpp"
#include "coordinator/doctor/machine.hpp"
#include "coordinator/doctor/origin_probe.hpp"
#include "coordinator/doctor/store_probe.hpp"
#include "coordinator/doctor/transport_probe.hpp"
#include "shared/base/strings.hpp"
#include "shared/json/json.hpp"
#include "shared/net/url.hpp"

#include <algorithm>
#include <ostream>

namespace athanor::coordinator {

namespace {

class DoctorVerb final : public Verb {
 public:
  cli::CommandText text() const override {
    return {.name = "doctor",
            .usage = "[CHANNEL|URL...] [OPTIONS]",
            .summary = "Check this machine, the store and the origins, and say what to mend",
            .description =
                "Looks at the programs, the settings, conda's configuration, proxies and "
                "certificates, the store's rights (with objects of its own, which it removes), "
                "each origin's answer and latency, the clock, disks, memory and limits, and, where "
                "they "
                "are named, the coordinator's endpoint and the keys. Every "
                "finding is ok, warn or fail, and says how to mend it. Works without a store, "
                "without a network and with broken settings.\n\n"
                "The origins are the channels of conda's configuration (else conda-forge), or "
                "those that are named. Ends with 1 if anything fails.",
            .examples = {{.command = "athanor doctor --store s3://bucket/prefix",
                          .says = "Everything a run from this machine would need."},
                         {.command = "athanor doctor --offline --json",
                          .says = "Without asking any origin, for a program."}}};
  }

  void declare(cli::OptionTable& table) override {
    table.positionals({.name = "CHANNEL",
                       .at_least = 0,
                       .at_most = 100,
                       .help = "Channels or URLs of channels to ask."},
                      origins_);
    table.heading("Coordinator");
    table.add({.name = "connect",
               .value_name = "ENDPOINT",
               .help = "Where workers are to find the coordinator (tcp://host:port or "
                       "ipc:///path); may be repeated."},
              transport_.endpoints);
    table.add({.name = "key", .value_name = "FILE", .help = "This machine's secret key."},
              transport_.key_file);
    table.add({.name = "server-key",
               .value_name = "KEY",
               .help = "The coordinator's public key, or the file that it is in."},
              transport_.server_key);
    options_.declare_store(table);
    options_.declare_network(table);
    options_.declare_work(table);
    options_.declare_files(table);
  }

  Result<cli::ExitStatus> run(VerbContext& context) override {
    Findings findings;
    const bool settings_read = look_at_settings(findings, context);
    const config::Settings& settings = options_.settings();
    const MachinePlace place{.environment = context.environment,
                             .working_directory = context.working_directory,
                             .program = context.program};
    look_at_programs(findings, settings, place);
    const std::optional<Access> access = look_at_access(findings, context);
    look_at_disks(findings, settings, place);
    look_at_limits(findings, settings, place);
    if (settings_read) {
      Random random = Random::from_entropy();
      look_at_store(findings, store_url(context), random, context.clock);
    }
    if (access) {
      look_at_network(findings, access->network);
      look_at_origins(findings, *access, context.clock, origins(*access));
    }
    look_at_transport(findings, transport_);
    print(context, findings);
    return findings.worst() == Gravity::fail ? cli::ExitStatus::partial : cli::ExitStatus::ready;
  }

 private:
  // False if they can't be read: what is known then isn't what was meant.
  bool look_at_settings(Findings& findings, VerbContext& context) {
    auto report = options_.load(context);
    if (!report) {
      findings.fail("settings", "files", report.error(), "`athanor config validate` checks files");
      return false;
    }
    for (const std::string& file : report->files) {
      findings.ok("settings", "file", "read " + file);
    }
    for (const config::SettingBase* setting : options_.settings().all()) {
      if (!setting->is_default()) {
        findings.ok("settings", setting->info().name,
                    setting->info().name + " comes from " + setting->origin().where);
      }
    }
    return true;
  }

  std::optional<Access> look_at_access(Findings& findings, VerbContext& context) {
    auto access = athanor::load_access(
        options_.settings(),
        {.environment = context.environment, .working_directory = context.working_directory});
    if (!access) {
      findings.fail("settings", "access", access.error());
      return std::nullopt;
    }
    for (const std::string& file : access->conda.files) {
      findings.ok("settings", "conda", "read " + file);
    }
    for (const std::string& warning : access->warnings) {
      findings.warn("settings", "access", warning, "");
    }
    return std::move(*access);
  }

  std::string store_url(const VerbContext& context) const {
    const std::string& url = *options_.settings().store_url;
    return url.empty() || url.find("://") != std::string::npos
               ? url
               : (context.working_directory / url).lexically_normal().string();
  }

  Origins origins(const Access& access) const {
    if (!origins_.empty()) {
      return {.channels = origins_};
    }
    const bool chosen =
        std::any_of(access.conda.shown.begin(), access.conda.shown.end(),
                    [](const CondaShown& shown) { return shown.name == "channels"; });
    Origins asked;
    asked.channels =
        chosen ? access.conda.channels.channels : std::vector<std::string>{"conda-forge"};
    for (const auto& [from, to] : *options_.settings().origin_map) {
      asked.bases.push_back(to);
    }
    return asked;
  }

  void print(VerbContext& context, const Findings& findings) const {
    if (context.common.output != OutputFormat::text) {
      Json list = Json::array();
      for (const Finding& finding : findings.all()) {
        list.push_back(finding_json(finding));
      }
      context.out << dump_json(
                         Json::object({{"schema", 1},
                                       {"ok", findings.worst() != Gravity::fail},
                                       {"warnings", std::uint64_t{findings.count(Gravity::warn)}},
                                       {"failures", std::uint64_t{findings.count(Gravity::fail)}},
                                       {"findings", std::move(list)}}))
                  << '\n';
      return;
    }
    constexpr std::size_t k_area_width = 8;
    for (const Finding& finding : findings.all()) {
      const cli::Style style = finding.gravity == Gravity::ok     ? cli::Style::green
                               : finding.gravity == Gravity::warn ? cli::Style::yellow
                                                                  : cli::Style::red;
      std::string level(to_string(finding.gravity));
      level.resize(4, ' ');
      std::string area = finding.area;
      area.resize(std::max(area.size(), k_area_width), ' ');
      context.out << styled(context.out_terminal, style, level) << "  " << area << "  "
                  << printable(finding.says, 4096) << '\n';
      if (!finding.fix.empty()) {
        context.out << std::string(6 + k_area_width + 2, ' ') << "-> "
                    << printable(finding.fix, 4096) << '\n';
      }
    }
    context.out << findings.count(Gravity::fail) << " failures, " << findings.count(Gravity::warn)
                << " warnings\n";
  }

  std::vector<std::string> origins_;
  TransportPlace transport_;
  SettingsOptions options_;
};

}  // namespace

std::unique_ptr<Verb> make_doctor_verb() {
  return std::make_unique<DoctorVerb>();
}

}  // namespace athanor::coordinator

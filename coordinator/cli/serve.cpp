#include "coordinator/cli/listen_options.hpp"
#include "coordinator/cli/origin_settings.hpp"
#include "coordinator/cli/run_place.hpp"
#include "coordinator/cli/serve_talk.hpp"
#include "coordinator/cli/settings_options.hpp"
#include "coordinator/cli/verb.hpp"
#include "coordinator/cli/work_options.hpp"
#include "coordinator/server/service.hpp"
#include "shared/auth/access.hpp"
#include "shared/base/strings.hpp"
#include "shared/cli/stop_requests.hpp"
#include "shared/os/atomic_file.hpp"
#include "shared/os/files.hpp"
#include "shared/os/signals.hpp"
#include "shared/store/open_store.hpp"
#include "shared/store/probe.hpp"

#include <mutex>
#include <ostream>
#include <utility>

namespace athanor::coordinator {
namespace {

// Where clients of this machine look; taken away again when the coordinator leaves.
class Signpost {
 public:
  static Result<Signpost> put(std::vector<std::filesystem::path> files,
                              const std::string& address) {
    for (const std::filesystem::path& file : files) {
      ATHANOR_TRY(make_directories(file.parent_path(), Durability::none, 0700));
      ATHANOR_TRY(write_file_atomically(file, address + "\n", 0600));
    }
    return Signpost(std::move(files), address);
  }
  Signpost(Signpost&& other) noexcept
      : files_(std::exchange(other.files_, {})),
        address_(std::move(other.address_)) {}
  Signpost& operator=(Signpost&&) = delete;
  ~Signpost() {
    for (const std::filesystem::path& file : files_) {
      // Another coordinator may have put its own there since.
      const auto text = read_file_if_exists(file, 4'096);
      if (text && *text && **text == address_ + "\n") {
        static_cast<void>(remove_file(file));
      }
    }
  }

 private:
  Signpost(std::vector<std::filesystem::path> files, std::string address)
      : files_(std::move(files)),
        address_(std::move(address)) {}

  std::vector<std::filesystem::path> files_;
  std::string address_;
};

class ServeVerb final : public Verb {
 public:
  cli::CommandText text() const override {
    return {
        .name = "serve",
        .usage = "--store URL [OPTIONS]",
        .summary = "Coordinate workers and batches until told to stop",
        .description =
            "Takes batches from clients (athanor submit) and has workers (athanor-worker "
            "--connect) "
            "do them, each package once, whoever wants it. Everything that was acknowledged is in "
            "the journal: after a crash or a power cut, start it again, and it goes on; workers "
            "that were busy come back with their work.\n\n"
            "Workers and clients of this machine connect through sockets in the state directory; "
            "--listen and --client-endpoint open others. Those that leave the machine are "
            "encrypted: they need --key and --allowed-keys.\n\n"
            "SIGTERM or SIGINT: grants nothing more, lets running jobs finish or come back, and "
            "leaves; what is left is done after the next start. A second one: at once.",
        .examples = {
            {.command = "athanor serve --store s3://bucket/metaflow/conda_env",
             .says = "Workers and clients of this machine."},
            {.command = "athanor serve --store /data/packages --workers 4",
             .says = "With four workers of its own."},
            {.command = "athanor serve -s s3://b/p --listen 'tcp://*:5670' --key build.secret "
                        "--allowed-keys fleet",
             .says = "For a fleet."}}};
  }

  void declare(cli::OptionTable& table) override {
    options_.declare_store(table);
    listen_.declare(table);
    listen_.declare_clients(table);
    table.heading("Jobs");
    table.add({.name = "origin", .value_name = "FROM=TO"}, options_.settings().origin_map);
    table.add({.name = "pkgs-dir", .value_name = "DIR"}, options_.settings().package_dirs);
    table.add({.name = "allow-file-urls"}, options_.settings().allow_file_urls);
    table.add({.name = "zstd-level", .value_name = "N"}, options_.settings().zstd_level);
    table.heading("Work");
    table.add({.name = "workers",
               .letter = 'w',
               .value_name = "N",
               .help = "Worker processes to start here. Default: none."},
              workers_);
    table.add({.name = "jobs", .letter = 'j', .value_name = "N"}, options_.settings().jobs);
    table.add({.name = "state-dir", .value_name = "DIR"}, options_.settings().state_dir);
    table.add({.name = "scratch-dir", .value_name = "DIR"}, options_.settings().scratch_dir);
    table.add({.name = "worker-program", .value_name = "FILE"}, options_.settings().worker_program);
    options_.declare_files(table);
  }

  Result<cli::ExitStatus> run(VerbContext& context) override {
    ATHANOR_ASSIGN(const config::LoadReport report, options_.load(context));
    ATHANOR_TRY(check_origin_settings(options_.settings()));
    ignore_broken_pipes();
    ATHANOR_ASSIGN(const std::unique_ptr<cli::StopRequests> requests,
                   cli::StopRequests::open({.on_request = {}, .on_tick = [this] { tick(); }}));
    ATHANOR_ASSIGN(const std::string store_url, absolute_store_url(context));
    ATHANOR_ASSIGN(const std::unique_ptr<Store> store,
                   athanor::open_store(store_url, CreateStore::yes));
    ATHANOR_TRY(probe_writing(*store));
    ATHANOR_ASSIGN(const bool conditional, store->creates_conditionally());
    if (!conditional) {
      print_warning(context, "the store at " + store->url() +
                                 " can't create objects conditionally: don't fill it from two "
                                 "places at once");
    }
    ATHANOR_ASSIGN(const RunPlace place, RunPlace::take(options_.settings(), store_url, context));
    ATHANOR_ASSIGN(ServiceOptions options, service_options(context, place, store_url));
    ServeTalk talk(detail_of(context.common), *options_.settings().heartbeat, context);
    ATHANOR_ASSIGN(
        const std::unique_ptr<Service> service,
        Service::start(std::move(options), *store, talk, std::make_unique<SystemClock>()));
    ATHANOR_ASSIGN(const std::filesystem::path base, signpost_base(context, place));
    ATHANOR_ASSIGN(const Signpost signpost,
                   Signpost::put({place.directory() / "clients", base / "coordinator"},
                                 service->client_addresses().front()));
    greet(context, talk, *service, store_url);
    set_talk(&talk);
    auto end = service->serve(requests->fd());
    set_talk(nullptr);
    if (!end) {
      return std::move(end).error();
    }
    talk.say(*end == ServiceEnd::drained ? "drained; what is left is in the journal"
                                         : "stopped; what is left is in the journal");
    return cli::ExitStatus::ready;
  }

 private:
  void tick() {
    const std::lock_guard lock(mutex_);
    if (talk_ != nullptr) {
      talk_->tick();
    }
  }
  void set_talk(ServeTalk* talk) {
    const std::lock_guard lock(mutex_);
    talk_ = talk;
  }

  Result<std::string> absolute_store_url(const VerbContext& context) const {
    const std::string& url = *options_.settings().store_url;
    if (url.empty()) {
      return make_error(ErrorKind::invalid, "no store is given",
                        "give --store URL, or set ATHANOR_STORE or store.url in athanor.toml");
    }
    return url.find("://") != std::string::npos
               ? url
               : (context.working_directory / url).lexically_normal().string();
  }

  // Without a home, only those who know the state directory find the coordinator.
  static Result<std::filesystem::path> signpost_base(const VerbContext& context,
                                                     const RunPlace& place) {
    auto base = state_base(context);
    return base ? *std::move(base) : place.directory();
  }

  Result<ServiceOptions> service_options(VerbContext& context, const RunPlace& place,
                                         const std::string& store_url) const {
    const config::Settings& settings = options_.settings();
    ServiceOptions options;
    options.settings = work_settings(settings, store_url, context);
    options.state_directory = place.socket_directory();
    options.journal = place.journal();
    CoordinatorOptions listen;
    ATHANOR_TRY(listen_.apply(listen, context));
    options.worker_endpoints = std::move(listen.endpoints);
    options.client_endpoints = listen_.client_endpoints();
    options.exposure = listen.exposure;
    options.keys = std::move(listen.keys);
    ATHANOR_ASSIGN(options.origins, parse_origin_rates(*settings.origin_rates));
    const std::uint64_t workers = workers_.value_or(0);
    if (workers > 1'024) {
      return make_error(ErrorKind::invalid, "--workers is at most 1024");
    }
    if (workers != 0) {
      ATHANOR_ASSIGN(options.workers, own_workers(settings, context, workers));
    }
    return options;
  }

  static void greet(const VerbContext& context, ServeTalk& talk, const Service& service,
                    const std::string& store_url) {
    if (context.common.quiet > 0) {
      return;
    }
    talk.say("serving " + printable(store_url, 4096));
    for (const std::string& address : service.worker_addresses()) {
      talk.say("workers: athanor-worker --connect " + address);
    }
    for (const std::string& address : service.client_addresses()) {
      talk.say("clients: athanor submit --coordinator " + address);
    }
    if (service.resumed_batches() != 0) {
      talk.say("going on with the journal's open batches: " +
               std::to_string(service.resumed_batches()));
    }
  }

  SettingsOptions options_;
  ListenOptions listen_;
  std::optional<std::uint64_t> workers_;
  std::mutex mutex_;
  ServeTalk* talk_ = nullptr;
};

}  // namespace

std::unique_ptr<Verb> make_serve_verb() {
  return std::make_unique<ServeVerb>();
}

}  // namespace athanor::coordinator

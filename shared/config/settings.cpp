#include "shared/config/settings.hpp"

#include "shared/base/strings.hpp"
#include "shared/config/toml.hpp"

namespace athanor::config {

Settings::Settings()
    : store_url(this,
                {.name = "store.url",
                 .variable = "ATHANOR_STORE",
                 .prose = "The shared store: a directory, file:///dir, s3://bucket/prefix, "
                          "az://container/prefix or gs://bucket/prefix."},
                ""),
      store_packages(this,
                     {.name = "store.packages",
                      .variable = "ATHANOR_STORE_PACKAGES",
                      .prose = "The folder of the packages in the store, as its readers have it "
                               "(their CONDA_PACKAGES_DIRNAME)."},
                     "packages"),
      store_environments(this,
                         {.name = "store.environments",
                          .variable = "ATHANOR_STORE_ENVIRONMENTS",
                          .prose = "The folder of the environment descriptions in the store, as "
                                   "its readers have it (their CONDA_ENVS_DIRNAME)."},
                         "envs"),
      format(this,
             {.name = "formats.format",
              .variable = "ATHANOR_FORMAT",
              .prose = "The formats that conda packages are made present in: default is the one "
                       "each was published in and .conda; source is only the published one; both "
                       "is .conda and .tar.bz2.",
              .choices = {"default", "source", "conda", "tar.bz2", "both"}},
             "default"),
      zstd_level(this,
                 {.name = "formats.zstd_level",
                  .variable = "ATHANOR_ZSTD_LEVEL",
                  .prose = "How hard .conda packages are compressed. Higher is smaller and slower.",
                  .minimum = 1,
                  .maximum = 19},
                 6),
      platforms(this,
                {.name = "input.platforms",
                 .variable = "ATHANOR_PLATFORMS",
                 .prose = "Only environments for these platforms (linux-64, osx-arm64, ...); empty "
                          "is all that the inputs hold."},
                {}),
      resolved_by(this,
                  {.name = "input.resolved_by",
                   .variable = "ATHANOR_RESOLVED_BY",
                   .prose = "Who is written into environment descriptions whose input doesn't say "
                            "it; empty is the user who runs the program."},
                  ""),
      resolve_channels(
          this,
          {.name = "resolve.channels",
           .variable = "ATHANOR_CHANNELS",
           .prose = "The channels behind those that an input names itself, unless it says "
                    "nodefaults: what the readers have configured, because ids hash them. Empty is "
                    "the channels of .condarc, or conda-forge if that names none."},
          {}),
      channel_priority(this,
                       {.name = "resolve.channel_priority",
                        .variable = "ATHANOR_CHANNEL_PRIORITY",
                        .prose = "What the order of channels means for a package that several "
                                 "have: strict takes it from the first only, flexible prefers the "
                                 "first, disabled takes the newest.",
                        .choices = {"strict", "flexible", "disabled"}},
                       "flexible"),
      use_latest(this,
                 {.name = "resolve.use_latest",
                  .variable = "ATHANOR_USE_LATEST",
                  .prose = "Whose environments of the same requirement are used instead of solving "
                           "anew: :any:, :none:, :username: or names with commas between."},
                 ":any:"),
      pypi_index(this,
                 {.name = "resolve.index",
                  .variable = "ATHANOR_INDEX",
                  .prose = "The index for pypi requirements that the readers have configured; ids "
                           "hash it."},
                 "https://pypi.org/simple"),
      system_packages(this,
                      {.name = "resolve.system",
                       .variable = "ATHANOR_SYSTEM",
                       .prose = "What target machines have, as part of the requirement unless an "
                                "input says it: PLATFORM/NAME=VERSION, or NAME=VERSION for all "
                                "platforms. Never asked of the machine that solves.",
                       .separators = " \t\n"},
                      {{"linux-64/__glibc", "2.27"}}),
      pins(this,
           {.name = "resolve.pins",
            .variable = "ATHANOR_PINS",
            .prose = "What python=3.10 means: conda is any 3.10, extension is exactly 3.10, as "
                     "Metaflow's Netflix extension solves it. The id is the same.",
            .choices = {"conda", "extension"}},
           "conda"),
      origin_map(this,
                 {.name = "origins.map",
                  .variable = "ATHANOR_ORIGIN_MAP",
                  .prose = "Where packages are fetched from instead: a URL prefix and the prefix "
                           "that takes its place. Keys in the store keep the source URL. The "
                           "longest prefix that fits counts.",
                  .separators = " \t\n"},
                 {}),
      origin_rates(this,
                   {.name = "origins.rates",
                    .variable = "ATHANOR_ORIGIN_RATES",
                    .prose = "Requests per second that all workers together make at most, by host: "
                             "conda.anaconda.org=50; the host * is every one that isn't named. "
                             "What a host itself complains about is kept to in any case.",
                    .separators = " \t\n"},
                   {}),
      mirrors(this,
              {.name = "origins.mirrors",
               .variable = "ATHANOR_MIRRORS",
               .prose = "Other places of the same files: a URL prefix and the prefixes to try, "
                        "separated by spaces, in their order; http, https, file, s3, gs, az and "
                        "oci. Neighbours followed by weight=N share one rank, and each is asked "
                        "first as often as its weight says. The source itself is asked last, or "
                        "where its own prefix stands in the list. A mirror's bytes count only if "
                        "the input names their hash. In a variable, entries end with a semicolon.",
               .separators = ";\n"},
              {}),
      max_package_size(this,
                       {.name = "origins.max_package_size",
                        .variable = "ATHANOR_MAX_PACKAGE_SIZE",
                        .prose = "Where an answer is cut off that is larger than any package, or "
                                 "never ends.",
                        .unit = "a size such as \"16GiB\" or \"500MB\""},
                       "16GiB"),
      contact(this,
              {.name = "origins.contact",
               .variable = "ATHANOR_CONTACT",
               .prose = "How the people who run an origin can reach you, such as a mail address "
                        "or a URL: it goes into the User-Agent of every request."},
              ""),
      package_dirs(this,
                   {.name = "origins.package_dirs",
                    .variable = "ATHANOR_PACKAGE_DIRS",
                    .prose = "Local conda package directories to look in before the web "
                             "(CONDA_PKGS_DIRS is understood, too).",
                    .separators = ":"},
                   {}),
      allow_file_urls(this,
                      {.name = "origins.allow_file_urls",
                       .variable = "ATHANOR_ALLOW_FILE_URLS",
                       .prose = "Whether inputs and origins.map may name file:// URLs. Off, so "
                                "that a lock file from elsewhere can't publish local files.",
                       .policy = FilePolicy::not_in_project},
                      false),
      proxy(this,
            {.name = "network.proxy",
             .variable = "ATHANOR_PROXY",
             .prose = "The proxy for all origins (http://user:password@host:3128), or none to "
                      "reach them directly. Empty is what http_proxy, https_proxy, all_proxy or "
                      "conda's proxy_servers say.",
             .policy = FilePolicy::not_in_project},
            ""),
      no_proxy(this,
               {.name = "network.no_proxy",
                .variable = "ATHANOR_NO_PROXY",
                .prose = "Hosts that are reached without a proxy: a host, .domain, host:port, "
                         "10.0.0.0/8 or *. Empty is what no_proxy says.",
                .policy = FilePolicy::not_in_project},
               {}),
      ca_bundle(this,
                {.name = "network.ca_bundle",
                 .variable = "ATHANOR_CA_BUNDLE",
                 .prose = "The certificates that are trusted: a PEM file or a directory. Empty is "
                          "what REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE, SSL_CERT_FILE, SSL_CERT_DIR or "
                          "conda's ssl_verify name, else the system's.",
                 .policy = FilePolicy::not_in_project},
                ""),
      client_certificate(this,
                         {.name = "network.client_certificate",
                          .variable = "ATHANOR_CLIENT_CERTIFICATE",
                          .prose = "The certificate (PEM) that is shown to servers that ask for "
                                   "one. Empty is conda's client_ssl_cert.",
                          .policy = FilePolicy::not_in_project},
                         ""),
      client_key(this,
                 {.name = "network.client_key",
                  .variable = "ATHANOR_CLIENT_KEY",
                  .prose = "The key of the client certificate, if it isn't in the same file. Empty "
                           "is conda's client_ssl_cert_key.",
                  .policy = FilePolicy::not_in_project},
                 ""),
      tls_verification(this,
                       {.name = "network.tls_verification",
                        .variable = "ATHANOR_TLS_VERIFICATION",
                        .prose = "Whether servers must prove who they are. off lets anybody on the "
                                 "way read and forge, and is warned of each time. conda's "
                                 "ssl_verify: false isn't enough to switch it off here.",
                        .choices = {"on", "off"},
                        .policy = FilePolicy::not_in_project},
                       "on"),
      connect_timeout(this,
                      {.name = "network.connect_timeout",
                       .variable = "ATHANOR_CONNECT_TIMEOUT",
                       .prose = "How long a connection to an origin may take. 0s is conda's "
                                "remote_connect_timeout_secs, or 15s.",
                       .unit = "a duration such as \"90s\" or \"250ms\""},
                      std::chrono::milliseconds(0)),
      stall_timeout(this,
                    {.name = "network.stall_timeout",
                     .variable = "ATHANOR_STALL_TIMEOUT",
                     .prose = "How long an origin may send nothing, or next to nothing, before the "
                              "transfer is tried again. 0s is conda's remote_read_timeout_secs, or "
                              "60s.",
                     .unit = "a duration such as \"90s\" or \"250ms\""},
                    std::chrono::milliseconds(0)),
      offline(this,
              {.name = "network.offline",
               .variable = "ATHANOR_OFFLINE",
               .prose = "Ask no origin for anything: what isn't in the store or in a package "
                        "directory fails. conda's offline is obeyed, too."},
              false),
      auth_file(this,
                {.name = "auth.file",
                 .variable = "ATHANOR_AUTH_FILE",
                 .prose = "The file with passwords and tokens of origins, first of the places that "
                          "are asked. Empty is $XDG_CONFIG_HOME/athanor/credentials.toml and "
                          "/etc/athanor/credentials.toml.",
                 .policy = FilePolicy::not_in_project},
                ""),
      auth_sources(this,
                   {.name = "auth.sources",
                    .variable = "ATHANOR_AUTH_SOURCES",
                    .prose = "Which places are asked for passwords and tokens; empty is all, in "
                             "this order.",
                    .choices = {"settings", "rattler", "mamba", "url-token", "condarc", "anaconda",
                                "metaflow", "netrc", "url"},
                    .policy = FilePolicy::not_in_project},
                   {}),
      conda_config(this,
                   {.name = "conda.config",
                    .variable = "ATHANOR_CONDA_CONFIG",
                    .prose = "Whether conda's own configuration is obeyed: .condarc files and "
                             "CONDA_* variables, for channels, proxies and certificates."},
                   true),
      workers(this,
              {.name = "work.workers",
               .variable = "ATHANOR_WORKERS",
               .prose = "Worker processes to start; 0 is one per processor.",
               .maximum = 1024},
              0),
      jobs(this,
           {.name = "work.jobs",
            .variable = "ATHANOR_JOBS",
            .prose = "Jobs that one worker runs at a time.",
            .minimum = 1,
            .maximum = 256},
           4),
      state_dir(this,
                {.name = "work.state_dir",
                 .variable = "ATHANOR_STATE_DIR",
                 .prose = "Where a run keeps its journal; empty is $XDG_STATE_HOME/athanor/ and a "
                          "short hash of the store's URL."},
                ""),
      scratch_dir(this,
                  {.name = "work.scratch_dir",
                   .variable = "ATHANOR_SCRATCH_DIR",
                   .prose = "Where workers keep packages while they work on them; must have room "
                            "for all of their jobs. Empty is TMPDIR or /tmp."},
                  ""),
      worker_program(this,
                     {.name = "work.worker_program",
                      .variable = "ATHANOR_WORKER_PROGRAM",
                      .prose = "The athanor-worker to start; empty is the one beside this program.",
                      .policy = FilePolicy::not_in_project},
                     ""),
      coordinator_endpoint(
          this,
          {.name = "coordinator.endpoint",
           .variable = "ATHANOR_COORDINATOR",
           .prose = "Where clients find their coordinator: ipc:///path/to/clients.sock or "
                    "tcp://host:port. Empty is the one that serves the configured store on this "
                    "machine, else the one that this user started last.",
           .policy = FilePolicy::not_in_project},
          ""),
      coordinator_key(
          this,
          {.name = "coordinator.key",
           .variable = "ATHANOR_KEY",
           .prose = "The secret key file of this end of tcp:// endpoints, made by 'athanor keys "
                    "new'.",
           .policy = FilePolicy::not_in_project},
          ""),
      coordinator_server_key(
          this,
          {.name = "coordinator.server_key",
           .variable = "ATHANOR_SERVER_KEY",
           .prose = "The public key that a coordinator at a tcp:// endpoint must have, or the file "
                    "that it is in.",
           .policy = FilePolicy::not_in_project},
          ""),
      progress(this,
               {.name = "talk.progress",
                .variable = "ATHANOR_PROGRESS",
                .prose = "How a run tells how far it is: auto is bar on a terminal and line "
                         "elsewhere.",
                .choices = {"auto", "bar", "line", "none"}},
               "auto"),
      heartbeat(this,
                {.name = "talk.heartbeat",
                 .variable = "ATHANOR_HEARTBEAT",
                 .prose = "How often a line says that a run is alive, where there is no bar.",
                 .unit = "a duration such as \"1h30m\", \"90s\" or \"250ms\""},
                std::chrono::seconds(30)) {}

namespace {

std::string commented(const std::string& text) {
  constexpr std::size_t k_width = 98;
  std::string result;
  std::string line;
  for (const std::string_view word : split(text, ' ')) {
    if (!line.empty() && line.size() + 1 + word.size() > k_width) {
      result += "# " + line + "\n";
      line.clear();
    }
    line += line.empty() ? std::string(word) : " " + std::string(word);
  }
  return result + "# " + line + "\n";
}

std::string bounds_of(const SettingInfo& info) {
  if (!info.choices.empty()) {
    return " One of " + join(info.choices, ", ") + ".";
  }
  if (info.maximum != std::numeric_limits<std::uint64_t>::max()) {
    return " " + std::to_string(info.minimum) + " to " + std::to_string(info.maximum) + ".";
  }
  return info.unit.empty() ? "" : " It is " + info.unit + ".";
}

}  // namespace

std::string sample_file(const Settings& settings) {
  std::string text =
      "# The settings of athanor, each with its default. A line without its `#` sets the value.\n"
      "#\n"
      "# Read from /etc/athanor/config.toml, then $XDG_CONFIG_HOME/athanor/config.toml, then\n"
      "# athanor.toml in the working directory or the nearest directory above it; then come the\n"
      "# environment variables and the command line. Later ones win. `athanor config show` says\n"
      "# where each value comes from.\n";
  std::string table;
  for (const SettingBase* setting : settings.all()) {
    const SettingInfo& info = setting->info();
    const std::size_t dot = info.name.find('.');
    const std::string heading = info.name.substr(0, dot);
    if (heading != table) {
      table = heading;
      text += "\n[" + table + "]\n";
    }
    std::string prose = info.prose + bounds_of(info);
    if (info.policy == FilePolicy::not_in_project) {
      prose += " Not in a project's athanor.toml.";
    }
    text += "\n" + commented(prose) + "# Environment: " + info.variable + "\n";
    text += "#" + info.name.substr(dot + 1) + " = " + spell_toml(setting->default_as_json()) + "\n";
  }
  return text;
}

}  // namespace athanor::config

#include "coordinator/doctor/machine.hpp"

#include "shared/base/strings.hpp"
#include "shared/base/units.hpp"
#include "shared/base/version.hpp"
#include "shared/os/fd.hpp"
#include "shared/os/files.hpp"
#include "shared/os/process.hpp"
#include "shared/os/temp_dir.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

namespace athanor::coordinator {
namespace {

std::optional<std::filesystem::path> find_program(const MachinePlace& place,
                                                  std::string_view name) {
  const std::string path = place.environment("PATH").value_or("");
  for (const std::string_view directory : split(path, ':')) {
    const std::filesystem::path file = std::filesystem::path(directory) / name;
    if (!directory.empty() && ::access(file.c_str(), X_OK) == 0) {
      return file;
    }
  }
  return std::nullopt;
}

// The first line that `program --version` prints.
Result<std::string> version_of(const std::filesystem::path& program) {
  ATHANOR_ASSIGN(const TempDir directory, TempDir::create("athanor-doctor-"));
  const std::filesystem::path file = directory.path() / "version";
  ATHANOR_ASSIGN(const Fd out, open_file(file, O_RDWR | O_CREAT, 0600));
  SpawnOptions spawn{.program = program, .arguments = {"--version"}, .stdout_fd = out.get()};
  ATHANOR_ASSIGN(ChildProcess child, ChildProcess::spawn(spawn));
  if (!child.wait_for(std::chrono::seconds(5))) {
    child.signal(9);
    child.wait();
    return make_error(ErrorKind::retry, "it doesn't answer");
  }
  ATHANOR_ASSIGN(const std::string text, read_file(file, 64_KiB));
  return printable(trim(split(text, '\n').front()), 120);
}

// Writes and reads a file there; says what room there is.
void look_at_directory(Findings& findings, const std::string& check,
                       const std::filesystem::path& directory, std::uint64_t wanted) {
  constexpr const char* k_area = "disk";
  std::filesystem::path existing = directory;
  std::error_code ignored;
  while (!std::filesystem::exists(existing, ignored) && existing.has_parent_path() &&
         existing != existing.parent_path()) {
    existing = existing.parent_path();
  }
  const std::string name = printable(directory.string());
  if (auto probe = TempDir::create(existing, "athanor-doctor-"); !probe) {
    findings.fail(k_area, check, probe.error(), "choose another directory for it");
    return;
  }
  const auto space = disk_space(existing);
  if (!space) {
    findings.fail(k_area, check, space.error());
    return;
  }
  const std::string says = name + " has " + human_size(space->free_bytes) + " free";
  if (space->free_bytes < wanted / 8) {
    findings.fail(k_area, check, says, "free some, or choose another directory for it");
  } else if (space->free_bytes < wanted) {
    findings.warn(k_area, check, says + ", and " + human_size(wanted) + " may be needed",
                  "free some, or choose another directory for it");
  } else {
    findings.ok(k_area, check, says);
  }
}

std::optional<std::uint64_t> number_in(std::string_view text) {
  const std::size_t begin = std::min(text.find_first_of("0123456789"), text.size());
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data() + begin, text.data() + text.size(), value);
  return error == std::errc() ? std::optional(value) : std::nullopt;
}

// Bytes that may still be used, the cgroup's bound respected.
std::optional<std::uint64_t> free_memory(const MachinePlace& place) {
  std::optional<std::uint64_t> available;
  if (const auto text = read_file(place.proc / "meminfo", 64_KiB)) {
    for (const std::string_view line : split(*text, '\n')) {
      if (line.starts_with("MemAvailable:")) {
        const auto kibibytes = number_in(line);
        available = kibibytes ? std::optional(*kibibytes * 1024) : std::nullopt;
      }
    }
  }
  const auto most = read_file(place.cgroup / "memory.max", 256);
  const auto used = read_file(place.cgroup / "memory.current", 256);
  if (most && used) {
    const auto bound = number_in(*most);  // "max" is no number: no bound
    const auto taken = number_in(*used);
    if (bound && taken) {
      const std::uint64_t left = *bound > *taken ? *bound - *taken : 0;
      available = available ? std::min(*available, left) : left;
    }
  }
  return available;
}

std::uint64_t worker_count(const config::Settings& settings) {
  return *settings.workers == 0 ? cpu_count() : *settings.workers;
}

}  // namespace

void look_at_programs(Findings& findings, const config::Settings& settings,
                      const MachinePlace& place) {
  constexpr const char* k_area = "program";
  findings.ok(k_area, "athanor", "athanor " + std::string(version()));
  const std::filesystem::path worker = settings.worker_program->empty()
                                           ? place.program.parent_path() / "athanor-worker"
                                           : place.working_directory / *settings.worker_program;
  const auto said = version_of(worker);
  if (!said) {
    findings.fail(k_area, "athanor-worker",
                  printable(worker.string()) + " can't be run: " + said.error().message,
                  "--worker-program or ATHANOR_WORKER_PROGRAM names athanor-worker");
  } else if (*said != "athanor-worker " + std::string(version())) {
    findings.warn(k_area, "athanor-worker", printable(worker.string()) + " is '" + *said + "'",
                  "install both programs from the same version");
  } else {
    findings.ok(k_area, "athanor-worker", *said);
  }
  // Neither is needed for lock files.
  for (const char* name : {"uv", "pip"}) {
    const auto found = find_program(place, name);
    findings.ok(k_area, name,
                found ? printable(found->string())
                      : "isn't there; only resolving PyPI requirements wants it");
  }
}

void look_at_disks(Findings& findings, const config::Settings& settings,
                   const MachinePlace& place) {
  std::string scratch = *settings.scratch_dir;
  if (scratch.empty()) {
    scratch = place.environment("TMPDIR").value_or("");
  }
  // Room for the packages that are worked on at once; the largest are some GiB, most are small.
  constexpr std::uint64_t k_per_worker = 2_GiB;
  look_at_directory(findings, "scratch",
                    place.working_directory / (scratch.empty() ? "/tmp" : scratch),
                    worker_count(settings) * k_per_worker);
  std::filesystem::path state = *settings.state_dir;
  if (state.empty()) {
    const auto base = place.environment("XDG_STATE_HOME");
    const auto home = place.environment("HOME");
    if ((!base || base->empty()) && (!home || home->empty())) {
      findings.fail("disk", "state", "neither XDG_STATE_HOME nor HOME is set",
                    "--state-dir says where a run may keep its journal");
      return;
    }
    state = base && !base->empty() ? std::filesystem::path(*base)
                                   : std::filesystem::path(*home) / ".local/state";
    state /= "athanor";
  }
  look_at_directory(findings, "state", place.working_directory / state, 1_GiB);
}

void look_at_limits(Findings& findings, const config::Settings& settings,
                    const MachinePlace& place) {
  constexpr const char* k_area = "limits";
  rlimit files{};
  constexpr rlim_t k_files = 1024;
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    const std::string says = "a process may open " +
                             (files.rlim_cur == RLIM_INFINITY ? std::string("any number of")
                                                              : std::to_string(files.rlim_cur)) +
                             " files";
    if (files.rlim_cur != RLIM_INFINITY && files.rlim_cur < k_files) {
      findings.warn(k_area, "open-files", says,
                    "ulimit -n " + std::to_string(k_files) + ", or LimitNOFILE= of the unit");
    } else {
      findings.ok(k_area, "open-files", says);
    }
  }
  // A worker that compresses at the default level takes about this much.
  constexpr std::uint64_t k_per_worker = 256_MiB;
  const std::uint64_t wanted = worker_count(settings) * k_per_worker;
  if (const auto memory = free_memory(place)) {
    const std::string says = human_size(*memory) + " of memory are free";
    if (*memory < wanted) {
      findings.warn(k_area, "memory",
                    says + "; " + std::to_string(worker_count(settings)) + " workers want " +
                        human_size(wanted),
                    "start fewer: --workers N");
    } else {
      findings.ok(k_area, "memory", says);
    }
  }
  findings.ok(k_area, "processors", std::to_string(cpu_count()) + " may be used");
}

}  // namespace athanor::coordinator

#include "shared/os/process.hpp"

#include "shared/os/path_text.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <map>

namespace athanor {
namespace {

// Everything the child needs after fork, made before it: between fork and exec only calls that are
// safe in a signal handler are allowed.
struct ChildPlan {
  std::vector<std::string> candidates;  // paths to try, in PATH's order
  std::vector<std::string> arguments;
  std::vector<std::string> environment;
  std::vector<char*> argv;
  std::vector<char*> envp;
  const SpawnOptions* options = nullptr;
  pid_t parent = 0;
  int report_fd = -1;
};

std::vector<std::string> program_candidates(const std::filesystem::path& program) {
  const std::string& name = program.native();
  if (name.find('/') != std::string::npos) {
    return {name};
  }
  const char* path = std::getenv("PATH");
  std::vector<std::string> candidates;
  std::string_view rest = path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
  while (true) {
    const std::size_t colon = rest.find(':');
    const std::string_view directory = rest.substr(0, colon);
    if (!directory.empty()) {
      candidates.push_back(std::string(directory) + "/" + name);
    }
    if (colon == std::string_view::npos) {
      return candidates;
    }
    rest.remove_prefix(colon + 1);
  }
}

std::vector<std::string> merged_environment(const SpawnOptions& options) {
  std::map<std::string, std::string> merged;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos) {
      merged.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  for (const auto& [name, value] : options.environment) {
    merged[name] = value;
  }
  std::vector<std::string> lines;
  lines.reserve(merged.size());
  for (const auto& [name, value] : merged) {
    lines.push_back(name + "=" + value);
  }
  return lines;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (std::string& text : texts) {
    result.push_back(text.data());
  }
  result.push_back(nullptr);
  return result;
}

void make_plan(const SpawnOptions& options, ChildPlan& plan) {
  plan.candidates = program_candidates(options.program);
  plan.arguments.push_back(options.program.native());
  plan.arguments.insert(plan.arguments.end(), options.arguments.begin(), options.arguments.end());
  plan.environment = merged_environment(options);
  plan.argv = pointers(plan.arguments);
  plan.envp = pointers(plan.environment);
  plan.options = &options;
  plan.parent = ::getpid();
}

[[noreturn]] void fail_in_child(const ChildPlan& plan, int error_number) {
  // The parent reads this number; if even that fails it sees an exit code of 127.
  const ssize_t ignored = ::write(plan.report_fd, &error_number, sizeof error_number);
  static_cast<void>(ignored);
  ::_exit(127);
}

// dup2 onto the same number would keep close-on-exec set, so that case clears the flag itself.
void install_fd(const ChildPlan& plan, int fd, int target) {
  if (fd == target) {
    if (::fcntl(fd, F_SETFD, 0) != 0) {
      fail_in_child(plan, errno);
    }
  } else if (fd >= 0 && ::dup2(fd, target) < 0) {
    fail_in_child(plan, errno);
  }
}

[[noreturn]] void run_child(const ChildPlan& plan) {
  const SpawnOptions& options = *plan.options;
  if (options.with_parent == WithParent::die) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != plan.parent) {  // it died before the call
      ::_exit(127);
    }
  }
  if (options.group == ProcessGroup::own) {
    ::setpgid(0, 0);
  }
  for (int number = 1; number < NSIG; ++number) {
    ::signal(number, SIG_DFL);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  int stdin_fd = options.stdin_fd;
  if (stdin_fd < 0) {
    stdin_fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (stdin_fd < 0) {
      fail_in_child(plan, errno);
    }
  }
  install_fd(plan, stdin_fd, STDIN_FILENO);
  install_fd(plan, options.stdout_fd, STDOUT_FILENO);
  install_fd(plan, options.stderr_fd, STDERR_FILENO);
  int error_number = ENOENT;
  for (const std::string& candidate : plan.candidates) {
    ::execve(candidate.c_str(), plan.argv.data(), plan.envp.data());
    if (errno != ENOENT && errno != ENOTDIR) {
      error_number = errno;
    }
  }
  fail_in_child(plan, error_number);
}

ExitStatus decode(int wait_status) {
  if (WIFSIGNALED(wait_status)) {
    return {.code = 0, .signal = WTERMSIG(wait_status)};
  }
  return {.code = WEXITSTATUS(wait_status), .signal = 0};
}

int open_pidfd(pid_t pid) {
  // The wrapper appeared in glibc 2.36, the call in Linux 5.3.
  return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
}

}  // namespace

std::string ExitStatus::to_string() const {
  if (signal != 0) {
    const char* name = ::strsignal(signal);
    return "was ended by signal " + std::to_string(signal) + " (" +
           (name != nullptr ? name : "unknown") + ")";
  }
  return "exited with code " + std::to_string(code);
}

Result<ChildProcess> ChildProcess::spawn(const SpawnOptions& options) {
  ChildPlan plan;
  make_plan(options, plan);
  int report[2] = {-1, -1};
  if (::pipe2(report, O_CLOEXEC) != 0) {
    return system_error(errno, "cannot start " + quoted(options.program));
  }
  const Fd report_read(report[0]);
  Fd report_write(report[1]);
  plan.report_fd = report[1];
  const pid_t pid = ::fork();
  if (pid < 0) {
    return system_error(errno, "cannot start " + quoted(options.program));
  }
  if (pid == 0) {
    run_child(plan);
  }
  report_write.reset();
  Fd pidfd(open_pidfd(pid));
  const int pidfd_error = errno;
  int error_number = 0;
  ssize_t got = -1;
  do {  // ends when exec closes the other side
    got = ::read(report_read.get(), &error_number, sizeof error_number);
  } while (got < 0 && errno == EINTR);
  if (got == static_cast<ssize_t>(sizeof error_number) || !pidfd.valid()) {
    const bool failed_exec = got > 0;
    if (!failed_exec) {
      ::kill(pid, SIGKILL);
    }
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return system_error(failed_exec ? error_number : pidfd_error,
                        "cannot start " + quoted(options.program));
  }
  return ChildProcess(pid, std::move(pidfd));
}

ChildProcess::ChildProcess(pid_t pid, Fd pidfd)
    : pid_(pid),
      pidfd_(std::move(pidfd)) {}

std::optional<ExitStatus> ChildProcess::poll() {
  if (!status_) {
    int status = 0;
    pid_t got = 0;
    do {
      got = ::waitpid(pid_, &status, WNOHANG);
    } while (got < 0 && errno == EINTR);
    if (got != 0) {
      // ECHILD (somebody else reaped it) ends the wait too; how it ended is lost then.
      status_ = got == pid_ ? decode(status) : ExitStatus{.code = 127, .signal = 0};
    }
  }
  return status_;
}

std::optional<ExitStatus> ChildProcess::wait_for(std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!poll()) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) {
      return std::nullopt;
    }
    pollfd item{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
    ::poll(&item, 1, static_cast<int>(std::min<std::int64_t>(left.count() + 1, 60'000)));
  }
  return status_;
}

ExitStatus ChildProcess::wait() {
  while (true) {
    if (const auto status = wait_for(std::chrono::hours(1))) {
      return *status;
    }
  }
}

bool ChildProcess::signal(int number) {
  // By pidfd: a process id that was reused meanwhile can't be hit.
  return !status_ && ::syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, 0) == 0;
}

Result<std::filesystem::path> current_executable() {
  std::error_code error;
  auto path = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) {
    return system_error(error.value(), "cannot find the running program's file");
  }
  return path;
}

}  // namespace athanor

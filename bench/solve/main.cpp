#include "shared/base/clock.hpp"
#include "shared/base/strings.hpp"
#include "shared/json/json.hpp"
#include "shared/os/files.hpp"
#include "shared/repodata/repodata_cache.hpp"
#include "worker/solve/answer.hpp"
#include "worker/solve/repodata.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

// What loading an index and solving from it cost, and what the answers are.
//
//   solve_bench --index FILE --repodata CHANNEL/SUBDIR/repodata.json[.zst|.bz2]...
//               [--jobs FILE.tsv] [--repeat N] [--threads N] [--virtual=NAME=VERSION[=BUILD]]...
//               [--no-prune] [--no-rank] [--out FILE]
//
// Makes the index if FILE isn't there (cold), else maps it (warm). Then solves each line of the
// jobs (id TAB spec TAB spec ...), N times over; says CPU times, and writes one line of JSON per
// job.
namespace athanor::worker::solve {
namespace {

struct Arguments {
  std::filesystem::path index;
  std::vector<std::filesystem::path> repodata;
  std::filesystem::path jobs;
  std::filesystem::path out;
  SolveRequest request;
  unsigned repeat = 1;
  unsigned threads = 1;
};

struct Job {
  std::string id;
  std::vector<std::string> specs;
};

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double wall_seconds() {
  return std::chrono::duration<double>(SystemClock().now().time_since_epoch()).count();
}

// Of the process now and at most, in MB.
std::string memory() {
  std::ifstream status("/proc/self/status");
  std::string text;
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:") || line.starts_with("VmHWM:") || line.starts_with("RssAnon:")) {
      const std::size_t value = line.find_first_of("0123456789");
      text += " " + line.substr(0, line.find(':')) + "=" +
              std::to_string(std::stoul(line.substr(value)) / 1024) + "MB";
    }
  }
  return text;
}

[[noreturn]] void fail(const std::string& why) {
  std::cerr << why << "\n";
  std::exit(1);
}

template <typename T>
T must(Result<T> result) {
  if (!result) {
    fail(result.error().to_string());
  }
  return std::move(result).value();
}

VirtualPackage virtual_package(const std::string& text) {
  const std::vector<std::string_view> parts = split(text, '=');
  return {.name = std::string(parts.front()),
          .version = parts.size() > 1 ? std::string(parts[1]) : "0",
          .build = parts.size() > 2 ? std::string(parts[2]) : "0"};
}

Arguments read_arguments(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name.starts_with("--virtual=")) {
      arguments.request.virtual_packages.push_back(virtual_package(name.substr(10)));
      continue;
    }
    if (name == "--no-prune") {
      arguments.request.prune = false;
    } else if (name == "--no-rank") {
      arguments.request.rank_variants = false;
    } else if (i + 1 == argc) {
      fail("what is " + name + "?");
    } else if (const std::string value = argv[++i]; name == "--index") {
      arguments.index = value;
    } else if (name == "--repodata") {
      arguments.repodata.emplace_back(value);
    } else if (name == "--jobs") {
      arguments.jobs = value;
    } else if (name == "--out") {
      arguments.out = value;
    } else if (name == "--repeat") {
      arguments.repeat = static_cast<unsigned>(std::stoul(value));
    } else if (name == "--threads") {
      arguments.threads = static_cast<unsigned>(std::stoul(value));
    } else {
      fail("what is " + name + "?");
    }
  }
  return arguments;
}

PackageIndex load(const Arguments& arguments) {
  const double cpu = cpu_seconds();
  const double wall = wall_seconds();
  const bool warm = std::filesystem::exists(arguments.index);
  if (!warm) {
    PackageIndexBuilder builder;
    for (const std::filesystem::path& path : arguments.repodata) {
      builder.begin_repo({.channel = "file://" + path.parent_path().parent_path().string(),
                          .subdir = path.parent_path().filename().string()});
      RepodataReader reader(builder);
      if (const auto read = read_document(
              path, [&](std::span<const std::uint8_t> bytes) { return reader.write(bytes); });
          !read) {
        fail(read.error().to_string());
      }
      must(reader.finish());
    }
    if (const auto written = std::move(builder).write(arguments.index); !written) {
      fail(written.error().to_string());
    }
  }
  PackageIndex index = must(PackageIndex::open(arguments.index));
  std::printf("load %s: %zu records, %zu names, cpu %.3f s, wall %.3f s,%s\n",
              warm ? "warm" : "cold", index.records().size(), index.names().size(),
              cpu_seconds() - cpu, wall_seconds() - wall, memory().c_str());
  return index;
}

std::vector<Job> read_jobs(const std::filesystem::path& path) {
  std::vector<Job> jobs;
  const std::string text = must(read_file(path, 64U << 20U));
  for (const std::string_view line : split(text, '\n')) {
    const std::vector<std::string_view> parts = split(line, '\t');
    if (parts.size() > 1) {
      Job job{.id = std::string(parts[0]), .specs = {}};
      job.specs.assign(parts.begin() + 1, parts.end());
      jobs.push_back(std::move(job));
    }
  }
  return jobs;
}

Json line_of(const Job& job, const Result<SolveSuccess>& answered, double milliseconds) {
  Json line = Json::object({{"id", job.id}, {"ms", milliseconds}});
  if (!answered) {
    return line.set("error", answered.error().message);
  }
  Json packages = Json::array();
  for (const SolvedPackage& package : answered->packages) {
    packages.push_back(package.name + " " + package.version + " " + package.build);
  }
  line.set("packages", std::move(packages));
  return line.set("key", answered->solve_key);
}

void report(std::vector<double> times, double cpu, double wall) {
  std::sort(times.begin(), times.end());
  const auto at = [&](double part) {
    return times[static_cast<std::size_t>(part * static_cast<double>(times.size() - 1))];
  };
  std::printf(
      "%zu solves: cpu %.2f s, wall %.2f s; ms each (thread cpu): p50 %.1f p95 %.1f max "
      "%.1f;%s\n",
      times.size(), cpu, wall, at(0.5), at(0.95), times.back(), memory().c_str());
}

double thread_milliseconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

void solve_all(const Arguments& arguments, const PackageIndex& index,
               const std::vector<Job>& jobs) {
  const SystemClock clock;
  const std::size_t count = jobs.size() * arguments.repeat;
  std::vector<double> times(count);
  std::vector<std::string> lines(jobs.size());
  std::atomic<std::size_t> next{0};
  const double cpu = cpu_seconds();
  const double wall = wall_seconds();
  const auto work = [&] {
    EnvironmentSolver solver(index);
    for (std::size_t i = next++; i < count; i = next++) {
      const Job& job = jobs[i % jobs.size()];
      SolveRequest request = arguments.request;
      request.specs = job.specs;
      const double begin = thread_milliseconds();
      const Result<SolveSuccess> answered = answer(solver, request, clock, {});
      times[i] = thread_milliseconds() - begin;
      if (i < jobs.size()) {
        lines[i] = dump_json(line_of(job, answered, times[i]));
      }
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 1; i < arguments.threads; ++i) {
    threads.emplace_back(work);
  }
  work();
  for (std::thread& thread : threads) {
    thread.join();
  }
  report(times, cpu_seconds() - cpu, wall_seconds() - wall);
  if (!arguments.out.empty()) {
    std::ofstream out(arguments.out);
    for (const std::string& line : lines) {
      out << line << "\n";
    }
  }
}

int run(int argc, char** argv) {
  const Arguments arguments = read_arguments(argc, argv);
  const PackageIndex index = load(arguments);
  if (!arguments.jobs.empty()) {
    solve_all(arguments, index, read_jobs(arguments.jobs));
  }
  return 0;
}

}  // namespace
}  // namespace athanor::worker::solve

int main(int argc, char** argv) {
  return athanor::worker::solve::run(argc, argv);
}

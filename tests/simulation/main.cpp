#include "tests/simulation/world.hpp"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

namespace {

using athanor::simulation::Canary;
using athanor::simulation::Verdict;
using athanor::simulation::World;

const std::map<std::string, Canary> k_canaries = {
    {"say_before_durable", Canary::say_before_durable},
    {"forget_grants", Canary::forget_grants},
    {"ignore_drain", Canary::ignore_drain},
    {"ignore_rate", Canary::ignore_rate},
    {"forget_extension", Canary::forget_extension},
};

struct Request {
  std::uint64_t from = 1;
  std::uint64_t seeds = 1'000;
  Canary canary = Canary::none;
  bool one = false;
  bool twice = false;
};

bool read_arguments(int argc, char** argv, Request& request) {
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--twice") {
      request.twice = true;
      continue;
    }
    if (i + 1 >= argc) {
      return false;
    }
    const std::string value = argv[++i];
    if (name == "--seed") {
      request.from = std::strtoull(value.c_str(), nullptr, 10);
      request.seeds = 1;
      request.one = true;
    } else if (name == "--from") {
      request.from = std::strtoull(value.c_str(), nullptr, 10);
    } else if (name == "--seeds") {
      request.seeds = std::strtoull(value.c_str(), nullptr, 10);
    } else if (name == "--canary" && k_canaries.count(value) != 0) {
      request.canary = k_canaries.at(value);
    } else {
      return false;
    }
  }
  return true;
}

Verdict run_seed(const Request& request, std::uint64_t seed) {
  return World({.seed = seed, .canary = request.canary, .tell = request.one}).run();
}

}  // namespace

int main(int argc, char** argv) {
  Request request;
  if (!read_arguments(argc, argv, request)) {
    std::fprintf(stderr,
                 "usage: simulation [--seed N | --from N --seeds N] [--twice]\n"
                 "                  [--canary say_before_durable|forget_grants|ignore_drain|\n"
                 "                            ignore_rate|forget_extension]\n");
    return 2;
  }
  const auto begin = std::chrono::steady_clock::now();
  std::uint64_t events = 0;
  std::uint64_t broken = 0;
  for (std::uint64_t seed = request.from; seed < request.from + request.seeds; ++seed) {
    const Verdict verdict = run_seed(request, seed);
    events += verdict.events;
    if (request.twice && run_seed(request, seed).fingerprint != verdict.fingerprint) {
      std::printf("seed %llu does not reproduce\n", static_cast<unsigned long long>(seed));
      ++broken;
    }
    if (!verdict.problems.empty()) {
      ++broken;
      std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed),
                  verdict.problems.front().c_str());
      if (request.canary != Canary::none) {
        break;
      }
    }
    if (broken >= 10) {
      break;
    }
  }
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
  std::printf("%llu seeds, %llu events, %.1f s, %llu broken\n",
              static_cast<unsigned long long>(request.seeds),
              static_cast<unsigned long long>(events), time.count(),
              static_cast<unsigned long long>(broken));
  const bool expected = request.canary != Canary::none;
  return (broken != 0) == expected ? 0 : 1;
}

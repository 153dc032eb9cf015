#pragma once

#include "shared/base/ids.hpp"
#include "shared/protocol/job.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace athanor::coordinator {

struct SubmittedEnvironment {
  std::vector<std::size_t> jobs;  // indices into Submission::jobs, each once
  std::uint32_t conflicts = 0;    // packages that the store's own state keeps from becoming ready
  bool publish = true;            // false: a mere collection of packages, nothing to describe
};

// One batch of work: what a plan leaves to be done. Every job belongs to at least one environment.
struct Submission {
  std::string name;
  int priority = 0;
  std::string document;  // see BatchRecord
  std::vector<JobSpec> jobs;
  std::vector<SubmittedEnvironment> environments;
  std::uint64_t present = 0;    // packages without a job, for the record
  std::uint64_t conflicts = 0;  // distinct packages
};

struct Submitted {
  BatchId batch;
  std::uint32_t first_environment = 0;  // index in the batch of Submission::environments[0]
  std::vector<JobId> jobs;              // parallel to Submission::jobs
};

// What a person's wish to try again has set going.
struct Released {
  std::uint64_t jobs = 0;          // failed, quarantined or canceled ones, with a fresh budget
  std::uint64_t environments = 0;  // that had failed and wait again
};

}  // namespace athanor::coordinator

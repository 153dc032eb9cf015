#pragma once

#include "coordinator/core/story.hpp"
#include "coordinator/queue/job_state.hpp"
#include "coordinator/queue/job_table.hpp"
#include "shared/base/ids.hpp"

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

// What the journal keeps, as plain values: enough to build the core's tables again. Records of one
// turn are durable together or not at all, and nothing that follows from them is said before.
namespace athanor::coordinator {

struct BatchRecord {
  BatchId id;
  std::string name;
  int priority = 0;
  std::string document;  // what the server needs to know the batch again; opaque here
};

// More environments of a batch that was open, from this index on.
struct BatchExtensionRecord {
  BatchId id;
  std::uint32_t first_environment = 0;
  std::string document;  // as BatchRecord's
};

struct BatchEndRecord {
  BatchId id;
  bool canceled = false;
};

// A finished batch has something to do again.
struct BatchReopenRecord {
  BatchId id;
};

enum class EnvironmentState : std::uint8_t {
  collecting,  // some of its jobs aren't finished
  publishing,  // all are done; its description is being written
  ready,
  failed,
  canceled,
};
constexpr bool is_open(EnvironmentState state) {
  return state == EnvironmentState::collecting || state == EnvironmentState::publishing;
}

struct EnvironmentRecord {
  EnvironmentId id;
  BatchId batch;
  std::uint32_t index = 0;
  bool publish = true;
  std::uint32_t conflicts = 0;
  std::vector<std::uint32_t> jobs;  // numbers
};

struct EnvironmentEndRecord {
  EnvironmentId id;
  EnvironmentState state = EnvironmentState::ready;
  std::vector<std::string> keys;
  std::string error;
};

// An environment that had failed waits for its jobs again.
struct EnvironmentReopenRecord {
  EnvironmentId id;
};

// A new job, or one whose spec has learned something. Never holds a fetch_url.
struct JobRecord {
  JobId id;
  std::string spec;  // packed
};

struct JobStateRecord {
  JobTransition transition;
  std::uint64_t epoch = 0;  // of the last lease
  std::uint32_t attempt = 0;
  std::uint8_t failures = 0;
  std::uint8_t crashes = 0;
  WorkerId worker;  // that the transition is about; 0: none
};

struct JobResultRecord {
  JobId id;
  std::string success;  // packed
};

// What went wrong so far: the job's whole story, each time.
struct JobStoryRecord {
  JobId id;
  std::string failure;  // packed; empty: no failure was reported
  std::vector<std::string> killed;
  std::vector<Attempt> attempts;
  std::uint32_t forgotten_attempts = 0;
};

// A finished batch that nobody asks about any more, with the jobs that go with it.
struct ForgetRecord {
  BatchId batch;
  std::vector<EnvironmentId> environments;
  std::vector<JobId> jobs;
};

using Record =
    std::variant<BatchRecord, BatchExtensionRecord, BatchEndRecord, BatchReopenRecord,
                 EnvironmentRecord, EnvironmentEndRecord, EnvironmentReopenRecord, JobRecord,
                 JobStateRecord, JobResultRecord, JobStoryRecord, ForgetRecord>;

}  // namespace athanor::coordinator

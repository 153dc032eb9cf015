#pragma once

#include "shared/protocol/job.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

// Every message on the wire. PROTOCOL.md is the specification: grammar, limits, who may say what
// when. Plain values; the codec alone knows their encoding.
namespace athanor::protocol {

// Room that a worker announces, per resource: the coordinator never has more outstanding than that.
struct Capacity {
  std::uint32_t jobs = 0;   // jobs that may be held at once, running or prefetched
  std::uint32_t cpu = 0;    // jobs that may transmute at once
  std::uint32_t slots = 0;  // jobs that run at once; 0: an older worker, which doesn't say
  friend bool operator==(const Capacity&, const Capacity&) = default;
};

// How workers do their work: one truth for the whole fleet, so that results don't depend on who
// did the job. Credentials are not in here.
struct WorkSettings {
  std::string store_url;
  std::string packages_root;  // Layout
  std::string environments_root;
  int zstd_level = 0;
  std::map<std::string, std::string> origin_map;  // URL prefix → URL prefix to fetch from instead
  std::vector<std::string> package_dirs;          // local package directories to look in first
  bool allow_file_origins = false;
  // URL prefix → other places of the same files, as shared/net/mirrors.hpp spells them.
  std::map<std::string, std::string> mirrors;
  std::uint64_t max_package_bytes = 0;  // more of a file whose size isn't known is cut; 0: no limit
  std::string contact;  // how an origin's operator reaches who runs this; empty: no way is told
  friend bool operator==(const WorkSettings&, const WorkSettings&) = default;
};

// worker → coordinator -------------------------------------------------------------------------

// The first message of a session, and of every new connection.
struct Hello {
  std::uint32_t protocol_min = 0;
  std::uint32_t protocol_max = 0;
  std::string name;     // for people: "host/pid"
  std::string version;  // the program's
  std::vector<std::string> features;
  Capacity capacity;
  std::vector<LeaseKey> running;  // jobs held from before the connection broke: to be re-adopted
};

// Progress of one running job; `steps` grows whenever the job's own thread makes progress.
struct JobProgress {
  LeaseKey lease;
  Stage stage = Stage::locate;
  std::uint64_t bytes = 0;
  std::uint64_t steps = 0;
  bool waiting = false;  // held, but not begun
};

// The heartbeat: renews the leases that it names, and no others.
struct Renew {
  std::uint64_t session = 0;
  std::vector<JobProgress> running;
};

struct Report {
  std::uint64_t session = 0;
  LeaseKey lease;
  std::variant<JobSuccess, JobFailure> outcome;
};

// Jobs given back unfinished, unharmed: draining, or retracted.
struct Release {
  std::uint64_t session = 0;
  std::vector<LeaseKey> leases;
};

// The last message: nothing is held any more.
struct Goodbye {
  std::uint64_t session = 0;
};

// coordinator → worker -------------------------------------------------------------------------

struct Welcome {
  std::uint64_t session = 0;  // unguessable; names this session in every later message
  std::uint64_t epoch = 0;
  std::uint32_t protocol = 0;
  std::chrono::milliseconds heartbeat_interval{};
  std::chrono::milliseconds lease_duration{};
  WorkSettings settings;
  std::vector<LeaseKey> adopted;  // of Hello.running: go on; the others: drop
};

// Refused; the connection is of no use. `reason` is for a person.
struct Reject {
  std::string reason;
};

struct GrantedJob {
  LeaseKey lease;
  JobSpec spec;
  bool first = false;  // begin it before others that wait: its origin's turn is now
};

struct Grant {
  std::vector<GrantedJob> jobs;
};

// A report is durable: the worker may forget it. Reports are repeated until this arrives.
struct ReportAck {
  LeaseKey lease;
};

// Leases that are no longer the worker's: stop, publish nothing more, say nothing about them.
struct Revoke {
  std::vector<LeaseKey> leases;
};

// Answer to each Renew, so that the worker knows that the coordinator is there.
struct Pulse {};

// Take nothing new, finish or release what is held, say Goodbye. Never reversed.
struct Drain {};

// Others have nothing to do: those of these leases that have not begun come back with a Release,
// the others go on. An older worker doesn't know the message, and keeps them all.
struct Retract {
  std::vector<LeaseKey> leases;
};

using Message = std::variant<Hello, Renew, Report, Release, Goodbye, Welcome, Reject, Grant,
                             ReportAck, Revoke, Pulse, Drain, Retract>;

}  // namespace athanor::protocol

#pragma once

#include "shared/base/units.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>

// Every bound of the system in one place, so that their relations can be seen and checked. A bound
// that only one file knows about is a bound nobody can reason about.
namespace athanor::limits {

// --- What people hand in -----------------------------------------------------------------------
// The largest real lock file seen is 6 MB; ten times a large one is refused with words.
inline constexpr std::uint64_t k_input_file_bytes = 256_MiB;
inline constexpr std::size_t k_input_depth = 64;          // nesting of YAML, JSON, TOML
inline constexpr std::size_t k_input_nodes = 20'000'000;  // scalars and collections of one document
// References to packages in one input; the largest real one seen has 4,830. Each costs about 1 KiB.
inline constexpr std::size_t k_input_references = 500'000;
inline constexpr std::size_t k_url_bytes = 8192;
inline constexpr std::size_t k_filename_bytes = 255;  // NAME_MAX of every file system that matters
inline constexpr std::uint64_t k_small_document_bytes =
    64_MiB;  // environment description, claim, index.json

// --- The wire ----------------------------------------------------------------------------------
inline constexpr std::size_t k_message_bytes = 4_MiB;  // ZMQ_MAXMSGSIZE on every socket
inline constexpr std::size_t k_message_frames = 3;     // routing id, header, body
inline constexpr std::size_t k_message_depth = 16;
inline constexpr std::size_t k_message_array_items = 16'384;
inline constexpr std::size_t k_message_map_items = 1'024;
inline constexpr std::size_t k_message_string_bytes = 64_KiB;
inline constexpr std::size_t k_message_bytes_field = 1_MiB;  // of one value of raw bytes
inline constexpr std::size_t k_worker_jobs = 1'024;          // that one worker may hold at once
static_assert(k_message_string_bytes < k_message_bytes);
static_assert(k_message_bytes_field < k_message_bytes);
static_assert(k_worker_jobs < k_message_array_items);
static_assert(k_url_bytes < k_message_string_bytes);

// --- Solving -----------------------------------------------------------------------------------
inline constexpr std::size_t k_solve_channels = 64;
inline constexpr std::size_t k_solve_specs = 4'096;  // requirements, pins or locked packages each
inline constexpr std::size_t k_spec_bytes = 4'096;   // of one MatchSpec; real ones have 200
inline constexpr std::size_t k_virtual_packages = 64;
// Packages of one solution; the largest real environments have 1,500. The names that it may depend
// on: conda-forge has 31,000 in all, a large environment reaches 1,000.
inline constexpr std::size_t k_solved_packages = 8'192;
inline constexpr std::size_t k_package_specs = 4'096;  // dependencies of one package
static_assert(k_solved_packages < k_message_array_items);
// A solve that takes longer says so and ends. Real ones take milliseconds, the worst seconds.
inline constexpr std::chrono::milliseconds k_solve_time{60'000};
inline constexpr std::chrono::milliseconds k_solve_time_ceiling{3'600'000};
// One subdir's index, decompressed; conda-forge's largest has 300 MB.
inline constexpr std::uint64_t k_repodata_bytes = 4_GiB;
inline constexpr std::uint64_t k_repodata_entry_bytes = 4_MiB;  // one record; real ones have 5 KB
inline constexpr std::size_t k_repodata_records = 16'000'000;   // of one index
inline constexpr std::uint64_t k_shard_bytes = 256_MiB;         // one name's records, decompressed
// Shards that one worker's requests reach, decompressed: conda-forge's whole index has 400 MB.
inline constexpr std::uint64_t k_reached_bytes = 2_GiB;

// --- Clients -----------------------------------------------------------------------------------
// A submission as it travels and is journaled, compressed: a reference takes about 60 bytes, half
// of which are hashes; and as it is read, before anything of it is allocated.
inline constexpr std::uint64_t k_document_bytes = 64_MiB;
inline constexpr std::uint64_t k_document_unpacked_bytes = 512_MiB;
inline constexpr std::size_t k_document_references = 4'000'000;  // package × environment
inline constexpr std::size_t k_clients = 256;                    // connections of one coordinator
// Parts of a submission that a client may send ahead, and of all that are being received at once.
inline constexpr std::uint64_t k_upload_window = 4_MiB;
inline constexpr std::uint64_t k_uploads_bytes = 256_MiB;
static_assert(k_uploads_bytes >= 2 * k_document_bytes);
// What waits for one client to take it: beyond the first, events become snapshots; beyond the
// second, the client is dropped.
inline constexpr std::size_t k_client_backlog_bytes = 4_MiB;
inline constexpr std::size_t k_client_answer_bytes = 64_MiB;
inline constexpr std::size_t k_requests = 64;  // open at once, of one client
// Finished batches that can still be asked about; older ones are forgotten.
inline constexpr std::size_t k_finished_batches = 200;
inline constexpr std::size_t k_explained_jobs = 20;  // that one question may be about
// How often a coordinator tells a watcher something even if nothing happens, and after what silence
// a client takes it for gone.
inline constexpr std::chrono::milliseconds k_watch_interval{1'000};
inline constexpr std::chrono::milliseconds k_client_patience{10'000};
static_assert(k_client_patience > 4 * k_watch_interval);

// --- Leases ------------------------------------------------------------------------------------
// A frozen worker is noticed within 10 s (goal): a lease outlives two lost heartbeats, not three.
inline constexpr std::chrono::milliseconds k_heartbeat_interval{2'000};
inline constexpr std::chrono::milliseconds k_lease_duration{8'000};
static_assert(k_lease_duration > 3 * k_heartbeat_interval);
// A job that moves nothing for so long is stuck: its lease is renewed no more. Longer than the
// longest silence that a healthy job may show, an origin's stall.
inline constexpr std::chrono::seconds k_job_stall{120};
inline constexpr std::uint32_t k_job_attempts = 3;  // then the job has failed for this run
// Wait between a job's attempts: at most base * 2^(failures - 1), at most the ceiling.
inline constexpr std::chrono::milliseconds k_backoff_base{1'000};
inline constexpr std::chrono::milliseconds k_backoff_ceiling{60'000};
inline constexpr std::chrono::milliseconds k_retry_after_ceiling{600'000};
// A worker's death is blamed on every job it held. A job blamed twice runs alone from then on, so
// that innocent ones clear themselves; one more death each, and the fourth is the last.
inline constexpr std::uint32_t k_crashes_until_alone = 2;
inline constexpr std::uint32_t k_crashes_until_quarantine = 4;
// A lease whose heartbeat goes on but whose own thread makes no progress ends after this long:
// longer than any stall that the worker itself gives up on.
inline constexpr std::chrono::milliseconds k_progress_timeout{180'000};
// A broken connection may come back with the work that was under way; a dead worker's jobs must be
// leased again within a second.
inline constexpr std::chrono::milliseconds k_reconnect_grace{500};
inline constexpr std::uint32_t k_publish_attempts = 5;  // of one environment's description
inline constexpr std::size_t k_grant_jobs = 64;         // jobs in one Grant
inline constexpr std::size_t k_grant_bytes = 1_MiB;     // after which a Grant takes no more
static_assert(k_grant_jobs < k_worker_jobs);
static_assert(k_grant_bytes < k_message_bytes / 2);
// Worker processes that die before anything gets done are started again so many times, with pauses
// that grow from the base to the ceiling. More than a poison job can kill before it is quarantined.
inline constexpr unsigned k_worker_restarts = 20;
inline constexpr unsigned k_worker_starts = 6;  // as long as none has ever said hello
static_assert(k_worker_restarts > 2 * k_crashes_until_quarantine);
inline constexpr std::chrono::milliseconds k_worker_restart_base{50};
inline constexpr std::chrono::milliseconds k_worker_restart_ceiling{5'000};
inline constexpr std::chrono::milliseconds k_farewell{5'000};  // for workers to leave by themselves
// Records on their way to the disk, after which the loop takes no more messages.
inline constexpr std::size_t k_journal_backlog = 200'000;
inline constexpr std::size_t k_messages_per_turn = 4'096;
inline constexpr std::size_t k_origins = 1'024;   // hosts told apart; the rest count as one
inline constexpr std::size_t k_workers = 20'000;  // sessions of one coordinator

// --- The network -------------------------------------------------------------------------------
inline constexpr unsigned k_fetch_attempts = 3;
inline constexpr unsigned k_redirects = 10;
inline constexpr std::chrono::seconds k_connect_timeout{15};
inline constexpr std::chrono::seconds k_stall_timeout{60};  // no progress for this long
static_assert(k_job_stall > k_stall_timeout);
inline constexpr std::uint64_t k_package_bytes = 64_GiB;  // an endless answer is cut here

// --- Archives ----------------------------------------------------------------------------------
inline constexpr std::uint64_t k_unpacked_bytes = 256_GiB;
// Real packages reach 60 (text of zeros); a bomb reaches thousands. Small ones may have any ratio.
inline constexpr std::uint64_t k_unpacked_ratio = 1'000;
inline constexpr std::uint64_t k_unpacked_ratio_floor = 64_MiB;
inline constexpr std::size_t k_archive_members = 2'000'000;
// All names of one package: the largest real ones have 100,000 members with names of 80 bytes. A
// reader keeps them in memory to know hard links' targets.
inline constexpr std::uint64_t k_archive_names_bytes = 128_MiB;
inline constexpr std::size_t k_member_name_bytes = 32_KiB;
inline constexpr unsigned k_zstd_window_log = 27;  // 128 MiB: what every conda client accepts

}  // namespace athanor::limits

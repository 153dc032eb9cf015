#include "coordinator/journal/journal.hpp"

#include "coordinator/journal/packed_attempts.hpp"
#include "coordinator/journal/schema.hpp"
#include "coordinator/journal/statements.hpp"
#include "coordinator/queue/packed.hpp"
#include "shared/os/fd.hpp"
#include "shared/os/path_text.hpp"

#include <fcntl.h>

#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

namespace athanor::coordinator {
namespace {

constexpr std::uint64_t k_kept_turns = 100'000;  // in `events`

std::uint64_t milliseconds_of(WallTime time) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count());
}

// Differences are small where jobs were made in a row, and may be negative where one was joined.
std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1U) ^ static_cast<std::uint64_t>(value >> 63);
}

std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1U) ^ -static_cast<std::int64_t>(value & 1U);
}

std::string pack_jobs(const std::vector<std::uint32_t>& jobs) {
  PackWriter out;
  out.varint(jobs.size());
  std::int64_t before = 0;
  for (const std::uint32_t job : jobs) {
    out.varint(zigzag(std::int64_t{job} - before));
    before = job;
  }
  return std::move(out).take();
}

std::string pack_texts(const std::vector<std::string>& texts) {
  PackWriter out;
  out.varint(texts.size());
  for (const std::string& text : texts) {
    out.text(text);
  }
  return std::move(out).take();
}

Error damaged(std::string_view table, std::uint64_t id) {
  return make_error(
      ErrorKind::corrupt,
      "the journal is damaged: table " + std::string(table) + ", row " + std::to_string(id),
      "move it away and submit again: what the store holds is not redone");
}

Result<std::vector<std::string>> unpack_texts(std::string_view packed, EnvironmentId id) {
  PackReader reader(packed);
  std::vector<std::string> texts(packed.empty() ? 0 : reader.count());
  for (std::string& text : texts) {
    text = reader.text();
  }
  if (!reader.ok()) {
    return damaged("environments", id.value);
  }
  return texts;
}

}  // namespace

Journal::Journal(FileLock lock, std::unique_ptr<Database> database, const Clock& clock)
    : lock_(std::move(lock)),
      database_(std::move(database)),
      clock_(clock) {}

Journal::~Journal() = default;

Result<std::unique_ptr<Journal>> Journal::open(const std::filesystem::path& path,
                                               const Clock& clock) {
  std::filesystem::path lock_path = path;
  lock_path += ".lock";
  ATHANOR_ASSIGN(auto lock, FileLock::try_acquire(lock_path, FileLock::Mode::exclusive));
  if (!lock) {
    return make_error(ErrorKind::rejected,
                      "another coordinator is using the journal " + quoted(path),
                      "submit to that one, or give this one another journal");
  }
  {
    // Source URLs are nobody else's business.
    ATHANOR_ASSIGN(const Fd file, open_file(path, O_RDWR | O_CREAT, 0600));
  }
  ATHANOR_ASSIGN(auto database, Database::open(path));
  std::unique_ptr<Journal> journal(new Journal(std::move(*lock), std::move(database), clock));
  ATHANOR_TRY(journal->prepare_schema());
  ATHANOR_TRY(journal->begin_epoch());
  ATHANOR_ASSIGN(journal->statements_, Statements::prepare(*journal->database_));
  return journal;
}

Result<void> Journal::prepare_schema() {
  for (const char* pragma :
       {"PRAGMA locking_mode = EXCLUSIVE", "PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL",
        // A checkpoint in the middle of the work costs a commit up to a quarter of a second.
        "PRAGMA wal_autocheckpoint = 32768", "PRAGMA cache_size = -65536",
        "PRAGMA temp_store = MEMORY"}) {
    ATHANOR_TRY(database_->execute(pragma));
  }
  ATHANOR_ASSIGN(const std::uint64_t version, database_->query_number("PRAGMA user_version"));
  if (version > k_schema_version) {
    return make_error(ErrorKind::unsupported,
                      "the journal has format " + std::to_string(version) +
                          "; this program knows formats up to " + std::to_string(k_schema_version),
                      "use the newer program that wrote it, or give this one another journal");
  }
  if (version == k_schema_version) {
    return {};
  }
  ATHANOR_TRY(database_->execute("BEGIN IMMEDIATE"));
  for (std::uint64_t from = version; from < k_schema_version; ++from) {
    ATHANOR_TRY(database_->execute(k_schema_steps[from]));
  }
  return database_->execute("COMMIT");
}

Result<void> Journal::begin_epoch() {
  ATHANOR_ASSIGN(const std::uint64_t last,
                 database_->query_number("SELECT value FROM meta WHERE key = 'epoch'"));
  // The time makes epochs rise even if a journal was lost and begun anew.
  epoch_ = std::max(last + 1, milliseconds_of(clock_.wall_now()));
  ATHANOR_ASSIGN(Statement statement, database_->prepare("INSERT OR REPLACE INTO meta (key, value) "
                                                         "VALUES ('epoch', ?1)"));
  ATHANOR_TRY(statement.bind(1, epoch_).run());
  // History is for people who look into what happened lately; it must not grow for ever.
  ATHANOR_ASSIGN(Statement forget, database_->prepare("DELETE FROM events WHERE seq <= "
                                                      "(SELECT max(seq) FROM events) - ?1"));
  return forget.bind(1, k_kept_turns).run();
}

Result<void> Journal::commit(std::span<const Record> records) {
  if (broken_) {
    return *broken_;
  }
  if (records.empty()) {
    return {};
  }
  Result<void> done = statements_->begin.run();
  if (done.ok()) {
    done = write(records);
  }
  if (done.ok()) {
    done = statements_->commit.run();
  }
  if (!done.ok()) {
    // Whatever the disk does next, nobody may believe that a later turn follows from this one.
    broken_ = done.error();
    static_cast<void>(database_->execute("ROLLBACK"));
  }
  return done;
}

Result<void> Journal::checkpoint() {
  if (broken_) {
    return *broken_;
  }
  return database_->execute("PRAGMA wal_checkpoint(TRUNCATE)");
}

// One overload per record; states are written together, in order of their jobs.
struct Journal::Statements::Write {
  Statements& to;
  Moment now;

  Result<void> keep(std::string_view number, std::uint64_t value) const {
    return to.keep_number.bind_text(1, number).bind(2, value).run();
  }
  Result<void> operator()(const BatchRecord& record) const {
    return to.add_batch.bind(1, record.id.value)
        .bind_text(2, record.name)
        .bind(3, std::int64_t{record.priority})
        .bind_bytes(4, record.document)
        .run();
  }
  Result<void> operator()(const BatchExtensionRecord& record) const {
    return to.extend_batch.bind(1, record.id.value)
        .bind(2, std::uint64_t{record.first_environment})
        .bind_bytes(3, record.document)
        .run();
  }
  Result<void> operator()(const BatchReopenRecord& record) const {
    return to.end_batch.bind(1, record.id.value).bind(2, std::uint64_t{0}).run();
  }
  Result<void> operator()(const EnvironmentReopenRecord& record) const {
    return to.reopen_environment.bind(1, record.id.value).run();
  }
  Result<void> operator()(const BatchEndRecord& record) const {
    return to.end_batch.bind(1, record.id.value)
        .bind(2, std::uint64_t{record.canceled ? 2U : 1U})
        .run();
  }
  Result<void> operator()(const EnvironmentRecord& record) const {
    return to.add_environment.bind(1, record.id.value)
        .bind(2, record.batch.value)
        .bind(3, std::uint64_t{record.index})
        .bind(4, std::uint64_t{record.publish ? 1U : 0U})
        .bind(5, std::uint64_t{record.conflicts})
        .bind_bytes(6, pack_jobs(record.jobs))
        .run();
  }
  Result<void> operator()(const EnvironmentEndRecord& record) const {
    return to.end_environment.bind(1, record.id.value)
        .bind(2, static_cast<std::uint64_t>(record.state))
        .bind_bytes(3, pack_texts(record.keys))
        .bind_text(4, record.error)
        .run();
  }
  Result<void> operator()(const JobRecord& record) const {
    return to.put_job.bind(1, record.id.value).bind_bytes(2, record.spec).run();
  }
  Result<void> operator()(const JobStateRecord& /*record*/) const { return {}; }
  Result<void> operator()(const JobResultRecord& record) const {
    return to.put_result.bind(1, record.id.value).bind_bytes(2, record.success).run();
  }
  Result<void> operator()(const JobStoryRecord& record) const {
    return to.put_story.bind(1, record.id.value)
        .bind_bytes(2, record.failure)
        .bind_bytes(3, pack_texts(record.killed))
        .bind_bytes(4, pack_attempts(record.attempts, record.forgotten_attempts, now))
        .run();
  }
  Result<void> operator()(const ForgetRecord& record) const {
    for (const JobId job : record.jobs) {
      for (Statement* statement :
           {&to.forget_job, &to.forget_state, &to.forget_result, &to.forget_story}) {
        ATHANOR_TRY(statement->bind(1, job.value).run());
      }
    }
    for (const EnvironmentId environment : record.environments) {
      ATHANOR_TRY(to.forget_environment.bind(1, environment.value).run());
    }
    // Numbers are what people know batches and jobs by: they are never given again.
    if (!record.jobs.empty()) {
      ATHANOR_TRY(
          keep("last_job", std::max_element(record.jobs.begin(), record.jobs.end())->value));
    }
    if (!record.environments.empty()) {
      ATHANOR_TRY(
          keep("last_environment",
               std::max_element(record.environments.begin(), record.environments.end())->value));
    }
    ATHANOR_TRY(keep("last_batch", record.batch.value));
    ATHANOR_TRY(to.forget_extensions.bind(1, record.batch.value).run());
    return to.forget_batch.bind(1, record.batch.value).run();
  }
};

Result<void> Journal::write(std::span<const Record> records) {
  const Statements::Write writer{*statements_, {.time = clock_.now(), .wall = clock_.wall_now()}};
  for (const Record& record : records) {
    ATHANOR_TRY(std::visit(writer, record));
  }
  return write_states(records);
}

Result<void> Journal::write_states(std::span<const Record> records) {
  std::vector<const JobStateRecord*> states;
  for (const Record& record : records) {
    if (const auto* state = std::get_if<JobStateRecord>(&record)) {
      states.push_back(state);
    }
  }
  if (states.empty()) {
    return {};
  }
  PackWriter entries;
  entries.varint(states.size());
  for (const JobStateRecord* state : states) {
    entries.varint(state->transition.job.value);
    entries.u8(static_cast<std::uint8_t>(state->transition.event));
    entries.u8(static_cast<std::uint8_t>(state->transition.to));
    entries.varint(state->attempt);
    entries.varint(state->worker.value);
  }
  const std::string packed = std::move(entries).take();
  ATHANOR_TRY(statements_->add_events.bind(1, milliseconds_of(clock_.wall_now()))
                  .bind_bytes(2, packed)
                  .run());
  // Only where a job stands at the end of the turn matters, and rows in order share pages.
  std::stable_sort(states.begin(), states.end(),
                   [](const JobStateRecord* a, const JobStateRecord* b) {
                     return a->transition.job < b->transition.job;
                   });
  for (std::size_t i = 0; i < states.size(); ++i) {
    const JobStateRecord& state = *states[i];
    if (i + 1 < states.size() && states[i + 1]->transition.job == state.transition.job) {
      continue;
    }
    ATHANOR_TRY(statements_->put_state.bind(1, state.transition.job.value)
                    .bind(2, static_cast<std::uint64_t>(state.transition.to))
                    .bind(3, state.epoch)
                    .bind(4, std::uint64_t{state.attempt})
                    .bind(5, std::uint64_t{state.failures})
                    .bind(6, std::uint64_t{state.crashes})
                    .run());
  }
  return {};
}

Result<std::vector<JournaledBatch>> Journal::restore(Restorer& restorer) {
  std::vector<JournaledBatch> batches;
  ATHANOR_ASSIGN(const std::uint64_t batch,
                 database_->query_number("SELECT value FROM meta WHERE key = 'last_batch'"));
  ATHANOR_ASSIGN(const std::uint64_t environment,
                 database_->query_number("SELECT value FROM meta WHERE key = 'last_environment'"));
  ATHANOR_ASSIGN(const std::uint64_t job,
                 database_->query_number("SELECT value FROM meta WHERE key = 'last_job'"));
  restorer.add_forgotten(BatchId{batch}, EnvironmentId{environment}, JobId{job});
  ATHANOR_TRY(restore_batches(restorer, batches));
  ATHANOR_TRY(restore_jobs(restorer));
  ATHANOR_TRY(restore_outcomes(restorer));
  ATHANOR_TRY(restore_environments(restorer, batches));
  return batches;
}

Result<void> Journal::restore_batches(Restorer& restorer, std::vector<JournaledBatch>& batches) {
  ATHANOR_ASSIGN(
      Statement rows,
      database_->prepare("SELECT id, name, priority, document, state FROM batches ORDER BY id"));
  while (true) {
    ATHANOR_ASSIGN(const bool row, rows.step());
    if (!row) {
      break;
    }
    JournaledBatch batch{.id = BatchId{rows.number(0)},
                         .name = std::string(rows.bytes(1)),
                         .document = std::string(rows.bytes(3)),
                         .extensions = {},
                         .ended = {},
                         .finished = rows.number(4) != 0,
                         .canceled = rows.number(4) == 2};
    restorer.add_batch(batch.id, batch.name, static_cast<int>(rows.signed_number(2)),
                       batch.finished, batch.canceled);
    batches.push_back(std::move(batch));
  }
  ATHANOR_ASSIGN(Statement parts, database_->prepare("SELECT batch, idx, document FROM extensions "
                                                     "ORDER BY batch, idx"));
  while (true) {
    ATHANOR_ASSIGN(const bool row, parts.step());
    if (!row) {
      return {};
    }
    const BatchId id{parts.number(0)};
    const auto batch =
        std::find_if(batches.begin(), batches.end(),
                     [id](const JournaledBatch& candidate) { return candidate.id == id; });
    if (batch == batches.end()) {
      return damaged("extensions", id.value);
    }
    batch->extensions.push_back({.first_environment = static_cast<std::uint32_t>(parts.number(1)),
                                 .document = std::string(parts.bytes(2))});
  }
}

Result<void> Journal::restore_jobs(Restorer& restorer) {
  ATHANOR_ASSIGN(Statement rows,
                 database_->prepare("SELECT j.id, j.spec, s.state, s.epoch, s.attempt, s.failures, "
                                    "s.crashes FROM jobs j LEFT JOIN states s ON s.id = j.id "
                                    "ORDER BY j.id"));
  while (true) {
    ATHANOR_ASSIGN(const bool row, rows.step());
    if (!row) {
      return {};
    }
    const JobId id{rows.number(0)};
    if (rows.number(2) >= k_job_states) {
      return damaged("states", id.value);
    }
    // A job without a row in `states` reads as zeros: ready, never granted.
    ATHANOR_TRY(restorer.add_job({.id = id,
                                  .spec = rows.bytes(1),
                                  .state = static_cast<JobState>(rows.number(2)),
                                  .epoch = rows.number(3),
                                  .attempt = static_cast<std::uint32_t>(rows.number(4)),
                                  .failures = static_cast<std::uint8_t>(rows.number(5)),
                                  .crashes = static_cast<std::uint8_t>(rows.number(6))}));
  }
}

Result<void> Journal::restore_outcomes(Restorer& restorer) {
  ATHANOR_ASSIGN(Statement results,
                 database_->prepare("SELECT id, success FROM results ORDER BY id"));
  while (true) {
    ATHANOR_ASSIGN(const bool row, results.step());
    if (!row) {
      break;
    }
    ATHANOR_TRY(restorer.add_result(JobId{results.number(0)}, results.bytes(1)));
  }
  ATHANOR_ASSIGN(
      Statement stories,
      database_->prepare("SELECT id, failure, killed, attempts FROM stories ORDER BY id"));
  const Moment moment{.time = clock_.now(), .wall = clock_.wall_now()};
  while (true) {
    ATHANOR_ASSIGN(const bool row, stories.step());
    if (!row) {
      return {};
    }
    PackReader reader(stories.bytes(2));
    std::vector<std::string> killed(reader.count());
    for (std::string& name : killed) {
      name = reader.text();
    }
    auto attempts = unpack_attempts(stories.bytes(3), moment);
    if (!reader.ok() || !attempts.ok()) {
      return damaged("stories", stories.number(0));
    }
    ATHANOR_TRY(
        restorer.add_story(JobId{stories.number(0)}, {.failure = stories.bytes(1),
                                                      .killed = std::move(killed),
                                                      .attempts = std::move(attempts->attempts),
                                                      .forgotten_attempts = attempts->forgotten}));
  }
}

Result<void> Journal::restore_environments(Restorer& restorer,
                                           std::vector<JournaledBatch>& batches) {
  ATHANOR_ASSIGN(Statement rows,
                 database_->prepare("SELECT id, batch, idx, publish, conflicts, jobs, state, "
                                    "keys, error FROM environments ORDER BY id"));
  while (true) {
    ATHANOR_ASSIGN(const bool row, rows.step());
    if (!row) {
      return {};
    }
    EnvironmentRecord record{.id = EnvironmentId{rows.number(0)},
                             .batch = BatchId{rows.number(1)},
                             .index = static_cast<std::uint32_t>(rows.number(2)),
                             .publish = rows.number(3) != 0,
                             .conflicts = static_cast<std::uint32_t>(rows.number(4)),
                             .jobs = {}};
    PackReader reader(rows.bytes(5));
    record.jobs.resize(reader.count());
    std::int64_t before = 0;
    for (std::uint32_t& job : record.jobs) {
      before += unzigzag(reader.varint());
      job = static_cast<std::uint32_t>(before);
    }
    if (!reader.ok() || rows.number(6) > static_cast<std::uint64_t>(EnvironmentState::canceled)) {
      return damaged("environments", record.id.value);
    }
    const auto state = static_cast<EnvironmentState>(rows.number(6));
    const auto batch = std::lower_bound(
        batches.begin(), batches.end(), record.batch,
        [](const JournaledBatch& candidate, BatchId id) { return candidate.id < id; });
    if (!is_open(state) && batch != batches.end() && batch->id == record.batch) {
      ATHANOR_ASSIGN(std::vector<std::string> keys, unpack_texts(rows.bytes(7), record.id));
      batch->ended.push_back({.environment = record.index,
                              .keys = std::move(keys),
                              .error = std::string(rows.bytes(8))});
    }
    ATHANOR_TRY(restorer.add_environment(record, state));
  }
}

}  // namespace athanor::coordinator

#include "coordinator/journal/statements.hpp"

#include <utility>

namespace athanor::coordinator {

Result<std::unique_ptr<Journal::Statements>> Journal::Statements::prepare(
    const Database& database) {
  auto all = std::make_unique<Statements>();
  const std::pair<Statement*, const char*> texts[] = {
      {&all->begin, "BEGIN IMMEDIATE"},
      {&all->commit, "COMMIT"},
      {&all->add_batch,
       "INSERT INTO batches (id, name, priority, document) VALUES (?1, ?2, ?3, ?4)"},
      {&all->extend_batch, "INSERT INTO extensions (batch, idx, document) VALUES (?1, ?2, ?3)"},
      {&all->end_batch, "UPDATE batches SET state = ?2 WHERE id = ?1"},
      {&all->add_environment,
       "INSERT INTO environments (id, batch, idx, publish, conflicts, jobs) "
       "VALUES (?1, ?2, ?3, ?4, ?5, ?6)"},
      {&all->end_environment,
       "UPDATE environments SET state = ?2, keys = ?3, error = ?4 WHERE id = ?1"},
      {&all->reopen_environment,
       "UPDATE environments SET state = 0, keys = NULL, error = NULL WHERE id = ?1"},
      {&all->put_job, "INSERT OR REPLACE INTO jobs (id, spec) VALUES (?1, ?2)"},
      {&all->put_state,
       "INSERT INTO states (id, state, epoch, attempt, failures, crashes) "
       "VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (id) DO UPDATE SET state = ?2, epoch = ?3, "
       "attempt = ?4, failures = ?5, crashes = ?6"},
      {&all->put_result, "INSERT OR REPLACE INTO results (id, success) VALUES (?1, ?2)"},
      {&all->put_story,
       "INSERT OR REPLACE INTO stories (id, failure, killed, attempts) VALUES (?1, ?2, ?3, ?4)"},
      {&all->add_events, "INSERT INTO events (at, entries) VALUES (?1, ?2)"},
      {&all->forget_batch, "DELETE FROM batches WHERE id = ?1"},
      {&all->forget_extensions, "DELETE FROM extensions WHERE batch = ?1"},
      {&all->forget_environment, "DELETE FROM environments WHERE id = ?1"},
      {&all->forget_job, "DELETE FROM jobs WHERE id = ?1"},
      {&all->forget_state, "DELETE FROM states WHERE id = ?1"},
      {&all->forget_result, "DELETE FROM results WHERE id = ?1"},
      {&all->forget_story, "DELETE FROM stories WHERE id = ?1"},
      {&all->keep_number,
       "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET "
       "value = max(value, excluded.value)"},
  };
  for (const auto& [statement, sql] : texts) {
    ATHANOR_ASSIGN(*statement, database.prepare(sql));
  }
  return all;
}

}  // namespace athanor::coordinator

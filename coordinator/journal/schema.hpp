#pragma once

#include <array>
#include <cstdint>

namespace athanor::coordinator {

// The format that this program writes. Each step leads from the version of its index to the next
// one: a new journal takes all of them, an old one those that it lacks. Steps are never changed.
inline constexpr std::uint64_t k_schema_version = 2;
inline constexpr std::array<const char*, k_schema_version> k_schema_steps = {
    R"(
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE batches (id INTEGER PRIMARY KEY, name TEXT NOT NULL, priority INTEGER NOT NULL,
  document BLOB NOT NULL, state INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE environments (id INTEGER PRIMARY KEY, batch INTEGER NOT NULL, idx INTEGER NOT NULL,
  publish INTEGER NOT NULL, conflicts INTEGER NOT NULL, jobs BLOB NOT NULL,
  state INTEGER NOT NULL DEFAULT 0, keys BLOB, error TEXT) STRICT;
CREATE TABLE jobs (id INTEGER PRIMARY KEY, spec BLOB NOT NULL) STRICT;
CREATE TABLE states (id INTEGER PRIMARY KEY, state INTEGER NOT NULL, epoch INTEGER NOT NULL,
  attempt INTEGER NOT NULL, failures INTEGER NOT NULL, crashes INTEGER NOT NULL) STRICT;
CREATE TABLE results (id INTEGER PRIMARY KEY, success BLOB NOT NULL) STRICT;
CREATE TABLE stories (id INTEGER PRIMARY KEY, failure BLOB NOT NULL, killed BLOB NOT NULL) STRICT;
CREATE TABLE events (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, entries BLOB NOT NULL) STRICT;
PRAGMA application_id = 1096042574;
PRAGMA user_version = 1;
)",
    R"(
CREATE TABLE extensions (batch INTEGER NOT NULL, idx INTEGER NOT NULL, document BLOB NOT NULL,
  PRIMARY KEY (batch, idx)) STRICT, WITHOUT ROWID;
ALTER TABLE stories ADD COLUMN attempts BLOB NOT NULL DEFAULT x'';
PRAGMA user_version = 2;
)",
};

}  // namespace athanor::coordinator

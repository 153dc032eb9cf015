#include "coordinator/journal/database.hpp"

#include "shared/base/check.hpp"
#include "shared/os/path_text.hpp"

#include <sqlite3.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace athanor::coordinator {

void Statement::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

void Database::Close::operator()(sqlite3* database) const {
  sqlite3_close_v2(database);
}

Statement& Statement::bind(int parameter, std::uint64_t value) {
  return bind(parameter, static_cast<std::int64_t>(value));
}

Statement& Statement::bind(int parameter, std::int64_t value) {
  ATHANOR_CHECK(sqlite3_bind_int64(statement_.get(), parameter, value) == SQLITE_OK);
  return *this;
}

// A null destructor is SQLITE_STATIC: the bytes live until the step.
Statement& Statement::bind_text(int parameter, std::string_view value) {
  const int code = sqlite3_bind_text(statement_.get(), parameter, value.empty() ? "" : value.data(),
                                     static_cast<int>(value.size()), nullptr);
  ATHANOR_CHECK(code == SQLITE_OK);
  return *this;
}

Statement& Statement::bind_bytes(int parameter, std::string_view value) {
  const int code = sqlite3_bind_blob64(statement_.get(), parameter,
                                       value.empty() ? "" : value.data(), value.size(), nullptr);
  ATHANOR_CHECK(code == SQLITE_OK || code == SQLITE_TOOBIG);
  return *this;
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) {
    return true;
  }
  if (code != SQLITE_DONE) {
    Error error = database_->error("cannot use the journal");
    sqlite3_reset(statement_.get());
    return error;
  }
  sqlite3_reset(statement_.get());
  return false;
}

Result<void> Statement::run() {
  ATHANOR_ASSIGN(const bool row, step());
  ATHANOR_CHECK(!row);
  return {};
}

std::int64_t Statement::signed_number(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::uint64_t Statement::number(int column) const {
  return static_cast<std::uint64_t>(signed_number(column));
}

std::string_view Statement::bytes(int column) const {
  const void* data = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return data == nullptr
             ? std::string_view()
             : std::string_view(static_cast<const char*>(data), static_cast<std::size_t>(size));
}

Result<std::unique_ptr<Database>> Database::open(const std::filesystem::path& path) {
  auto database = std::make_unique<Database>();
  database->path_ = path;
  sqlite3* handle = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &handle,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  database->database_.reset(handle);
  if (code != SQLITE_OK) {
    return database->error("cannot open the journal");
  }
  sqlite3_extended_result_codes(handle, 1);
  return database;
}

Result<void> Database::execute(const char* sql) {
  if (sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
    return error("cannot use the journal");
  }
  return {};
}

Result<Statement> Database::prepare(const char* sql) const {
  sqlite3_stmt* handle = nullptr;
  if (sqlite3_prepare_v3(database_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &handle, nullptr) !=
      SQLITE_OK) {
    return error("cannot use the journal");
  }
  Statement statement;
  statement.statement_.reset(handle);
  statement.database_ = this;
  return statement;
}

Result<std::uint64_t> Database::query_number(const char* sql) const {
  ATHANOR_ASSIGN(Statement statement, prepare(sql));
  ATHANOR_ASSIGN(const bool row, statement.step());
  return row ? statement.number(0) : std::uint64_t{0};
}

Error Database::error(std::string_view what) const {
  const int extended = database_ ? sqlite3_extended_errcode(database_.get()) : SQLITE_NOMEM;
  const int system = database_ ? sqlite3_system_errno(database_.get()) : 0;
  std::string message = std::string(what) + " " + quoted(path_) + ": ";
  const std::string reason = database_ ? sqlite3_errmsg(database_.get()) : "out of memory";
  switch (extended & 0xff) {
    case SQLITE_FULL:
      return make_error(ErrorKind::retry, message + "no space left on the disk",
                        "free some space and start again: nothing that was reported is lost");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_MISMATCH:
      return make_error(ErrorKind::corrupt, message + reason,
                        "move it away and submit again: what the store holds is not redone");
    case SQLITE_IOERR:
      if (system == ENOSPC || system == EDQUOT) {
        return make_error(ErrorKind::retry, message + std::strerror(system),
                          "free some space and start again: nothing that was reported is lost");
      }
      return make_error(
          ErrorKind::rejected,
          message + reason +
              (system != 0 ? std::string(": ") + std::strerror(system) : std::string()),
          "look at the disk; nothing that was reported is lost");
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return make_error(ErrorKind::rejected, message + reason,
                        "the file and its directory must be writable, and used by nobody else");
    default:
      return make_error(ErrorKind::bug, message + reason);
  }
}

}  // namespace athanor::coordinator

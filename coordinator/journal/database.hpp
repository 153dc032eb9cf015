#pragma once

#include "shared/base/result.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace athanor::coordinator {

class Database;

// One prepared statement, used again and again: bind, then step until false; a statement that was
// stepped to its end is reset by itself. Parameters count from 1, columns from 0. Bound bytes must
// live until the step.
class Statement {
 public:
  Statement() = default;

  Statement& bind(int parameter, std::uint64_t value);
  Statement& bind(int parameter, std::int64_t value);
  Statement& bind_text(int parameter, std::string_view value);
  Statement& bind_bytes(int parameter, std::string_view value);

  // True if there is a row. Errors as Database says.
  Result<bool> step();
  // A statement that returns no rows.
  Result<void> run();

  std::uint64_t number(int column) const;
  std::int64_t signed_number(int column) const;
  // Valid until the next step.
  std::string_view bytes(int column) const;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  const Database* database_ = nullptr;
};

// One SQLite database. Errors: retry (no space left: free some and start again), corrupt (damaged,
// or no database), rejected (no permission, I/O error, locked), bug. Each names the file. Not
// thread-safe; may be handed from thread to thread.
class Database {
 public:
  // Made if it isn't there.
  static Result<std::unique_ptr<Database>> open(const std::filesystem::path& path);

  Result<void> execute(const char* sql);
  Result<Statement> prepare(const char* sql) const;
  // The first column of the first row; 0 if there is none.
  Result<std::uint64_t> query_number(const char* sql) const;

  Error error(std::string_view what) const;

 private:
  struct Close {
    void operator()(sqlite3* database) const;
  };
  std::filesystem::path path_;
  std::unique_ptr<sqlite3, Close> database_;
};

}  // namespace athanor::coordinator

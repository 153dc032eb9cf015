#pragma once

#include "coordinator/journal/database.hpp"
#include "coordinator/journal/journal.hpp"
#include "shared/base/result.hpp"

#include <memory>

namespace athanor::coordinator {

// What a journal writes with, prepared once.
struct Journal::Statements {
  struct Write;

  Statement begin;  // a transaction for each turn: not parsed anew each time
  Statement commit;
  Statement add_batch;
  Statement extend_batch;
  Statement end_batch;
  Statement add_environment;
  Statement end_environment;
  Statement reopen_environment;
  Statement put_job;
  Statement put_state;
  Statement put_result;
  Statement put_story;
  Statement add_events;
  Statement forget_batch;
  Statement forget_extensions;
  Statement forget_environment;
  Statement forget_job;
  Statement forget_state;
  Statement forget_result;
  Statement forget_story;
  Statement keep_number;

  static Result<std::unique_ptr<Statements>> prepare(const Database& database);
};

}  // namespace athanor::coordinator

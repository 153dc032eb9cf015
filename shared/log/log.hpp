#pragma once

#include "shared/log/redacted.hpp"

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

namespace athanor {

enum class LogLevel { debug, info, warning, error, off };
std::string_view to_string(LogLevel level);
std::optional<LogLevel> log_level_from_string(std::string_view name);

enum class LogForm {
  text,  // 2026-01-31T01:02:03.456Z info   worker joined name=host/7 slots=4
  json,  // {"time":"...","level":"info","message":"worker joined","name":"host/7","slots":4}
};

struct LogOptions {
  LogLevel level = LogLevel::info;  // what is less grave is dropped
  LogForm form = LogForm::text;
};

// A named value of one event. Text is made printable, so that nobody can forge a line.
class LogField {
 public:
  LogField(std::string_view key, std::string_view value)
      : key_(key),
        text_(value),
        quoted_(true) {}
  template <std::integral Number>
  LogField(std::string_view key, Number value)
      : key_(key) {
    if constexpr (std::same_as<Number, bool>) {
      text_ = value ? "true" : "false";
    } else {
      text_ = std::to_string(value);
    }
  }
  template <typename T>
  LogField(std::string_view key, const Redacted<T>& value)
      : key_(key),
        text_(to_string(value)),
        quoted_(true) {}

  std::string_view key() const { return key_; }
  const std::string& text() const { return text_; }
  bool is_text() const { return quoted_; }

 private:
  std::string_view key_;
  std::string text_;
  bool quoted_ = false;
};

// Writes one line per event. Thread-safe; lines are whole.
class Logger {
 public:
  // To stderr.
  explicit Logger(LogOptions options);
  // To a stream that outlives the logger.
  Logger(LogOptions options, std::ostream& out);
  ~Logger();
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;

  void log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {});

  void debug(std::string_view message, std::initializer_list<LogField> fields = {}) {
    log(LogLevel::debug, message, fields);
  }
  void info(std::string_view message, std::initializer_list<LogField> fields = {}) {
    log(LogLevel::info, message, fields);
  }
  void warning(std::string_view message, std::initializer_list<LogField> fields = {}) {
    log(LogLevel::warning, message, fields);
  }
  void error(std::string_view message, std::initializer_list<LogField> fields = {}) {
    log(LogLevel::error, message, fields);
  }

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace athanor

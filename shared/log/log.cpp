#include "shared/log/log.hpp"

#include "shared/base/strings.hpp"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <array>
#include <utility>

namespace athanor {
namespace {

constexpr std::size_t k_text_bytes = 4096;  // of one message or value
constexpr std::array<std::pair<LogLevel, std::string_view>, 5> k_levels{
    std::pair(LogLevel::debug, std::string_view("debug")),
    std::pair(LogLevel::info, std::string_view("info")),
    std::pair(LogLevel::warning, std::string_view("warning")),
    std::pair(LogLevel::error, std::string_view("error")),
    std::pair(LogLevel::off, std::string_view("off"))};

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
    case LogLevel::off:
      break;
  }
  return spdlog::level::off;
}

// Printable already; only what JSON itself needs is left.
std::string json_string(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : printable(text, k_text_bytes)) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
    }
    quoted += c;
  }
  return quoted + '"';
}

std::string text_value(const LogField& field) {
  const std::string text = printable(field.text(), k_text_bytes);
  const bool plain = !text.empty() && text.find_first_of(" \"=") == std::string::npos;
  return plain || !field.is_text() ? text : json_string(field.text());
}

}  // namespace

std::string_view to_string(LogLevel level) {
  return k_levels[static_cast<std::size_t>(level)].second;
}

std::optional<LogLevel> log_level_from_string(std::string_view name) {
  for (const auto& [level, level_name] : k_levels) {
    if (level_name == name) {
      return level;
    }
  }
  return std::nullopt;
}

struct Logger::Impl {
  Impl(LogOptions options, spdlog::sink_ptr sink)
      : form(options.form),
        logger("athanor", std::move(sink)) {
    logger.set_level(to_spdlog(options.level));
    logger.flush_on(spdlog::level::debug);
    const char* pattern = form == LogForm::json
                              ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})"
                              : "%Y-%m-%dT%H:%M:%S.%eZ %-7l %v";
    logger.set_formatter(
        std::make_unique<spdlog::pattern_formatter>(pattern, spdlog::pattern_time_type::utc, "\n"));
  }

  LogForm form;
  spdlog::logger logger;
};

Logger::Logger(LogOptions options)
    : impl_(std::make_unique<Impl>(options, std::make_shared<spdlog::sinks::stderr_sink_mt>())) {}

Logger::Logger(LogOptions options, std::ostream& out)
    : impl_(
          std::make_unique<Impl>(options, std::make_shared<spdlog::sinks::ostream_sink_mt>(out))) {}

Logger::~Logger() = default;

void Logger::log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  if (!impl_->logger.should_log(to_spdlog(level)) || level == LogLevel::off) {
    return;
  }
  std::string line;
  if (impl_->form == LogForm::json) {
    line = "\"message\":" + json_string(message);
    for (const LogField& field : fields) {
      line += "," + json_string(field.key()) + ":";
      line += field.is_text() ? json_string(field.text()) : field.text();
    }
  } else {
    line = printable(message, k_text_bytes);
    for (const LogField& field : fields) {
      line += " " + std::string(field.key()) + "=" + text_value(field);
    }
  }
  impl_->logger.log(to_spdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace athanor

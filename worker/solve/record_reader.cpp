#include "worker/solve/record_reader.hpp"

#include "shared/base/limits.hpp"
#include "shared/base/strings.hpp"
#include "shared/conda/artifact.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cctype>
#include <utility>

namespace athanor::worker::solve {
namespace {

namespace ondemand = simdjson::ondemand;

constexpr std::size_t k_examples = 5;
// Of the year 9999: later numbers are milliseconds.
constexpr std::uint64_t k_last_second = 253'402'300'799;

bool has_capitals(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

Error broken(std::string_view why) {
  return make_error(ErrorKind::corrupt, "the index is not valid JSON: " + std::string(why));
}

}  // namespace

class RecordReader::Impl {
 public:
  Impl(PackageIndexBuilder& builder, RepodataReport& report)
      : builder_(builder),
        report_(report) {}

  Result<void> read(std::string& object) {
    ondemand::document document;
    ondemand::object entries;
    if (const auto error = open(object, document); error != simdjson::SUCCESS) {
      return broken(simdjson::error_message(error));
    }
    if (const auto error = document.get_object().get(entries); error != simdjson::SUCCESS) {
      return broken(simdjson::error_message(error));
    }
    for (auto field : entries) {
      std::string_view key;
      ondemand::object entry;
      if (const auto error = field.unescaped_key().get(key); error != simdjson::SUCCESS) {
        return broken(simdjson::error_message(error));
      }
      const auto error = field.value().get_object().get(entry);
      if (error == simdjson::INCORRECT_TYPE) {
        skip(key, "it is no object");
      } else if (error != simdjson::SUCCESS) {
        return broken(simdjson::error_message(error));
      } else if (const auto bad = read_entry(key, entry); bad != simdjson::SUCCESS) {
        return broken(simdjson::error_message(bad));
      }
    }
    return {};
  }

  simdjson::error_code open(std::string& text, ondemand::document& document) {
    text.reserve(text.size() + simdjson::SIMDJSON_PADDING);
    return parser_.iterate(simdjson::padded_string_view(text.data(), text.size(), text.capacity()))
        .get(document);
  }

 private:
  simdjson::error_code read_entry(std::string_view filename, ondemand::object entry) {
    record_.depends.clear();
    record_.constrains.clear();
    record_ = {.filename = filename,
               .depends = std::move(record_.depends),
               .constrains = std::move(record_.constrains)};
    features_.clear();
    bool good = true;
    for (auto field : entry) {
      std::string_view key;
      ondemand::value value;
      if (const auto error = field.unescaped_key().get(key); error != simdjson::SUCCESS) {
        return error;
      }
      if (const auto error = field.value().get(value); error != simdjson::SUCCESS) {
        return error;
      }
      good = read_field(key, value) && good;
    }
    if (!format_of_filename(filename, PackageType::conda)) {
      skip(filename, "its file name ends in no format that is known");
    } else if (!good || record_.name.empty() || record_.version.empty()) {
      skip(filename, "its name, version, build or dependencies are missing or no text");
    } else if (!is_bounded()) {
      skip(filename, "its texts are too long");
    } else {
      add();
    }
    return simdjson::SUCCESS;
  }

  bool is_bounded() const {
    return record_.filename.size() <= limits::k_filename_bytes &&
           record_.name.size() <= limits::k_filename_bytes &&
           record_.version.size() <= limits::k_filename_bytes &&
           record_.build.size() <= limits::k_filename_bytes &&
           record_.depends.size() <= limits::k_package_specs &&
           record_.constrains.size() <= limits::k_package_specs;
  }

  void add() {
    std::string lower;
    if (has_capitals(record_.name)) {
      lower = to_lower(record_.name);
      record_.name = lower;
    }
    record_.track_features = features_;
    builder_.add(record_);
    ++report_.records;
  }

  // False if the field is one that solving needs, and unusable.
  bool read_field(std::string_view key, ondemand::value value) {
    if (key == "name") {
      return read_text(value, record_.name);
    }
    if (key == "version") {
      return read_text(value, record_.version);
    }
    if (key == "build") {
      return read_text(value, record_.build);
    }
    if (key == "depends") {
      return read_texts(value, record_.depends);
    }
    if (key == "constrains") {
      return read_texts(value, record_.constrains) || value.is_null();
    }
    read_optional_field(key, value);
    return true;
  }

  void read_optional_field(std::string_view key, ondemand::value value) {
    std::string_view text;
    if (key == "build_number") {
      record_.build_number = read_number(value);
    } else if (key == "timestamp" || key == "indexed_timestamp") {
      read_time(value, key == "indexed_timestamp");
    } else if (key == "size") {
      record_.digest.size = read_number(value);
    } else if (key == "md5" && read_text(value, text)) {
      record_.digest.md5 = Md5::from_hex(text);
    } else if (key == "sha256" && read_text(value, text)) {
      record_.digest.sha256 = Sha256::from_hex(text);
    } else if (key == "track_features") {
      read_features(value);
    } else if (key == "license") {
      read_text(value, record_.license);
    } else if (key == "noarch") {
      read_text(value, record_.noarch);
    }
  }

  // When it was put into the index counts before when it was built.
  void read_time(ondemand::value value, bool indexed) {
    const std::uint64_t time = read_number(value);
    if (indexed || record_.timestamp == 0) {
      record_.timestamp = time > k_last_second ? time : time * 1000;
    }
  }

  static bool read_text(ondemand::value value, std::string_view& text) {
    std::string_view found;
    if (value.get_string().get(found) != simdjson::SUCCESS) {
      return false;
    }
    text = found;
    return true;
  }

  static bool read_texts(ondemand::value value, std::vector<std::string_view>& texts) {
    ondemand::array array;
    if (value.get_array().get(array) != simdjson::SUCCESS) {
      return false;
    }
    for (auto item : array) {
      std::string_view text;
      if (item.get_string().get(text) != simdjson::SUCCESS) {
        return false;
      }
      texts.push_back(text);
    }
    return true;
  }

  static std::uint64_t read_number(ondemand::value value) {
    std::uint64_t number = 0;
    return value.get_uint64().get(number) == simdjson::SUCCESS ? number : 0;
  }

  // "a,b" or "a b"; newer indices have a list.
  void read_features(ondemand::value value) {
    std::vector<std::string_view> list;
    std::string text;
    if (std::string_view found; read_text(value, found)) {
      text = found;
      std::replace(text.begin(), text.end(), ',', ' ');
      list = split(text, ' ');
    } else {
      read_texts(value, list);
    }
    for (const std::string_view part : list) {
      if (!part.empty()) {
        features_ += features_.empty() ? "" : " ";
        features_ += part;
        ++record_.features;
      }
    }
  }

  void skip(std::string_view filename, const std::string& why) {
    ++report_.skipped;
    if (report_.examples.size() < k_examples) {
      report_.examples.push_back(printable(filename, 200) + ": " + why);
    }
  }

  PackageIndexBuilder& builder_;
  RepodataReport& report_;
  ondemand::parser parser_;
  RecordView record_;
  std::string features_;
};

RecordReader::RecordReader(PackageIndexBuilder& builder, RepodataReport& report)
    : impl_(std::make_unique<Impl>(builder, report)) {}

RecordReader::~RecordReader() = default;

Result<void> RecordReader::read(std::string& object) {
  try {
    return impl_->read(object);
  } catch (const simdjson::simdjson_error& error) {
    return broken(error.what());
  }
}

std::vector<std::string> RecordReader::read_list(std::string& array) {
  std::vector<std::string> texts;
  ondemand::document document;
  ondemand::array items;
  if (impl_->open(array, document) != simdjson::SUCCESS ||
      document.get_array().get(items) != simdjson::SUCCESS) {
    return texts;
  }
  for (auto item : items) {
    std::string_view text;
    if (item.get_string().get(text) != simdjson::SUCCESS) {
      break;
    }
    texts.emplace_back(text);
  }
  return texts;
}

std::string RecordReader::read_text(std::string& object, std::string_view key) {
  ondemand::document document;
  std::string_view text;
  if (impl_->open(object, document) == simdjson::SUCCESS &&
      document.find_field_unordered(key).get_string().get(text) == simdjson::SUCCESS) {
    return std::string(text);
  }
  return {};
}

std::uint64_t RecordReader::read_number(std::string& object, std::string_view key) {
  ondemand::document document;
  std::uint64_t number = 0;
  if (impl_->open(object, document) == simdjson::SUCCESS &&
      document.find_field_unordered(key).get_uint64().get(number) == simdjson::SUCCESS) {
    return number;
  }
  return 0;
}

}  // namespace athanor::worker::solve

#include "worker/solve/repodata.hpp"

#include "shared/base/strings.hpp"
#include "shared/conda/artifact.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cctype>
#include <unordered_set>
#include <utility>

namespace athanor::worker::solve {
namespace {

namespace ondemand = simdjson::ondemand;

static_assert(k_repodata_padding >= simdjson::SIMDJSON_PADDING);

constexpr std::size_t k_examples = 5;
constexpr std::uint64_t k_last_second =
    253'402'300'799;  // of the year 9999: later numbers are milliseconds

// Sets a text from a value; false if the value is something else.
bool read_text(ondemand::value value, std::string& text) {
  std::string_view found;
  if (value.get_string().get(found) != simdjson::SUCCESS) {
    return false;
  }
  text = found;
  return true;
}

bool read_texts(ondemand::value value, std::vector<std::string>& texts) {
  ondemand::array array;
  if (value.get_array().get(array) != simdjson::SUCCESS) {
    return false;
  }
  for (auto item : array) {
    std::string_view text;
    if (item.get_string().get(text) != simdjson::SUCCESS) {
      return false;
    }
    texts.emplace_back(text);
  }
  return true;
}

std::uint64_t read_number(ondemand::value value) {
  std::uint64_t number = 0;
  return value.get_uint64().get(number) == simdjson::SUCCESS ? number : 0;
}

// "a,b" or "a b"; newer indices have a list.
void read_features(ondemand::value value, std::vector<std::string>& features) {
  std::string text;
  if (!read_text(value, text)) {
    read_texts(value, features);
    return;
  }
  std::replace(text.begin(), text.end(), ',', ' ');
  for (const std::string_view part : split(text, ' ')) {
    if (!part.empty()) {
      features.emplace_back(part);
    }
  }
}

class Reader {
 public:
  explicit Reader(PackageIndexBuilder& builder)
      : builder_(builder) {}

  Result<RepodataReport> read(std::string_view text) {
    ondemand::parser parser;
    ondemand::document document;
    const auto error = parser
                           .iterate(simdjson::padded_string_view(text.data(), text.size(),
                                                                 text.size() + k_repodata_padding))
                           .get(document);
    if (error != simdjson::SUCCESS) {
      return broken(error);
    }
    // .conda first, whatever the order in the file: its twins are then known.
    for (const char* const section : {"packages.conda", "packages"}) {
      ondemand::object entries;
      if (const auto found = document[section].get_object().get(entries);
          found == simdjson::SUCCESS) {
        if (const auto bad = read_entries(entries); bad != simdjson::SUCCESS) {
          return broken(bad);
        }
        any_section_ = true;
      } else if (found != simdjson::NO_SUCH_FIELD) {
        return broken(found);
      }
    }
    if (!any_section_) {
      return make_error(ErrorKind::corrupt,
                        "the index has neither 'packages' nor 'packages.conda'");
    }
    return std::move(report_);
  }

 private:
  static Error broken(simdjson::error_code error) {
    return make_error(ErrorKind::corrupt, std::string("the index is not valid JSON: ") +
                                              simdjson::error_message(error));
  }

  simdjson::error_code read_entries(ondemand::object entries) {
    for (auto field : entries) {
      std::string_view key;
      ondemand::object entry;
      if (const auto error = field.unescaped_key().get(key); error != simdjson::SUCCESS) {
        return error;
      }
      const std::string filename(key);
      const auto error = field.value().get_object().get(entry);
      if (error == simdjson::INCORRECT_TYPE) {
        skip(filename, "it is no object");
        continue;
      }
      if (error != simdjson::SUCCESS) {
        return error;
      }
      if (const auto bad = read_entry(filename, entry); bad != simdjson::SUCCESS) {
        return bad;
      }
    }
    return simdjson::SUCCESS;
  }

  simdjson::error_code read_entry(const std::string& filename, ondemand::object entry) {
    PackageRecord record;
    record.filename = filename;
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
      good = read_field(key, value, record) && good;
    }
    const std::optional<Format> format = format_of_filename(filename, PackageType::conda);
    if (!format) {
      skip(filename, "its file name ends in no format that is known");
    } else if (!good || record.name.empty() || record.version.empty()) {
      skip(filename, "its name, version, build or dependencies are missing or no text");
    } else {
      add(std::move(record), *format);
    }
    return simdjson::SUCCESS;
  }

  // False if the field is one that solving needs, and unusable.
  static bool read_field(std::string_view key, ondemand::value value, PackageRecord& record) {
    if (key == "name") {
      const bool good = read_text(value, record.name);
      record.name = to_lower(record.name);
      return good;
    }
    if (key == "version") {
      return read_text(value, record.version);
    }
    if (key == "build") {
      return read_text(value, record.build);
    }
    if (key == "depends") {
      return read_texts(value, record.depends);
    }
    if (key == "constrains") {
      return read_texts(value, record.constrains) || value.is_null();
    }
    read_optional_field(key, value, record);
    return true;
  }

  static void read_optional_field(std::string_view key, ondemand::value value,
                                  PackageRecord& record) {
    std::string text;
    if (key == "build_number") {
      record.build_number = read_number(value);
    } else if (key == "timestamp") {
      const std::uint64_t time = read_number(value);
      record.timestamp = time > k_last_second ? time : time * 1000;
    } else if (key == "size") {
      record.digest.size = read_number(value);
    } else if (key == "md5" && read_text(value, text)) {
      record.digest.md5 = Md5::from_hex(text);
    } else if (key == "sha256" && read_text(value, text)) {
      record.digest.sha256 = Sha256::from_hex(text);
    } else if (key == "track_features") {
      read_features(value, record.track_features);
    } else if (key == "license") {
      read_text(value, record.license);
    } else if (key == "noarch") {
      read_text(value, record.noarch);
    }
  }

  void add(PackageRecord record, Format format) {
    std::string stem = record.filename.substr(0, record.filename.size() - extension(format).size());
    if (format == Format::conda) {
      conda_stems_.insert(std::move(stem));
    } else if (conda_stems_.contains(stem)) {
      ++report_.twins;
      return;
    }
    builder_.add(record);
    ++report_.records;
  }

  void skip(const std::string& filename, const std::string& why) {
    ++report_.skipped;
    if (report_.examples.size() < k_examples) {
      report_.examples.push_back(printable(filename, 200) + ": " + why);
    }
  }

  PackageIndexBuilder& builder_;
  RepodataReport report_;
  std::unordered_set<std::string> conda_stems_;
  bool any_section_ = false;
};

}  // namespace

Result<RepodataReport> read_repodata(std::string_view text, PackageIndexBuilder& builder) {
  try {
    return Reader(builder).read(text);
  } catch (const simdjson::simdjson_error& error) {
    return make_error(ErrorKind::corrupt,
                      std::string("the index is not valid JSON: ") + error.what());
  }
}

}  // namespace athanor::worker::solve

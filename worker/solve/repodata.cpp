#include "worker/solve/repodata.hpp"

#include "shared/base/limits.hpp"
#include "shared/base/strings.hpp"
#include "shared/base/units.hpp"
#include "worker/solve/record_reader.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace athanor::worker::solve {
namespace {

constexpr std::size_t k_batch_bytes = 512 * 1024;  // of entries that are parsed at once
constexpr std::size_t k_aside_bytes =
    64 * 1024 * 1024;  // of what isn't a record: "removed", "info"
constexpr std::uint64_t k_known_version = 2;

bool is_blank(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

Error broken(std::string_view why) {
  return make_error(ErrorKind::corrupt, "the index is not valid JSON: " + std::string(why));
}

}  // namespace

// Finds where the document's sections and their entries end, which needs only braces and strings to
// be told apart, and has each run of entries parsed as an object of its own.
class RepodataReader::Impl {
 public:
  explicit Impl(PackageIndexBuilder& builder)
      : builder_(builder),
        reader_(builder, report_) {}

  Result<void> write(std::string_view bytes) {
    const char* at = bytes.data();
    const char* const end = at + bytes.size();
    while (at != end) {
      Result<const char*> next = place_ == Place::value ? read_value(at, end) : read_between(at);
      ATHANOR_TRY(next);
      at = *next;
    }
    return {};
  }

  Result<RepodataReport> finish() {
    if (place_ != Place::after) {
      return broken("it ends too early");
    }
    if (!any_section_) {
      return report_.later != 0
                 ? make_error(ErrorKind::unsupported,
                              "the index has only records of a later revision than 1",
                              "use a newer version, or a channel that still serves repodata v1")
                 : make_error(ErrorKind::corrupt,
                              "the index has neither 'packages' nor 'packages.conda'");
    }
    return std::move(report_);
  }

 private:
  enum class Place {
    before,  // the document's "{"
    member,  // before a member's name, or the document's end
    name,    // within it
    colon,
    begin,  // before a member's value
    value,  // within it
    next,   // before "," or the document's end
    after,  // the document
  };
  enum class Kind { records, later, removed, info, version, other };

  Result<const char*> read_between(const char* at) {
    const char c = *at;
    if (place_ == Place::name) {
      return read_name(at);
    }
    if (is_blank(c)) {
      return at + 1;
    }
    switch (place_) {
      case Place::before:
        return c == '{' ? go(at, Place::member) : broken("it doesn't begin with '{'");
      case Place::member:
        if (c == '"') {
          name_.clear();
          return go(at, Place::name);
        }
        return c == '}' ? go(at, Place::after) : broken("a member has no name");
      case Place::colon:
        return c == ':' ? go(at, Place::begin) : broken("a ':' is missing");
      case Place::begin:
        begin_value();
        return at;
      case Place::next:
        if (c == ',') {
          return go(at, Place::member);
        }
        return c == '}' ? go(at, Place::after) : broken("a ',' is missing");
      case Place::name:
      case Place::value:
      case Place::after:
        break;
    }
    return broken("something follows its end");
  }

  Result<const char*> go(const char* at, Place place) {
    place_ = place;
    return at + 1;
  }

  Result<const char*> read_name(const char* at) {
    if (*at == '"') {
      return go(at, Place::colon);
    }
    if (*at == '\\' || name_.size() > 64) {
      return broken("a member has a name that no index has");
    }
    name_ += *at;
    return at + 1;
  }

  void begin_value() {
    place_ = Place::value;
    depth_ = 0;
    in_string_ = false;
    escaped_ = false;
    buffer_.clear();
    last_comma_ = 0;
    kind_ = name_ == "packages" || name_ == "packages.conda" ? Kind::records
            : name_ == "v3"                                  ? Kind::later
            : name_ == "removed"                             ? Kind::removed
            : name_ == "info"                                ? Kind::info
            : name_ == "repodata_version"                    ? Kind::version
                                                             : Kind::other;
  }

  // Goes on within a member's value; the bytes up to where it stops belong to the buffer.
  Result<const char*> read_value(const char* at, const char* end) {
    const char* const begin = at;
    while (at != end) {
      if (in_string_) {
        at = skip_string(at, end);
        if (in_string_) {
          break;
        }
        continue;
      }
      const char c = *at;
      if (c == '"') {
        in_string_ = true;
      } else if (c == '{' || c == '[') {
        if (++depth_ > static_cast<int>(limits::k_input_depth)) {
          return make_error(ErrorKind::rejected, "the index is nested too deeply");
        }
        report_.later += kind_ == Kind::later && depth_ == 3 && c == '{' ? 1U : 0U;
      } else if (c == '}' || c == ']') {
        if (depth_ == 0) {  // a number or word has ended with the document
          keep(begin, at);
          ATHANOR_TRY(end_value());
          return at;
        }
        if (--depth_ == 0) {
          keep(begin, at + 1);
          ATHANOR_TRY(end_value());
          return at + 1;
        }
      } else if (c == ',') {
        if (depth_ == 0) {
          keep(begin, at);
          ATHANOR_TRY(end_value());
          return at;
        }
        if (depth_ == 1 && kind_ == Kind::records) {
          const std::size_t here = buffer_.size() + static_cast<std::size_t>(at - begin);
          last_comma_ = here;
          if (here >= k_batch_bytes) {
            keep(begin, at);
            ATHANOR_TRY(flush("}"));
            buffer_ = "{";
            last_comma_ = 0;
            return at + 1;
          }
        }
      }
      ++at;
    }
    keep(begin, at);
    return check_size(at);
  }

  Result<const char*> check_size(const char* at) const {
    const std::size_t most = kind_ == Kind::records
                                 ? static_cast<std::size_t>(limits::k_repodata_entry_bytes)
                                 : k_aside_bytes;
    if (buffer_.size() - last_comma_ > most) {
      return make_error(ErrorKind::rejected,
                        "the index has an entry of more than " + human_size(most));
    }
    return at;
  }

  // To the string's end or the buffer's; `escaped_` outlives the buffer.
  const char* skip_string(const char* at, const char* end) {
    while (at != end) {
      if (escaped_) {
        escaped_ = false;
        ++at;
        continue;
      }
      const auto rest = static_cast<std::size_t>(end - at);
      const auto* quote = static_cast<const char*>(std::memchr(at, '"', rest));
      const char* const stop = quote == nullptr ? end : quote;
      const auto* backslash =
          static_cast<const char*>(std::memchr(at, '\\', static_cast<std::size_t>(stop - at)));
      if (backslash != nullptr) {
        escaped_ = true;
        at = backslash + 1;
      } else if (quote == nullptr) {
        return end;
      } else {
        in_string_ = false;
        return quote + 1;
      }
    }
    return at;
  }

  void keep(const char* begin, const char* end) {
    if (kind_ != Kind::other && kind_ != Kind::later) {
      buffer_.append(begin, end);
    }
  }

  Result<void> flush(std::string_view closing) {
    buffer_ += closing;
    return reader_.read(buffer_);
  }

  Result<void> end_value() {
    place_ = Place::next;
    if (kind_ == Kind::records) {
      any_section_ = true;
      return flush({});
    }
    if (kind_ == Kind::removed) {
      for (std::string& filename : reader_.read_list(buffer_)) {
        builder_.remove(std::move(filename));
      }
    } else if (kind_ == Kind::info) {
      set_base_url(reader_.read_text(buffer_, "base_url"));
    } else if (kind_ == Kind::version) {
      std::string object = "{\"version\":" + buffer_ + "}";
      if (const std::uint64_t version = reader_.read_number(object, "version");
          version > k_known_version) {
        return make_error(ErrorKind::unsupported, "the index has version " +
                                                      std::to_string(version) +
                                                      ", and this program knows up to 2");
      }
    }
    buffer_.clear();
    return {};
  }

  // An absolute one: a relative one leads to where the index stands, which needs no saying.
  void set_base_url(std::string url) {
    while (url.ends_with('/')) {
      url.pop_back();
    }
    if (url.find("://") != std::string::npos && url.size() <= limits::k_url_bytes) {
      builder_.set_base_url(std::move(url));
    }
  }

  PackageIndexBuilder& builder_;
  RepodataReport report_;
  RecordReader reader_;
  Place place_ = Place::before;
  Kind kind_ = Kind::other;
  std::string name_;
  std::string buffer_;          // of the value so far, or of the entries since the last batch
  std::size_t last_comma_ = 0;  // where the newest entry in it begins
  int depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
  bool any_section_ = false;
};

RepodataReader::RepodataReader(PackageIndexBuilder& builder)
    : impl_(std::make_unique<Impl>(builder)) {}

RepodataReader::~RepodataReader() = default;

Result<void> RepodataReader::write(std::span<const std::uint8_t> bytes) {
  return impl_->write({reinterpret_cast<const char*>(bytes.data()), bytes.size()});  // NOLINT
}

Result<RepodataReport> RepodataReader::finish() {
  return impl_->finish();
}

Result<RepodataReport> read_repodata(std::string_view text, PackageIndexBuilder& builder) {
  RepodataReader reader(builder);
  ATHANOR_TRY(
      reader.write({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}));  // NOLINT
  return reader.finish();
}

std::vector<std::string> notes_of(const RepodataReport& report, std::string_view url) {
  std::vector<std::string> notes;
  const std::string where = std::string(url) + ": ";
  if (report.skipped != 0) {
    notes.push_back(where + std::to_string(report.skipped) +
                    " entries can't be read and are left out, for example " +
                    (report.examples.empty() ? std::string() : report.examples.front()));
  }
  if (report.later != 0) {
    notes.push_back(where + "it also has " + std::to_string(report.later) +
                    " records of a later revision, which this version can't read");
  }
  return notes;
}

}  // namespace athanor::worker::solve

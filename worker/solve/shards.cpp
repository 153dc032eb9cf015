#include "worker/solve/shards.hpp"

#include "shared/base/limits.hpp"
#include "shared/base/strings.hpp"
#include "shared/conda/artifact.hpp"
#include "shared/conda/match_spec.hpp"
#include "worker/solve/msgpack_reader.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <set>
#include <utility>

namespace athanor::worker::solve {
namespace {

constexpr std::uint64_t k_known_version = 1;
constexpr std::size_t k_examples = 5;
constexpr std::uint64_t k_last_second = 253'402'300'799;

Error broken() {
  return make_error(ErrorKind::corrupt, "it is no shard of an index: damaged MessagePack");
}

std::string absolute(std::string_view url, const std::string& subdir_url) {
  std::string result(url);
  if (result.find("://") == std::string::npos) {
    if (result.starts_with('/')) {
      const std::size_t host = subdir_url.find('/', subdir_url.find("://") + 3);
      result = subdir_url.substr(0, host) + result;
    } else {
      result = subdir_url + "/" + result;
    }
  }
  for (std::size_t dot = 0; (dot = result.find("/./")) != std::string::npos;) {
    result.erase(dot, 2);
  }
  while (result.ends_with('/') || result.ends_with("/.")) {
    result.pop_back();
  }
  return result;
}

template <typename Hash>
std::optional<Hash> hash_of(std::string_view text) {
  Hash hash;
  if (text.size() == hash.bytes.size()) {
    std::memcpy(hash.bytes.data(), text.data(), text.size());
    return hash;
  }
  return Hash::from_hex(text);
}

// A list of texts; other things are taken as unreadable.
bool read_texts(MsgpackReader& in, std::vector<std::string_view>& texts) {
  if (in.kind() != MsgpackReader::Kind::array) {
    in.skip();
    return false;
  }
  bool good = true;
  for (std::size_t left = in.array(); left != 0 && in.good(); --left) {
    if (in.kind() == MsgpackReader::Kind::text) {
      texts.push_back(in.text());
    } else {
      in.skip();
      good = false;
    }
  }
  return good;
}

std::string_view text_or_nothing(MsgpackReader& in) {
  if (in.kind() == MsgpackReader::Kind::text || in.kind() == MsgpackReader::Kind::bytes) {
    return in.text();
  }
  in.skip();
  return {};
}

std::uint64_t number_or_nothing(MsgpackReader& in) {
  if (in.kind() == MsgpackReader::Kind::number) {
    return in.number();
  }
  in.skip();
  return 0;
}

struct ShardRecord {
  RecordView view;
  std::string features;
  bool good = true;  // all that solving needs is there
};

void read_field(MsgpackReader& in, std::string_view key, ShardRecord& record) {
  RecordView& view = record.view;
  if (key == "name") {
    view.name = text_or_nothing(in);
  } else if (key == "version") {
    view.version = text_or_nothing(in);
  } else if (key == "build") {
    view.build = text_or_nothing(in);
  } else if (key == "depends") {
    record.good = read_texts(in, view.depends) && record.good;
  } else if (key == "constrains") {
    const bool nothing = in.kind() == MsgpackReader::Kind::nothing;
    record.good = (read_texts(in, view.constrains) || nothing) && record.good;
  } else if (key == "build_number") {
    view.build_number = number_or_nothing(in);
  } else if (key == "timestamp") {
    const std::uint64_t time = number_or_nothing(in);
    view.timestamp = time > k_last_second ? time : time * 1000;
  } else if (key == "size") {
    view.digest.size = number_or_nothing(in);
  } else if (key == "md5") {
    view.digest.md5 = hash_of<Md5>(text_or_nothing(in));
  } else if (key == "sha256") {
    view.digest.sha256 = hash_of<Sha256>(text_or_nothing(in));
  } else if (key == "license") {
    view.license = text_or_nothing(in);
  } else if (key == "noarch") {
    view.noarch = text_or_nothing(in);
  } else if (key == "track_features") {
    std::vector<std::string_view> list;
    if (in.kind() == MsgpackReader::Kind::array) {
      read_texts(in, list);
    } else {
      record.features = text_or_nothing(in);
      std::replace(record.features.begin(), record.features.end(), ',', ' ');
      list = split(record.features, ' ');
    }
    std::string joined;
    for (const std::string_view feature : list) {
      joined.append(joined.empty() || feature.empty() ? "" : " ").append(feature);
      view.features += feature.empty() ? 0U : 1U;
    }
    record.features = std::move(joined);
  } else {
    in.skip();
  }
}

using Take = std::function<void(ShardRecord&)>;

// Calls `take` for each record and `removed` for each file that isn't to be used.
Result<void> walk(std::string_view document, const Take& take,
                  const std::function<void(std::string_view)>& removed) {
  MsgpackReader in(document);
  for (std::size_t left = in.map(); left != 0 && in.good(); --left) {
    const std::string_view section = in.text();
    if (section == "removed" && in.kind() == MsgpackReader::Kind::array) {
      std::vector<std::string_view> files;
      read_texts(in, files);
      std::for_each(files.begin(), files.end(), removed);
      continue;
    }
    if ((section != "packages" && section != "packages.conda") ||
        in.kind() != MsgpackReader::Kind::map) {
      in.skip();
      continue;
    }
    for (std::size_t records = in.map(); records != 0 && in.good(); --records) {
      ShardRecord record;
      record.view.filename = in.text();
      if (in.kind() != MsgpackReader::Kind::map) {
        in.skip();
        record.good = false;
        take(record);
        continue;
      }
      for (std::size_t fields = in.map(); fields != 0 && in.good(); --fields) {
        const std::string_view key = in.text();
        read_field(in, key, record);
      }
      if (in.good()) {
        take(record);
      }
    }
  }
  return in.good() && in.at_end() ? Result<void>() : broken();
}

bool is_bounded(const RecordView& view) {
  const auto fits = [](std::string_view text) { return text.size() <= limits::k_filename_bytes; };
  return fits(view.filename) && fits(view.name) && fits(view.version) && fits(view.build) &&
         view.depends.size() <= limits::k_package_specs &&
         view.constrains.size() <= limits::k_package_specs;
}

// The name that a dependency asks for; empty if it can't be read.
std::string name_in(std::string_view spec) {
  const std::size_t end = spec.find_first_of(" <>=!~[,|");
  const std::string_view plain = spec.substr(0, end);
  if (!plain.empty() && plain.find_first_of(":/*") == std::string_view::npos) {
    return to_lower(plain);
  }
  const Result<MatchSpec> parsed = MatchSpec::parse(spec);
  return parsed.ok() ? parsed->name() : std::string();
}

}  // namespace

Result<ShardList> read_shard_list(std::string_view document, const std::string& subdir_url) {
  MsgpackReader in(document);
  ShardList list;
  std::uint64_t version = k_known_version;
  for (std::size_t left = in.map(); left != 0 && in.good(); --left) {
    const std::string_view key = in.text();
    if (key == "version" || key == "repodata_version") {
      version = number_or_nothing(in);
    } else if (key == "info" && in.kind() == MsgpackReader::Kind::map) {
      for (std::size_t fields = in.map(); fields != 0 && in.good(); --fields) {
        const std::string_view field = in.text();
        const std::string_view value = text_or_nothing(in);
        if (field == "base_url") {
          list.base_url = value;
        } else if (field == "shards_base_url") {
          list.shards_base_url = value;
        }
      }
    } else if (key == "shards" && in.kind() == MsgpackReader::Kind::map) {
      for (std::size_t names = in.map(); names != 0 && in.good(); --names) {
        const std::string_view name = in.text();
        if (const auto hash = hash_of<Sha256>(text_or_nothing(in)); hash && !name.empty()) {
          list.shards.emplace(name, *hash);
        }
      }
    } else {
      in.skip();
    }
  }
  if (!in.good()) {
    return make_error(ErrorKind::corrupt, "it is no list of shards: damaged MessagePack");
  }
  if (version > k_known_version) {
    return make_error(ErrorKind::unsupported,
                      "the list of shards has version " + std::to_string(version));
  }
  list.shards_base_url = absolute(list.shards_base_url, subdir_url);
  const std::string packages = absolute(list.base_url, subdir_url);
  list.base_url = packages == subdir_url ? std::string() : packages;
  return list;
}

Result<void> read_shard(std::string_view document, PackageIndexBuilder& builder,
                        RepodataReport& report) {
  return walk(
      document,
      [&](ShardRecord& record) {
        RecordView& view = record.view;
        const bool named = !view.name.empty() && !view.version.empty();
        if (!record.good || !named || !is_bounded(view) ||
            !format_of_filename(view.filename, PackageType::conda)) {
          ++report.skipped;
          if (report.examples.size() < k_examples) {
            report.examples.push_back(printable(view.filename, 200) +
                                      ": it is no record of a package");
          }
          return;
        }
        const std::string lower = to_lower(view.name);
        view.name = lower;
        view.track_features = record.features;
        builder.add(view);
        ++report.records;
      },
      [&](std::string_view file) { builder.remove(std::string(file)); });
}

Result<std::vector<std::string>> names_needed(std::string_view document) {
  std::set<std::string> names;
  ATHANOR_TRY(walk(
      document,
      [&](ShardRecord& record) {
        for (const std::string_view spec : record.view.depends) {
          if (std::string name = name_in(spec); !name.empty()) {
            names.insert(std::move(name));
          }
        }
      },
      [](std::string_view) {}));
  return std::vector<std::string>(names.begin(), names.end());
}

}  // namespace athanor::worker::solve

#include "worker/solve/index_cache.hpp"

#include "shared/base/limits.hpp"
#include "shared/conda/glob.hpp"
#include "shared/conda/match_spec.hpp"
#include "shared/os/file_lock.hpp"
#include "shared/os/files.hpp"
#include "worker/solve/repodata.hpp"
#include "worker/solve/shard_walk.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

namespace athanor::worker::solve {
namespace {

constexpr std::size_t k_kept_indices = 8;
constexpr std::uint64_t k_solver_memory = 128_MiB;  // that one solver may remember
// Files of indices that nobody has used for so long are removed when a new one is made.
constexpr std::chrono::hours k_unused{24 * 7};

std::uint64_t seed_of(const std::string& key) {
  const Sha256 hash = sha256_of(key);
  std::uint64_t seed = 0;
  std::memcpy(&seed, hash.bytes.data(), sizeof seed);
  return seed;
}

Error at(const std::string& url, Error error) {
  return std::move(error).with_context("the index of " + url);
}

// Others' indices that are of no use any more. Whoever has one mapped keeps it.
void remove_unused(const std::filesystem::path& folder) {
  std::error_code ignored;
  const auto oldest = std::filesystem::file_time_type::clock::now() - k_unused;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    if (entry.path().extension() == ".index" && entry.last_write_time(ignored) < oldest) {
      std::filesystem::remove(entry.path(), ignored);
    }
  }
}

Result<void> read_json(const Repodata& document, PackageIndexBuilder& builder) {
  RepodataReader reader(builder);
  ATHANOR_TRY(read_document(
      document.path, [&](std::span<const std::uint8_t> bytes) { return reader.write(bytes); }));
  ATHANOR_ASSIGN(const RepodataReport report, reader.finish());
  for (std::string& note : notes_of(report, document.url)) {
    builder.note(std::move(note));
  }
  return {};
}

Result<std::string> whole_text(const Repodata& document) {
  std::string text;
  ATHANOR_TRY(read_document(document.path, [&](std::span<const std::uint8_t> bytes) {
    text.append(bytes.begin(), bytes.end());
    return text.size() <= limits::k_shard_bytes
               ? Result<void>()
               : make_error(ErrorKind::rejected, "the list of shards is too large");
  }));
  return text;
}

bool has_glob(const SolveRequest& request) {
  return std::any_of(request.specs.begin(), request.specs.end(), [](const std::string& spec) {
    return spec.find('*') < spec.find_first_of(" <>=!~[");
  });
}

// The names that a request asks for; globs stand for whatever a subdir has.
Result<std::set<std::string>> root_names(const SolveRequest& request,
                                         const std::vector<ShardedSubdir>& subdirs) {
  std::set<std::string> names;
  for (const LockedPackage& package : request.locked) {
    names.insert(package.name);
  }
  if (request.python_brings_pip) {
    names.insert("pip");
  }
  for (const std::string& text : request.specs) {
    ATHANOR_ASSIGN(const MatchSpec spec, MatchSpec::parse(text));
    if (spec.name_is_exact()) {
      names.insert(spec.name());
      continue;
    }
    for (const ShardedSubdir& subdir : subdirs) {
      for (const auto& [name, hash] : subdir.list.shards) {
        if (glob_matches(spec.name(), name)) {
          names.insert(name);
        }
      }
    }
  }
  return names;
}

}  // namespace

std::unique_ptr<EnvironmentSolver> LoadedIndex::take_solver() {
  const std::lock_guard lock(mutex_);
  if (solvers_.empty()) {
    return std::make_unique<EnvironmentSolver>(index_);
  }
  std::unique_ptr<EnvironmentSolver> solver = std::move(solvers_.back());
  solvers_.pop_back();
  return solver;
}

void LoadedIndex::give_back(std::unique_ptr<EnvironmentSolver> solver) {
  if (solver->matcher().remembered() < k_solver_memory) {
    const std::lock_guard lock(mutex_);
    solvers_.push_back(std::move(solver));
  }
}

IndexCache::Entry* IndexCache::find(const std::string& key) {
  const auto found =
      std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.key == key; });
  if (found == entries_.end()) {
    return nullptr;
  }
  entries_.splice(entries_.begin(), entries_, found);
  return &entries_.front();
}

void IndexCache::keep(Entry entry) {
  std::erase_if(entries_, [&](const Entry& e) { return e.key == entry.key; });
  entries_.push_front(std::move(entry));
  while (entries_.size() > k_kept_indices) {
    entries_.pop_back();
  }
}

Result<std::vector<IndexCache::Part>> IndexCache::find_parts(RepodataCache& cache,
                                                             const SolveRequest& request,
                                                             IndexLoad& load,
                                                             const std::stop_token& stop) const {
  std::vector<Part> parts;
  int priority = 0;
  for (const SolveChannel& channel : request.channels) {
    --priority;
    const std::size_t before = parts.size();
    for (const std::string& subdir : {request.platform, std::string("noarch")}) {
      if (parts.size() != before && subdir == parts.back().repo.subdir) {
        continue;  // the platform itself is noarch
      }
      const std::string& fetch = channel.fetch_url.empty() ? channel.url : channel.fetch_url;
      const SubdirSource source{.url = channel.url + "/" + subdir,
                                .fetch_url = fetch + "/" + subdir};
      const auto pin =
          std::find_if(request.repodata.begin(), request.repodata.end(),
                       [&](const RepodataPin& known) { return known.url == source.url; });
      std::optional<Repodata> document;
      if (pin != request.repodata.end()) {
        ATHANOR_ASSIGN(document, cache.pinned(source, pin->digest, stop));
      } else {
        ATHANOR_ASSIGN(document, cache.current(source, stop));
      }
      if (document) {
        load.fetched_bytes += document->fetched_bytes;
        parts.push_back({.source = source,
                         .repo = {.channel = channel.url, .subdir = subdir, .priority = priority},
                         .document = *std::move(document)});
      }
    }
    if (parts.size() == before) {
      return make_error(ErrorKind::invalid,
                        "the channel " + channel.url + " has neither '" + request.platform +
                            "' nor 'noarch': both answer 404",
                        "check the channel's name and address");
    }
  }
  return parts;
}

Result<IndexLoad> IndexCache::load(const SolveRequest& request, std::stop_token stop) {
  const TimePoint begin = clock_.now();
  IndexLoad load;
  Result<std::vector<Part>> found = find_parts(sharded_, request, load, stop);
  if (!found && found.error().kind == ErrorKind::retry && !request.repodata.empty()) {
    // The batch may have begun with whole documents.
    found = find_parts(whole_, request, load, stop);
  }
  ATHANOR_ASSIGN(std::vector<Part> parts, std::move(found));
  const auto is_sharded = [](const Part& part) {
    return part.document.form == RepodataForm::shards;
  };
  const bool all = std::all_of(parts.begin(), parts.end(), is_sharded);
  if (!all && std::any_of(parts.begin(), parts.end(), is_sharded)) {
    // Dependencies lead from one channel to another: it is all or nothing.
    ATHANOR_ASSIGN(parts, find_parts(whole_, request, load, stop));
  }
  const std::lock_guard lock(mutex_);
  if (all) {
    ATHANOR_ASSIGN(load.index, load_shards(parts, request, load, stop));
  } else {
    ATHANOR_ASSIGN(load.index, load_whole(parts));
  }
  load.time = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.now() - begin);
  return load;
}

namespace {

// Everything that an index is made of.
template <typename Parts>
std::string key_of(const Parts& parts) {
  std::string text;
  for (const auto& part : parts) {
    text += part.source.url + " " + std::to_string(part.repo.priority) + " " +
            part.document.digest.hex() + "\n";
  }
  return sha256_of(text).hex();
}

template <typename Parts>
std::vector<RepodataPin> pins_of(const Parts& parts) {
  std::vector<RepodataPin> pins;
  for (const auto& part : parts) {
    pins.push_back({.url = part.source.url, .digest = part.document.digest});
  }
  return pins;
}

}  // namespace

Result<std::shared_ptr<LoadedIndex>> IndexCache::load_whole(const std::vector<Part>& parts) {
  const std::string key = key_of(parts);
  if (Entry* known = find(key)) {
    return known->index;
  }
  const std::filesystem::path path = whole_.directory() / (key.substr(0, 32) + ".index");
  Result<PackageIndex> index = PackageIndex::open(path);
  if (!index) {
    ATHANOR_ASSIGN(const FileLock lock,
                   FileLock::acquire(path.string() + ".lock", FileLock::Mode::exclusive));
    index = PackageIndex::open(path);  // somebody else may have made it meanwhile
    if (!index) {
      remove_unused(whole_.directory());
      PackageIndexBuilder builder(seed_of(key));
      for (const Part& part : parts) {
        builder.begin_repo(part.repo);
        if (Result<void> read = read_json(part.document, builder); !read) {
          return at(part.source.url, read.error());
        }
      }
      ATHANOR_TRY(std::move(builder).write(path));
      index = PackageIndex::open(path);
    }
  }
  ATHANOR_ASSIGN(PackageIndex opened, std::move(index));
  std::error_code ignored;
  std::filesystem::last_write_time(path, std::filesystem::file_time_type::clock::now(), ignored);
  auto loaded = std::make_shared<LoadedIndex>(std::move(opened), pins_of(parts));
  keep({.key = key, .index = loaded, .names = {}});
  return loaded;
}

Result<std::shared_ptr<LoadedIndex>> IndexCache::load_shards(const std::vector<Part>& parts,
                                                             const SolveRequest& request,
                                                             IndexLoad& load,
                                                             const std::stop_token& stop) {
  const std::string key = key_of(parts);
  const auto covers = [](const Entry* known, const std::set<std::string>& names) {
    return known != nullptr &&
           std::includes(known->names.begin(), known->names.end(), names.begin(), names.end());
  };
  if (!has_glob(request)) {
    ATHANOR_ASSIGN(const std::set<std::string> exact, root_names(request, {}));
    if (const Entry* known = find(key); covers(known, exact)) {
      return known->index;
    }
  }
  std::vector<ShardedSubdir> subdirs;
  for (const Part& part : parts) {
    ATHANOR_ASSIGN(const std::string text, whole_text(part.document));
    Result<ShardList> list = read_shard_list(text, part.source.url);
    if (!list) {
      return at(part.source.url, list.error());
    }
    subdirs.push_back({.source = part.source, .list = *std::move(list)});
  }
  ATHANOR_ASSIGN(std::set<std::string> names, root_names(request, subdirs));
  if (const Entry* known = find(key)) {
    if (covers(known, names)) {
      return known->index;
    }
    names.insert(known->names.begin(), known->names.end());
  }
  ATHANOR_ASSIGN(ReachedShards reached, reach_shards(sharded_, subdirs, std::move(names), stop));
  load.fetched_bytes += reached.fetched_bytes;
  PackageIndexBuilder builder(seed_of(key));
  for (std::size_t i = 0; i < parts.size(); ++i) {
    RepodataReport report;
    builder.begin_repo(parts[i].repo);
    builder.set_base_url(subdirs[i].list.base_url);
    for (const auto& [place, document] : reached.documents) {
      if (place.second == i) {
        ATHANOR_TRY(read_shard(document, builder, report));
      }
    }
    for (std::string& note : notes_of(report, parts[i].source.url)) {
      builder.note(std::move(note));
    }
  }
  ATHANOR_ASSIGN(PackageIndex index, std::move(builder).build());
  auto loaded = std::make_shared<LoadedIndex>(std::move(index), pins_of(parts));
  keep({.key = key, .index = loaded, .names = std::move(reached.names)});
  return loaded;
}

}  // namespace athanor::worker::solve

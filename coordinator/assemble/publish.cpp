#include "coordinator/assemble/publish.hpp"

#include "coordinator/plan/parallel.hpp"
#include "shared/base/limits.hpp"
#include "shared/base/strings.hpp"

#include <optional>
#include <set>
#include <utility>

namespace athanor::coordinator {
namespace {

constexpr unsigned k_parallel_lookups = 16;
// More documents than this are looked for by listing: a page of a listing answers for 1,000 keys.
constexpr std::size_t k_single_lookups = 64;
constexpr std::uint64_t k_alias_bytes = 1'024;

const JobSuccess* no_result(std::size_t) {
  return nullptr;
}

// Whether the alias document leads where `content` does, however it is spelled.
bool leads_there(const std::optional<std::string>& document, const std::string& content) {
  if (!document) {
    return false;
  }
  const auto target = read_alias(*document);
  return target && write_alias(target->req_id, target->full_id) == content;
}

}  // namespace

EnvironmentPublisher::EnvironmentPublisher(Store& store, const Layout& layout, const Plan& plan,
                                           const Clock& clock, PublisherOptions options)
    : store_(store),
      layout_(layout),
      clock_(clock),
      options_(std::move(options)),
      assembler_(plan) {}

bool EnvironmentPublisher::is_known(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  return known_.contains(key);
}

void EnvironmentPublisher::remember(const std::string& key) {
  const std::lock_guard lock(mutex_);
  known_.insert(key);
}

Result<void> EnvironmentPublisher::look_ahead(std::stop_token stop) {
  std::unordered_set<std::string> wanted;
  std::set<std::string> folders;
  const Plan& plan = assembler_.plan();
  for (std::size_t i = 0; i < plan.environments.size(); ++i) {
    if (!assembler_.is_complete(i)) {
      continue;
    }
    const auto ids = assembler_.ids(i, no_result);
    if (!ids) {
      continue;  // publish() will say why.
    }
    const std::string& platform = plan.environments[i].request.platform;
    wanted.insert(layout_.environment_key(platform, ids->req_id, ids->full_id));
    wanted.insert(layout_.full_id_alias_key(ids->full_id));
    folders.insert(layout_.environments_root() + "/" + platform + "/");
    folders.insert(layout_.full_id_alias_key(""));
  }
  if (store_.cheap_lookups() || wanted.size() <= k_single_lookups) {
    const std::vector<std::string> keys(wanted.begin(), wanted.end());
    return for_each_in_parallel(
        keys.size(), k_parallel_lookups,
        [&](std::size_t i) -> Result<void> {
          ATHANOR_ASSIGN(const auto found, store_.find(keys[i]));
          if (found) {
            remember(keys[i]);
          }
          return {};
        },
        stop);
  }
  const std::vector<std::string> prefixes(folders.begin(), folders.end());
  return for_each_in_parallel(
      prefixes.size(), k_parallel_lookups,
      [&](std::size_t i) {
        return store_.list(
            prefixes[i],
            [&](const ObjectInfo& object) -> Result<void> {
              if (wanted.contains(object.key)) {
                remember(object.key);
              }
              return {};
            },
            stop);
      },
      stop);
}

Result<std::vector<std::string>> EnvironmentPublisher::publish(std::size_t environment,
                                                               const PackageResults& results,
                                                               std::stop_token stop) {
  const EnvironmentRequest& request = assembler_.plan().environments[environment].request;
  std::vector<std::string> alias_keys;
  for (const std::string& alias : request.aliases) {
    ATHANOR_ASSIGN(std::string key, layout_.alias_key(alias));
    alias_keys.push_back(std::move(key));
  }
  ATHANOR_ASSIGN(const EnvironmentIds ids, assembler_.ids(environment, results));
  const std::string content = write_alias(ids.req_id, ids.full_id);
  std::vector<std::string> keys = {
      layout_.environment_key(request.platform, ids.req_id, ids.full_id),
      layout_.full_id_alias_key(ids.full_id)};

  ATHANOR_TRY(publish_description(environment, results, keys[0], stop));
  ATHANOR_TRY(publish_full_id_alias(keys[1], content, stop));
  for (std::size_t i = 0; i < alias_keys.size(); ++i) {
    ATHANOR_TRY(publish_alias(request.aliases[i], alias_keys[i], content, stop));
    keys.push_back(std::move(alias_keys[i]));
  }
  return keys;
}

Result<void> EnvironmentPublisher::publish_description(std::size_t environment,
                                                       const PackageResults& results,
                                                       const std::string& key,
                                                       std::stop_token stop) {
  if (is_known(key)) {
    return assembler_.check(environment, results);
  }
  ATHANOR_ASSIGN(const EnvironmentDescription description,
                 assembler_.assemble(environment, results, python_isoformat(clock_.wall_now()),
                                     options_.user));
  ATHANOR_ASSIGN(
      const PutOutcome outcome,
      store_.put_if_absent(key, ObjectSource::from_bytes(write_description(description)), stop));
  if (outcome == PutOutcome::exists) {
    ATHANOR_TRY(check_existing(key, description));
  }
  remember(key);
  return {};
}

// The ids say that it is of the same packages. What may differ are transmuted objects that were
// removed and made anew: readers believe the description and would miss them.
Result<void> EnvironmentPublisher::check_existing(const std::string& key,
                                                  const EnvironmentDescription& ours) {
  ATHANOR_ASSIGN(const auto text, read_object(store_, key, limits::k_small_document_bytes));
  if (!text) {
    return make_error(ErrorKind::retry,
                      "'" + printable(key) + "' was there a moment ago and isn't any more");
  }
  const auto theirs = read_description(*text, ours.platform);
  if (!theirs) {
    return make_error(ErrorKind::rejected,
                      "the description '" + printable(key) +
                          "' is there already and is damaged: " + theirs.error().message,
                      "remove it and run again");
  }
  std::set<std::string_view> present;
  for (const DescribedPackage& package : ours.packages) {
    for (const CachedFormat& format : package.formats) {
      present.insert(format.key);
    }
  }
  for (const DescribedPackage& package : theirs->packages) {
    for (const CachedFormat& format : package.formats) {
      if (!format.key.empty() && !present.contains(format.key)) {
        return make_error(ErrorKind::rejected,
                          "the description '" + printable(key) + "' is there already and names '" +
                              printable(format.key) + "', which isn't in the store",
                          "remove the description and run again");
      }
    }
  }
  return {};
}

// One environment may answer several requirements: the first one written keeps the alias.
Result<void> EnvironmentPublisher::publish_full_id_alias(const std::string& key,
                                                         const std::string& content,
                                                         std::stop_token stop) {
  if (is_known(key)) {
    return {};
  }
  ATHANOR_TRY(store_.put_if_absent(key, ObjectSource::from_bytes(content), stop));
  remember(key);
  return {};
}

Result<void> EnvironmentPublisher::publish_alias(const std::string& alias, const std::string& key,
                                                 const std::string& content, std::stop_token stop) {
  ATHANOR_ASSIGN(auto existing, read_object(store_, key, k_alias_bytes));
  if (leads_there(existing, content)) {
    return {};
  }
  if (Layout::is_mutable_alias(alias)) {
    ATHANOR_TRY(store_.put(key, ObjectSource::from_bytes(content), std::nullopt));
    return {};
  }
  if (!existing) {
    ATHANOR_ASSIGN(const PutOutcome outcome,
                   store_.put_if_absent(key, ObjectSource::from_bytes(content), stop));
    if (outcome == PutOutcome::created) {
      return {};
    }
    ATHANOR_ASSIGN(existing, read_object(store_, key, k_alias_bytes));
    if (leads_there(existing, content)) {
      return {};
    }
  }
  const auto target = read_alias(existing.value_or(""));
  return make_error(
      ErrorKind::rejected,
      "the alias '" + alias + "' is there already and leads to " +
          (target ? target->req_id + ":" + target->full_id : std::string("nothing readable")),
      "an alias never moves unless its tag is latest, candidate or stable: choose another tag");
}

}  // namespace athanor::coordinator

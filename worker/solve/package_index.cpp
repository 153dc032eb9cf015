#include "worker/solve/package_index.hpp"

#include "shared/base/check.hpp"
#include "shared/base/strings.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>
#include <utility>

namespace athanor::worker::solve {

TextId TextTable::add(std::string_view text) {
  if (const auto found = ids_.find(text); found != ids_.end()) {
    return found->second;
  }
  const auto id = static_cast<TextId>(texts_.size());
  texts_.emplace_back(text);
  ids_.emplace(texts_.back(), id);
  return id;
}

TextId TextTable::find(std::string_view text) const {
  const auto found = ids_.find(text);
  return found == ids_.end() ? k_no_text : found->second;
}

PackageIndex::Run PackageIndex::records_of(TextId name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? Run{} : found->second;
}

std::span<const TextId> PackageIndex::depends(RecordId id) const {
  const IndexedRecord& record = records_[id];
  return std::span(specs_).subspan(record.depends_begin,
                                   record.constrains_begin - record.depends_begin);
}

std::span<const TextId> PackageIndex::constrains(RecordId id) const {
  const IndexedRecord& record = records_[id];
  return std::span(specs_).subspan(record.constrains_begin,
                                   record.constrains_end - record.constrains_begin);
}

PackageRecord PackageIndex::package(RecordId id) const {
  const IndexedRecord& record = records_[id];
  const Details& details = details_[id];
  PackageRecord package;
  package.name = texts_[record.name];
  package.version = texts_[record.version];
  package.build = texts_[record.build];
  package.build_number = record.build_number;
  package.channel = repos_[record.repo].channel;
  package.subdir = repos_[record.repo].subdir;
  package.filename = details.filename;
  package.url = package.channel + "/" + package.subdir + "/" + package.filename;
  package.digest = details.digest;
  for (const TextId spec : depends(id)) {
    package.depends.push_back(texts_[spec]);
  }
  for (const TextId spec : constrains(id)) {
    package.constrains.push_back(texts_[spec]);
  }
  for (const std::string_view feature : split(texts_[details.track_features], ' ')) {
    if (!feature.empty()) {
      package.track_features.emplace_back(feature);
    }
  }
  package.license = texts_[details.license];
  package.noarch = texts_[details.noarch];
  package.timestamp = record.timestamp;
  return package;
}

void PackageIndexBuilder::begin_repo(IndexedRepo repo) {
  index_.repos_.push_back(std::move(repo));
}

void PackageIndexBuilder::add(const PackageRecord& package) {
  ATHANOR_CHECK(!index_.repos_.empty());
  TextTable& texts = index_.texts_;
  IndexedRecord record;
  record.name = texts.add(package.name);
  record.version = texts.add(package.version);
  record.build = texts.add(package.build);
  record.build_number = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(package.build_number, std::numeric_limits<std::uint32_t>::max()));
  record.repo = static_cast<std::uint32_t>(index_.repos_.size() - 1);
  record.features = static_cast<std::uint32_t>(package.track_features.size());
  record.timestamp = package.timestamp;
  record.depends_begin = static_cast<std::uint32_t>(index_.specs_.size());
  for (const std::string& spec : package.depends) {
    index_.specs_.push_back(texts.add(spec));
  }
  record.constrains_begin = static_cast<std::uint32_t>(index_.specs_.size());
  for (const std::string& spec : package.constrains) {
    index_.specs_.push_back(texts.add(spec));
  }
  record.constrains_end = static_cast<std::uint32_t>(index_.specs_.size());
  index_.records_.push_back(record);
  index_.details_.push_back({.filename = package.filename,
                             .digest = package.digest,
                             .track_features = texts.add(join(package.track_features, " ")),
                             .license = texts.add(package.license),
                             .noarch = texts.add(package.noarch)});
}

PackageIndex PackageIndexBuilder::build() && {
  std::vector<std::size_t> order(index_.records_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const TextTable& texts = index_.texts_;
  const auto key = [&](std::size_t i) {
    const IndexedRecord& record = index_.records_[i];
    return std::tie(texts[record.name], record.repo, texts[record.version], texts[record.build],
                    index_.details_[i].filename);
  };
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return key(a) < key(b); });
  std::vector<IndexedRecord> records;
  std::vector<PackageIndex::Details> details;
  records.reserve(order.size());
  details.reserve(order.size());
  for (const std::size_t i : order) {
    records.push_back(index_.records_[i]);
    details.push_back(std::move(index_.details_[i]));
  }
  index_.records_ = std::move(records);
  index_.details_ = std::move(details);
  for (RecordId id = 0; id < index_.records_.size(); ++id) {
    PackageIndex::Run& run =
        index_.by_name_.try_emplace(index_.records_[id].name, PackageIndex::Run{id, id})
            .first->second;
    run.end = id + 1;
  }
  return std::move(index_);
}

}  // namespace athanor::worker::solve

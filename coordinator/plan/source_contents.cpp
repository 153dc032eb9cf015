#include "coordinator/plan/source_contents.hpp"

#include "shared/base/strings.hpp"

#include <optional>
#include <utility>

namespace athanor::coordinator {
namespace {

// A wheel is another package's as soon as its name differs (several may be built from one source
// archive); every other format of a package has one slot.
bool concerns(PackageType type, std::string_view stem, std::string_view folder) {
  const std::optional<Format> format = format_of_filename(folder, type);
  if (!format) {
    return false;
  }
  return *format != Format::whl ||
         folder.substr(0, folder.size() - extension(*format).size()) == stem;
}

}  // namespace

SourceContents::SourceContents(const SourceUrl& source)
    : type_(source.type()),
      stem_(source.stem()) {}

bool SourceContents::is_slot(std::string_view folder) const {
  return concerns(type_, stem_, folder);
}

void SourceContents::add_object(std::string_view relative, std::uint64_t size) {
  const std::size_t slot_end = relative.find('/');
  if (slot_end == std::string_view::npos) {
    stray_files_.emplace_back(relative);
    return;
  }
  const std::string_view slot = relative.substr(0, slot_end);
  if (!is_slot(slot)) {
    return;
  }
  const std::string_view below = relative.substr(slot_end + 1);
  const std::size_t hash_end = below.find('/');
  if (hash_end == std::string_view::npos) {
    stray_files_.emplace_back(relative);
    return;
  }
  HashFolder& folder = slots_[std::string(slot)][std::string(below.substr(0, hash_end))];
  if (below.substr(hash_end + 1) == slot) {
    folder = {.whole = true, .size = size};
  }
}

void SourceContents::add_hash_folder(std::string_view slot, std::string_view hash) {
  if (is_slot(slot)) {
    slots_[std::string(slot)].try_emplace(std::string(hash));
  }
}

SurveyedSource SourceContents::finish(const std::string& source_prefix) const {
  SurveyedSource found;
  for (const std::string& file : stray_files_) {
    found.conflicts.push_back("the file '" + printable(source_prefix + file) +
                              "' stands where readers expect only folders; remove it");
  }
  for (const auto& [name, slot] : slots_) {
    add_slot(source_prefix, name, slot, found);
  }
  return found;
}

void SourceContents::add_slot(const std::string& source_prefix, const std::string& name,
                              const Slot& slot, SurveyedSource& found) const {
  const std::string where = "'" + printable(source_prefix + name + "/") + "'";
  const Format format = *format_of_filename(name, type_);
  if (slot.size() > 1) {
    std::vector<std::string> hashes;
    for (const auto& [hash, folder] : slot) {
      hashes.push_back(printable(hash, 80));
    }
    found.conflicts.push_back(where + " holds " + std::to_string(slot.size()) +
                              " hashes of one format (" + join(hashes, ", ") +
                              "), which readers refuse; keep one of the folders");
    return;
  }
  const auto& [hash, folder] = *slot.begin();
  if (!folder.whole) {
    return;  // An empty folder, or an upload that never ended: whoever publishes next fills it.
  }
  if (name != stem_ + std::string(extension(format))) {
    found.conflicts.push_back(where +
                              " is named after another package, and readers would take it "
                              "for this one; remove it");
    return;
  }
  if (!is_object_hash(hash, type_)) {
    found.conflicts.push_back(where + " holds a folder '" + printable(hash, 80) + "' that is no " +
                              (type_ == PackageType::conda ? "MD5" : "SHA-256") +
                              ", and readers would take it for one; remove it");
    return;
  }
  if (folder.size == 0) {
    found.conflicts.push_back("the object in " + where + " is empty; remove it");
    return;
  }
  found.formats.push_back({.format = format,
                           .hash = hash,
                           .size = folder.size,
                           .key = source_prefix + name + "/" + hash + "/" + name});
}

}  // namespace athanor::coordinator

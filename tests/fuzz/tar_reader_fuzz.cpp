// Whatever the tar reader accepts is safe, and our writer says the same with other bytes: reading
// what it wrote gives the same members again.

#include "shared/archive/file_stream.hpp"
#include "shared/archive/member_path.hpp"
#include "shared/archive/tar_reader.hpp"
#include "shared/archive/tar_writer.hpp"
#include "shared/base/check.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::uint64_t k_most = 1'000'000;  // content bytes of one input; sparse files have many

struct ReadMember {
  athanor::TarEntry entry;
  Bytes content;
};

void check_is_safe(const athanor::TarEntry& entry) {
  const auto normalized = athanor::normalize_member_path(entry.path);
  ATHANOR_CHECK(normalized.ok() && *normalized == entry.path && !entry.path.empty());
  ATHANOR_CHECK(entry.mode <= 07777U);
  ATHANOR_CHECK(entry.type == athanor::MemberType::file || entry.size == 0);
}

// Absent if the reader refuses, or there is more than we want to look at.
std::optional<std::vector<ReadMember>> read_tar(std::span<const std::uint8_t> bytes) {
  athanor::MemorySource source(bytes);
  athanor::TarReader reader(source);
  std::vector<ReadMember> members;
  std::uint64_t total = 0;
  while (true) {
    auto entry = reader.next();
    if (!entry) {
      return std::nullopt;
    }
    if (!entry->has_value()) {
      return members;
    }
    members.push_back({std::move(**entry), {}});
    check_is_safe(members.back().entry);
    total += members.back().entry.size;
    if (total > k_most) {
      return std::nullopt;
    }
    Bytes& content = members.back().content;
    while (true) {
      const auto more = reader.read_content();
      if (!more) {
        return std::nullopt;
      }
      if (more->empty()) {
        break;
      }
      content.insert(content.end(), more->begin(), more->end());
    }
    ATHANOR_CHECK(content.size() == members.back().entry.size);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto members = read_tar({data, size});
  if (!members) {
    return 0;
  }
  Bytes again;
  athanor::MemorySink sink(again);
  athanor::TarWriter writer(sink);
  for (const ReadMember& member : *members) {
    ATHANOR_CHECK(writer.begin(member.entry).ok());
    ATHANOR_CHECK(writer.write(member.content).ok());
  }
  ATHANOR_CHECK(writer.finish().ok());
  const auto same = read_tar(again);
  ATHANOR_CHECK(same && same->size() == members->size());
  for (std::size_t i = 0; i < same->size(); ++i) {
    ATHANOR_CHECK((*same)[i].entry == (*members)[i].entry);
    ATHANOR_CHECK((*same)[i].content == (*members)[i].content);
  }
  return 0;
}

#include "shared/transport/allow_list.hpp"

#include "shared/base/strings.hpp"
#include "shared/os/files.hpp"
#include "shared/os/path_text.hpp"
#include "shared/transport/keys.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <vector>

namespace athanor::transport {
namespace {

constexpr std::uint64_t k_file_bytes = 16U << 20U;
constexpr std::size_t k_name_bytes = 255;

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (!(line = trim(line)).empty()) {
    const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
    words.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
  return words;
}

}  // namespace

std::string_view to_string(Role role) {
  return role == Role::worker ? "worker" : "client";
}

Result<AllowList> AllowList::read(const std::filesystem::path& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) {
    Error error = system_error(errno, "cannot read the list of allowed keys " + quoted(file));
    if (error.kind == ErrorKind::not_found) {
      error.hint =
          "make it with lines like 'worker KEY NAME'; 'athanor keys show --as worker' "
          "prints them";
    }
    return error;
  }
  if ((status.st_mode & 022U) != 0) {
    return make_error(ErrorKind::rejected,
                      "others may write the list of allowed keys " + quoted(file),
                      "chmod go-w it: whoever writes it decides who may connect");
  }
  ATHANOR_ASSIGN(const std::string text, read_file(file, k_file_bytes));
  return parse(text, quoted(file));
}

Result<AllowList> AllowList::parse(std::string_view text, std::string_view file_for_message) {
  AllowList list;
  std::size_t number = 0;
  for (const std::string_view line : split(text, '\n')) {
    ++number;
    const auto wrong = [&](const std::string& what) {
      return make_error(
          ErrorKind::invalid,
          "line " + std::to_string(number) + " of " + std::string(file_for_message) + ": " + what,
          "each line is 'worker KEY NAME', 'client KEY NAME' or "
          "'worker,client KEY NAME'");
    };
    const std::vector<std::string_view> words = words_of(line);
    if (words.empty() || words[0].front() == '#') {
      continue;
    }
    Entry entry;
    for (const std::string_view role : split(words[0], ',')) {
      if (role != "worker" && role != "client") {
        return wrong("'" + printable(words[0], 64) + "' is no role");
      }
      (role == "worker" ? entry.worker : entry.client) = true;
    }
    if (words.size() < 2 || !is_key(words[1])) {
      // The text isn't repeated: it may be a secret in the wrong place.
      return wrong("the second word is no public key");
    }
    if (words.size() > 3 || (words.size() == 3 && words[2].size() > k_name_bytes)) {
      return wrong("a name is one word of at most 255 bytes");
    }
    Entry& known = list.keys_[std::string(words[1])];
    known.worker = known.worker || entry.worker;
    known.client = known.client || entry.client;
    if (words.size() == 3) {
      known.name = printable(words[2]);
    }
  }
  return list;
}

bool AllowList::admits(Role role, const std::string& key) const {
  const auto found = keys_.find(key);
  return found != keys_.end() &&
         (role == Role::worker ? found->second.worker : found->second.client);
}

std::string_view AllowList::name_of(const std::string& key) const {
  const auto found = keys_.find(key);
  return found == keys_.end() ? std::string_view() : std::string_view(found->second.name);
}

std::string allow_list_line(std::string_view roles, std::string_view key, std::string_view name) {
  std::string line = std::string(roles) + " " + std::string(key);
  if (!name.empty()) {
    line += " " + std::string(name);
  }
  return line;
}

}  // namespace athanor::transport

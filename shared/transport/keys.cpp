#include "shared/transport/keys.hpp"

#include "shared/base/strings.hpp"
#include "shared/os/files.hpp"
#include "shared/os/path_text.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include <array>
#include <cerrno>
#include <vector>

namespace athanor::transport {
namespace {

constexpr std::string_view k_public_word = "athanor-public-key";
constexpr std::string_view k_secret_word = "athanor-secret-key";
constexpr std::uint64_t k_file_bytes = 4096;
constexpr std::size_t k_name_bytes = 100;
constexpr std::size_t k_binary_bytes = 32;

using KeyText = std::array<char, k_key_characters + 1>;

bool is_name(std::string_view name) {
  constexpr std::string_view k_allowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  return !name.empty() && name.size() <= k_name_bytes && name.front() != '.' &&
         name.front() != '-' && name.find_first_not_of(k_allowed) == std::string_view::npos;
}

// Never follows or replaces what stands there already.
Result<void> write_new(const std::filesystem::path& path, std::string_view text) {
  const Result<Fd> opened = open_file(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  if (!opened) {
    return opened.error();
  }
  const std::span bytes(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  ATHANOR_TRY(write_all(*opened, bytes, path));
  return sync_file(*opened, path);
}

struct KeyLine {
  std::string key;
  std::string name;
};

Result<KeyLine> read_key_line(const std::filesystem::path& file, std::string_view word) {
  ATHANOR_ASSIGN(const std::string text, read_file(file, k_file_bytes));
  std::vector<std::string_view> words;
  for (const std::string_view part : split(trim(text), ' ')) {
    if (!part.empty()) {
      words.push_back(part);
    }
  }
  if (words.empty() || words[0] != word) {
    const bool is_other =
        !words.empty() && (words[0] == k_public_word || words[0] == k_secret_word);
    return make_error(
        ErrorKind::invalid,
        quoted(file) + (is_other ? " holds the other half of the pair" : " is no key file"),
        word == k_public_word ? "name the file that ends in .public"
                              : "name the file that ends in .secret");
  }
  if (words.size() < 2 || words.size() > 3 || !is_key(words[1])) {
    return make_error(ErrorKind::invalid, quoted(file) + " is damaged: it holds no whole key",
                      "make a new pair with 'athanor keys new'");
  }
  return KeyLine{.key = std::string(words[1]),
                 .name = words.size() == 3 ? std::string(words[2]) : std::string()};
}

Result<void> check_private(const std::filesystem::path& path, std::string_view what,
                           std::string_view remedy) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    return system_error(errno, "cannot look at " + quoted(path));
  }
  if ((status.st_mode & 077U) != 0) {
    return make_error(ErrorKind::rejected,
                      std::string(what) + " " + quoted(path) + " is open to others",
                      std::string(remedy));
  }
  return {};
}

}  // namespace

Result<KeyPair> make_key_pair() {
  KeyText public_key{};
  KeyText secret_key{};
  if (zmq_curve_keypair(public_key.data(), secret_key.data()) != 0) {
    return system_error(zmq_errno(), "cannot make a key pair with this libzmq");
  }
  return KeyPair{.public_key = public_key.data(),
                 .secret_key = Redacted<std::string>(secret_key.data())};
}

bool is_key(std::string_view text) {
  std::array<std::uint8_t, k_binary_bytes> binary{};
  return text.size() == k_key_characters && text.find('\0') == std::string_view::npos &&
         zmq_z85_decode(binary.data(), std::string(text).c_str()) != nullptr;
}

KeyFiles key_files(const std::filesystem::path& directory, const std::string& name) {
  return {.public_file = directory / (name + ".public"),
          .secret_file = directory / (name + ".secret")};
}

Result<KeyFiles> write_key_pair(const std::filesystem::path& directory, const std::string& name,
                                const KeyPair& keys) {
  if (!is_name(name)) {
    return make_error(ErrorKind::invalid, "'" + printable(name) + "' can't name a key pair",
                      "use letters, digits, '.', '-' and '_'");
  }
  ATHANOR_TRY(make_directories(directory, Durability::synced, 0700));
  ATHANOR_TRY(check_private(directory, "the key directory", "chmod 700 it"));
  KeyFiles files = key_files(directory, name);
  for (const std::filesystem::path& file : {files.secret_file, files.public_file}) {
    struct stat status {};
    if (::lstat(file.c_str(), &status) == 0) {
      return make_error(ErrorKind::rejected, quoted(file) + " exists; keys are never overwritten",
                        "take another name, or remove both files of the old pair");
    }
  }
  const std::string end = " " + name + "\n";
  ATHANOR_TRY(write_new(files.secret_file,
                        std::string(k_secret_word) + " " + keys.secret_key.reveal() + end));
  ATHANOR_TRY(
      write_new(files.public_file, std::string(k_public_word) + " " + keys.public_key + end));
  ATHANOR_TRY(sync_directory(directory));
  return files;
}

Result<KeyPair> read_secret_key(const std::filesystem::path& file) {
  ATHANOR_ASSIGN(const KeyLine line, read_key_line(file, k_secret_word));
  ATHANOR_TRY(check_private(file, "the secret key",
                            "chmod 600 it; if others could have read it, "
                            "make a new pair"));
  KeyText public_key{};
  if (zmq_curve_public(public_key.data(), line.key.c_str()) != 0) {
    return system_error(zmq_errno(), "cannot use the key in " + quoted(file));
  }
  return KeyPair{.public_key = public_key.data(), .secret_key = Redacted<std::string>(line.key)};
}

Result<PublicKey> read_public_key(const std::filesystem::path& file) {
  ATHANOR_ASSIGN(KeyLine line, read_key_line(file, k_public_word));
  return PublicKey{.key = std::move(line.key), .name = std::move(line.name)};
}

Result<std::vector<PublicKey>> list_public_keys(const std::filesystem::path& directory) {
  std::vector<PublicKey> keys;
  const auto entries = list_directory(directory);
  if (!entries && entries.error().kind == ErrorKind::not_found) {
    return keys;
  }
  if (!entries) {
    return entries.error();
  }
  for (const DirectoryEntry& entry : *entries) {
    if (entry.type == FileType::regular && entry.name.ends_with(".public")) {
      ATHANOR_ASSIGN(PublicKey key, read_public_key(directory / entry.name));
      keys.push_back(std::move(key));
    }
  }
  return keys;
}

Result<std::string> resolve_public_key(const std::string& key_or_file) {
  if (is_key(key_or_file)) {
    return key_or_file;
  }
  ATHANOR_ASSIGN(PublicKey read, read_public_key(key_or_file));
  return std::move(read.key);
}

}  // namespace athanor::transport

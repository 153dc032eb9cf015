#pragma once

#include "shared/base/result.hpp"
#include "shared/log/redacted.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

// CURVE keys: how the two ends of an encrypted connection know each other. Keys are written in
// ZeroMQ's Z85, 40 characters of printable ASCII (a '#' may be among them).
namespace athanor::transport {

inline constexpr std::size_t k_key_characters = 40;

struct KeyPair {
  std::string public_key;
  Redacted<std::string> secret_key;
};

// A new pair, from the system's random source.
Result<KeyPair> make_key_pair();

// Whether the text is a key, as far as its form can tell.
bool is_key(std::string_view text);

// A pair in two files, so that the public half can be handed out without the other being touched.
// Each is one line: what it is, the key, the pair's name.
struct KeyFiles {
  std::filesystem::path public_file;  // "NAME.public"
  std::filesystem::path secret_file;  // "NAME.secret"
};
KeyFiles key_files(const std::filesystem::path& directory, const std::string& name);

// Writes both with mode 0600, the secret one first, into a directory that is made (0700) if it
// isn't there. invalid: the name has other characters than letters, digits, '.', '-' and '_'.
// rejected: one of the files exists (keys are never overwritten), or the directory is open to
// others.
Result<KeyFiles> write_key_pair(const std::filesystem::path& directory, const std::string& name,
                                const KeyPair& keys);

// The pair of a secret key's file; the public half is computed. rejected: others may read the file;
// invalid: it is something else, for example the public key's file.
Result<KeyPair> read_secret_key(const std::filesystem::path& file);

// The key and the name in a public key's file.
struct PublicKey {
  std::string key;
  std::string name;  // may be empty
};
Result<PublicKey> read_public_key(const std::filesystem::path& file);
// Of every pair in the directory, by file name; none if there is no such directory.
Result<std::vector<PublicKey>> list_public_keys(const std::filesystem::path& directory);

// A public key as people give it: the key itself, or the file that it is in.
Result<std::string> resolve_public_key(const std::string& key_or_file);

}  // namespace athanor::transport

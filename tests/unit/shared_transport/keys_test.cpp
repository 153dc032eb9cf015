#include "shared/transport/keys.hpp"

#include "shared/os/files.hpp"
#include "shared/os/temp_dir.hpp"
#include "shared/transport/allow_list.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <sstream>
#include <string>

namespace athanor::transport {
namespace {

using testing::HasSubstr;

mode_t mode_of(const std::filesystem::path& path) {
  struct stat status {};
  EXPECT_EQ(::stat(path.c_str(), &status), 0);
  return status.st_mode & 07777U;
}

class Keys : public testing::Test {
 protected:
  TempDir directory_ = TempDir::create("keys-").value();
  std::filesystem::path folder_ = directory_.path() / "keys";
  KeyPair pair_ = make_key_pair().value();
};

TEST_F(Keys, APairIsReadBackFromTwoFilesThatOnlyTheOwnerCanRead) {
  const auto files = write_key_pair(folder_, "coordinator", pair_);
  ASSERT_TRUE(files.ok()) << files.error().to_string();
  EXPECT_EQ(mode_of(folder_), 0700U);
  EXPECT_EQ(mode_of(files->public_file), 0600U);
  EXPECT_EQ(mode_of(files->secret_file), 0600U);
  const auto read = read_secret_key(files->secret_file);
  ASSERT_TRUE(read.ok()) << read.error().to_string();
  EXPECT_EQ(read->public_key, pair_.public_key);
  EXPECT_EQ(read->secret_key, pair_.secret_key);
  const auto known = read_public_key(files->public_file);
  ASSERT_TRUE(known.ok()) << known.error().to_string();
  EXPECT_EQ(known->key, pair_.public_key);
  EXPECT_EQ(known->name, "coordinator");
  const std::string public_text = read_file(files->public_file, 4096).value();
  EXPECT_EQ(public_text.find(pair_.secret_key.reveal()), std::string::npos);
}

TEST_F(Keys, NoTwoPairsAreAlike) {
  const KeyPair other = make_key_pair().value();
  EXPECT_NE(other.public_key, pair_.public_key);
  EXPECT_NE(other.secret_key, pair_.secret_key);
}

TEST_F(Keys, ASecretKeyIsNeverPrinted) {
  std::ostringstream out;
  out << pair_.secret_key;
  EXPECT_EQ(out.str(), "***");
}

TEST_F(Keys, APairIsNeverOverwritten) {
  ASSERT_TRUE(write_key_pair(folder_, "w", pair_).ok());
  const auto again = write_key_pair(folder_, "w", make_key_pair().value());
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().kind, ErrorKind::rejected);
  EXPECT_EQ(read_public_key(key_files(folder_, "w").public_file)->key, pair_.public_key);
}

TEST_F(Keys, NamesThatAreNoFileNamesAreRefused) {
  for (const char* name : {"", ".", "..", "a/b", "../x", "-f", "a b", "a\n", ".hidden"}) {
    SCOPED_TRACE(name);
    const auto files = write_key_pair(folder_, name, pair_);
    ASSERT_FALSE(files.ok());
    EXPECT_EQ(files.error().kind, ErrorKind::invalid);
  }
}

TEST_F(Keys, ASecretKeyThatOthersCanReadIsRefused) {
  const auto files = write_key_pair(folder_, "w", pair_).value();
  ASSERT_EQ(::chmod(files.secret_file.c_str(), 0640), 0);
  const auto read = read_secret_key(files.secret_file);
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().kind, ErrorKind::rejected);
  EXPECT_THAT(read.error().hint, HasSubstr("chmod 600"));
}

TEST_F(Keys, TheWrongHalfOfAPairIsToldAndNotRepeated) {
  const auto files = write_key_pair(folder_, "w", pair_).value();
  const auto secret = read_secret_key(files.public_file);
  ASSERT_FALSE(secret.ok());
  EXPECT_THAT(secret.error().message, HasSubstr("other half"));
  const auto shared = resolve_public_key(files.secret_file.string());
  ASSERT_FALSE(shared.ok());
  EXPECT_THAT(shared.error().message, HasSubstr("other half"));
  EXPECT_EQ(shared.error().to_string().find(pair_.secret_key.reveal()), std::string::npos);
}

TEST_F(Keys, APublicKeyIsGivenAsTextOrAsAFile) {
  const auto files = write_key_pair(folder_, "w", pair_).value();
  EXPECT_EQ(resolve_public_key(pair_.public_key).value(), pair_.public_key);
  EXPECT_EQ(resolve_public_key(files.public_file.string()).value(), pair_.public_key);
  EXPECT_FALSE(resolve_public_key("nothing").ok());
}

TEST_F(Keys, WhatIsNoKeyIsNotTakenForOne) {
  EXPECT_TRUE(is_key(pair_.public_key));
  EXPECT_FALSE(is_key(""));
  EXPECT_FALSE(is_key(pair_.public_key.substr(1)));
  EXPECT_FALSE(is_key(std::string(40, '~')));
  EXPECT_FALSE(is_key(std::string(40, '\0')));
  EXPECT_FALSE(is_key(pair_.public_key.substr(0, 39) + " "));
}

TEST_F(Keys, AListSaysWhoMayBeWhat) {
  const std::string other = make_key_pair()->public_key;
  const std::string third = make_key_pair()->public_key;
  const auto list = AllowList::parse(
      "# who\n\n" + allow_list_line("worker", pair_.public_key, "cruncher") + "\r\n\tclient  " +
          other + "\nworker,client " + third + " both\nclient " + pair_.public_key + "\n",
      "list");
  ASSERT_TRUE(list.ok()) << list.error().to_string();
  EXPECT_EQ(list->size(), 3U);
  EXPECT_TRUE(list->admits(Role::worker, pair_.public_key));
  EXPECT_TRUE(list->admits(Role::client, pair_.public_key));
  EXPECT_FALSE(list->admits(Role::worker, other));
  EXPECT_TRUE(list->admits(Role::client, other));
  EXPECT_TRUE(list->admits(Role::worker, third));
  EXPECT_FALSE(list->admits(Role::worker, make_key_pair()->public_key));
  EXPECT_EQ(list->name_of(pair_.public_key), "cruncher");
  EXPECT_EQ(list->name_of(other), "");
}

TEST_F(Keys, AWrongLineIsNamedWithoutRepeatingWhatMayBeASecret) {
  const std::string key = pair_.public_key;
  const struct {
    const char* name;
    std::string line;
  } rows[] = {
      {"no role", key},
      {"an unknown role", "admin " + key},
      {"no key", "worker"},
      {"a damaged key", "worker " + key.substr(2)},
      {"too many words", "worker " + key + " a b"},
      {"a long name", "worker " + key + " " + std::string(300, 'x')},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    const auto list = AllowList::parse("# fine\n" + row.line + "\n", "the list");
    ASSERT_FALSE(list.ok());
    EXPECT_EQ(list.error().kind, ErrorKind::invalid);
    EXPECT_THAT(list.error().message, HasSubstr("line 2 of the list"));
  }
}

TEST_F(Keys, AListThatOthersMayWriteIsRefused) {
  const std::filesystem::path file = directory_.path() / "allowed";
  ASSERT_TRUE(write_file(file, "").ok());
  ASSERT_EQ(::chmod(file.c_str(), 0664), 0);
  const auto list = AllowList::read(file);
  ASSERT_FALSE(list.ok());
  EXPECT_EQ(list.error().kind, ErrorKind::rejected);
  ASSERT_EQ(::chmod(file.c_str(), 0644), 0);
  EXPECT_TRUE(AllowList::read(file).ok());
}

}  // namespace
}  // namespace athanor::transport

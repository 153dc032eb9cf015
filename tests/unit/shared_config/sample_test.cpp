#include "shared/config/load.hpp"
#include "shared/config/settings.hpp"
#include "shared/os/files.hpp"
#include "tests/support/results.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <set>
#include <string>

namespace athanor::config {
namespace {

using test::must;

const std::string k_sample = std::string(ATHANOR_SOURCE_DIR) + "/config/athanor.toml";

TEST(SampleFile, TheCheckedInOneIsCurrent) {
  const Settings settings;
  const std::string current = sample_file(settings);
  if (std::getenv("ATHANOR_ACCEPT") != nullptr) {
    must(write_file(k_sample, current));
    GTEST_SKIP() << "accepted: " << k_sample;
  }
  EXPECT_EQ(must(read_file(k_sample, 1 << 20)), current) << "run again with ATHANOR_ACCEPT=1";
}

TEST(SampleFile, ItsLinesAreTheDefaults) {
  Settings settings;
  std::string text = sample_file(settings);
  for (std::size_t at = text.find("\n#"); at != std::string::npos; at = text.find("\n#", at + 1)) {
    if (text[at + 2] != ' ' && text[at + 2] != '\n') {
      text.erase(at + 1, 1);
    }
  }
  must(load_file_text(settings, text, Layer::system_file, "sample"));
  for (const SettingBase* setting : settings.all()) {
    EXPECT_FALSE(setting->is_default() && setting->entry_origins() == nullptr)
        << setting->info().name << " is missing";
    EXPECT_EQ(setting->value_as_json(), setting->default_as_json()) << setting->info().name;
  }
}

TEST(Settings, EveryOneHasProseAndAVariableOfItsOwn) {
  const Settings settings;
  std::set<std::string> variables;
  for (const SettingBase* setting : settings.all()) {
    EXPECT_EQ(setting->info().variable.rfind("ATHANOR_", 0), 0U);
    EXPECT_TRUE(variables.insert(setting->info().variable).second);
    EXPECT_EQ(setting->info().prose.back(), '.') << setting->info().name;
  }
}

}  // namespace
}  // namespace athanor::config

#include "shared/config/load.hpp"

#include "shared/config/toml.hpp"
#include "shared/os/files.hpp"
#include "tests/support/results.hpp"
#include "tests/support/scratch_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

namespace athanor::config {
namespace {

using test::must;
using testing::ElementsAre;
using testing::HasSubstr;

// A machine of the test's own: files below a scratch directory, variables in a map.
class LoadTest : public testing::Test {
 protected:
  LoadTest() {
    std::filesystem::create_directories(scratch_ / "home/project/deeper");
    variables_["HOME"] = (scratch_ / "home").string();
  }

  void write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories((scratch_ / name).parent_path());
    must(write_file(scratch_ / name, text));
  }

  Sources sources() {
    return {.environment = [this](std::string_view name) -> std::optional<std::string> {
              const auto found = variables_.find(std::string(name));
              return found == variables_.end() ? std::nullopt : std::optional(found->second);
            },
            .working_directory = scratch_ / "home/project/deeper",
            .system_file = scratch_ / "etc/config.toml"};
  }

  test::ScratchDir scratch_;
  std::map<std::string, std::string> variables_;
  Settings settings_;
};

TEST_F(LoadTest, WithoutFilesAndVariablesEverythingIsTheDefault) {
  const LoadReport report = must(load(settings_, sources()));
  EXPECT_TRUE(report.files.empty());
  for (const SettingBase* setting : settings_.all()) {
    EXPECT_TRUE(setting->is_default()) << setting->info().name;
  }
}

TEST_F(LoadTest, EveryLayerBeatsTheOneBelow) {
  const std::string other_tools = "METAFLOW_CONDA_LOCALROOT";
  variables_[other_tools] = "/metaflow";
  must(load(settings_, sources()));
  EXPECT_EQ(settings_.store_url.origin().where, other_tools);

  write("etc/config.toml", "[store]\nurl = \"/system\"\n");
  write("home/.config/athanor/config.toml", "\n[store]\nurl = \"/user\"\n");
  write("home/project/athanor.toml", "\n\n[store]\nurl = \"/project\"\n");
  variables_["ATHANOR_STORE"] = "/variable";
  Settings all;
  must(all.store_url.assign_text("/flag", Origin{Layer::flag, "--store"}));
  const LoadReport report = must(load(all, sources()));
  EXPECT_EQ(*all.store_url, "/flag");
  EXPECT_EQ(report.files.size(), 3U);
  std::vector<std::string> order;
  for (const Overridden& weaker : all.store_url.overridden()) {
    order.push_back(*weaker.value.as_string() + " " + weaker.origin.where);
  }
  EXPECT_THAT(
      order, ElementsAre("/metaflow METAFLOW_CONDA_LOCALROOT",
                         "/system " + (scratch_ / "etc/config.toml").string() + ":2",
                         "/user " + (scratch_ / "home/.config/athanor/config.toml").string() + ":3",
                         "/project " + (scratch_ / "home/project/athanor.toml").string() + ":4",
                         "/variable ATHANOR_STORE"));
}

TEST_F(LoadTest, XdgConfigHomeMovesTheUsersFile) {
  variables_["XDG_CONFIG_HOME"] = (scratch_ / "xdg").string();
  write("xdg/athanor/config.toml", "[work]\nworkers = 3\n");
  must(load(settings_, sources()));
  EXPECT_EQ(*settings_.workers, 3U);
}

TEST_F(LoadTest, AChosenFileTakesThePlaceOfTheOthersAndMustExist) {
  write("home/project/athanor.toml", "[work]\nworkers = 3\n");
  write("mine.toml", "[work]\njobs = 5\n");
  Sources from = sources();
  from.chosen_file = scratch_ / "mine.toml";
  must(load(settings_, from));
  EXPECT_EQ(*settings_.workers, 0U);
  EXPECT_EQ(*settings_.jobs, 5U);
  from.chosen_file = scratch_ / "absent.toml";
  EXPECT_EQ(load(settings_, from).error().kind, ErrorKind::not_found);
}

TEST_F(LoadTest, NoFilesMeansNone) {
  write("home/project/athanor.toml", "[work]\nworkers = 3\n");
  Sources from = sources();
  from.files = false;
  must(load(settings_, from));
  EXPECT_EQ(*settings_.workers, 0U);
}

TEST_F(LoadTest, AnUnknownSettingIsAnErrorWithLineAndSuggestion) {
  write("home/project/athanor.toml", "[store]\nulr = \"/x\"\n");
  const Error error = load(settings_, sources()).error();
  EXPECT_EQ(error.kind, ErrorKind::invalid);
  EXPECT_THAT(error.message, HasSubstr("athanor.toml:2: unknown setting 'store.ulr'"));
  EXPECT_EQ(error.hint, "did you mean 'store.url'?");
}

TEST_F(LoadTest, AKeyOutsideOfATableIsUnknown) {
  write("home/project/athanor.toml", "workers = 1\n");
  EXPECT_THAT(load(settings_, sources()).error().message,
              HasSubstr(":1: unknown setting 'workers'"));
}

TEST_F(LoadTest, AFileThatIsNotTomlIsRefusedWithItsLine) {
  write("home/project/athanor.toml", "[store]\nurl = \n");
  EXPECT_THAT(load(settings_, sources()).error().message, HasSubstr("athanor.toml:2"));
}

TEST_F(LoadTest, AProjectCannotAllowItsInputsToNameLocalFiles) {
  write("home/project/athanor.toml", "[origins]\nallow_file_urls = true\n");
  const Error error = load(settings_, sources()).error();
  EXPECT_THAT(error.message, HasSubstr("can't be set by a project's file"));
  EXPECT_THAT(error.hint, HasSubstr("ATHANOR_ALLOW_FILE_URLS"));
}

TEST_F(LoadTest, AnEmptyVariableSetsNothing) {
  variables_["ATHANOR_STORE"] = "";
  must(load(settings_, sources()));
  EXPECT_TRUE(settings_.store_url.is_default());
}

TEST_F(LoadTest, AVariableWithAWrongValueIsNamed) {
  variables_["ATHANOR_WORKERS"] = "lots";
  EXPECT_THAT(load(settings_, sources()).error().message,
              HasSubstr("ATHANOR_WORKERS: work.workers: expected a whole number, got 'lots'"));
}

struct MetaflowCase {
  const char* name;
  std::map<std::string, std::string> variables;
  const char* url;
};

class MetaflowStore : public LoadTest, public testing::WithParamInterface<MetaflowCase> {};

TEST_P(MetaflowStore, IsFoundAsTheExtensionFindsIt) {
  for (const auto& [name, value] : GetParam().variables) {
    variables_[name] = value;
  }
  must(load(settings_, sources()));
  EXPECT_EQ(*settings_.store_url, GetParam().url);
}

INSTANTIATE_TEST_SUITE_P(
    Variables, MetaflowStore,
    testing::Values(
        MetaflowCase{"s3", {{"METAFLOW_CONDA_S3ROOT", "s3://b/conda"}}, "s3://b/conda"},
        MetaflowCase{"azure_without_scheme", {{"METAFLOW_CONDA_AZUREROOT", "c/p"}}, "az://c/p"},
        MetaflowCase{"gs", {{"METAFLOW_CONDA_GSROOT", "gs://b/p"}}, "gs://b/p"},
        MetaflowCase{"local", {{"METAFLOW_CONDA_LOCALROOT", "/data"}}, "/data"},
        MetaflowCase{
            "sysroot", {{"METAFLOW_DATASTORE_SYSROOT_S3", "s3://b/mf"}}, "s3://b/mf/conda_env"},
        MetaflowCase{"sysroot_with_slash",
                     {{"METAFLOW_DATASTORE_SYSROOT_GS", "gs://b/mf/"}},
                     "gs://b/mf/conda_env"},
        MetaflowCase{"root_beats_sysroot",
                     {{"METAFLOW_DATASTORE_SYSROOT_S3", "s3://b/mf"},
                      {"METAFLOW_CONDA_S3ROOT", "s3://b/own"}},
                     "s3://b/own"},
        MetaflowCase{"default_datastore_decides",
                     {{"METAFLOW_DATASTORE_SYSROOT_S3", "s3://b/mf"},
                      {"METAFLOW_CONDA_AZUREROOT", "c/p"},
                      {"METAFLOW_DEFAULT_DATASTORE", "azure"}},
                     "az://c/p"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST_F(LoadTest, AMetaflowProfileIsReadAndItsFileIsTheOrigin) {
  variables_["METAFLOW_PROFILE"] = "prod";
  write("home/.metaflowconfig/config_prod.json",
        R"({"METAFLOW_DATASTORE_SYSROOT_S3": "s3://prod/metaflow",
            "METAFLOW_CONDA_PREFERRED_FORMAT": ".tar.bz2",
            "METAFLOW_CONDA_ENVS_DIRNAME": "environments",
            "METAFLOW_ENV_PACKAGES_DIRNAME": "pkgs", "METAFLOW_DEFAULT_METADATA": "service"})");
  variables_["METAFLOW_CONDA_PACKAGES_DIRNAME"] = "packages2";
  must(load(settings_, sources()));
  EXPECT_EQ(*settings_.store_url, "s3://prod/metaflow/conda_env");
  EXPECT_EQ(settings_.store_url.origin().layer, Layer::other_tools);
  EXPECT_THAT(settings_.store_url.origin().where,
              HasSubstr("config_prod.json (METAFLOW_DATASTORE_SYSROOT_S3)"));
  EXPECT_EQ(*settings_.format, "tar.bz2");
  EXPECT_EQ(*settings_.store_environments, "environments");
  EXPECT_EQ(*settings_.store_packages, "packages2");
}

TEST_F(LoadTest, MetaflowHomeMovesTheProfiles) {
  variables_["METAFLOW_HOME"] = (scratch_ / "mf").string();
  write("mf/config.json", R"({"METAFLOW_CONDA_LOCALROOT": "/data"})");
  must(load(settings_, sources()));
  EXPECT_EQ(*settings_.store_url, "/data");
}

TEST_F(LoadTest, AMissingProfileIsAnError) {
  variables_["METAFLOW_PROFILE"] = "prdo";
  EXPECT_THAT(load(settings_, sources()).error().message, HasSubstr("config_prdo.json"));
}

TEST_F(LoadTest, AnUnknownPreferredFormatIsIgnoredWithAWarning) {
  variables_["METAFLOW_CONDA_PREFERRED_FORMAT"] = "auto";
  const LoadReport report = must(load(settings_, sources()));
  EXPECT_EQ(report.warnings.size(), 1U);
  EXPECT_TRUE(settings_.format.is_default());
}

TEST_F(LoadTest, CondaPackageDirectoriesAreSplitAtCommasAndColons) {
  variables_["CONDA_PKGS_DIRS"] = "/a/pkgs,/b/pkgs:/c";
  must(load(settings_, sources()));
  EXPECT_THAT(*settings_.package_dirs, ElementsAre("/a/pkgs", "/b/pkgs", "/c"));
}

TEST(Toml, ValuesAreSpelledAsTheyAreRead) {
  const Json value =
      Json::object({{"text", "quote \" backslash \\ tab \t umlaut \xc3\xa4 del \x7f"},
                    {"list", Json::Array{"a", "b"}}});
  const Json read = must(parse_toml("x = " + spell_toml(value), "f"));
  EXPECT_EQ(*read.find("x")->find("text"), *value.find("text"));
  EXPECT_EQ(*read.find("x")->find("list"), *value.find("list"));
}

TEST(Toml, DatesAreRefusedWithTheirLine) {
  const auto read = parse_toml("\n\nx = 2026-01-31\n", "f.toml");
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().message, HasSubstr("f.toml:3"));
}

TEST(Toml, DeepNestingIsAnErrorAndNotACrash) {
  EXPECT_FALSE(parse_toml("x = " + std::string(100'000, '['), "f.toml"));
}

}  // namespace
}  // namespace athanor::config

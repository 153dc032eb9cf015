#include "coordinator/specs/resolution.hpp"

#include "coordinator/intake/intake.hpp"
#include "coordinator/specs/lock_file.hpp"
#include "tests/support/memory_store.hpp"
#include "tests/support/results.hpp"
#include "tests/support/scratch_dir.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <string>
#include <vector>

namespace athanor::coordinator {
namespace {

using Names = std::vector<std::string>;
using test::must;

SolvedPackage package(const std::string& name, const std::string& version,
                      const std::string& subdir, const Names& depends = {}) {
  SolvedPackage made;
  made.name = name;
  made.version = version;
  made.build = "h0";
  made.channel = "https://c.example/main";
  made.subdir = subdir;
  made.url = made.channel + "/" + subdir + "/" + name + "-" + version + "-h0.conda";
  made.digest.md5 = md5_of(made.url);
  made.digest.sha256 = sha256_of(made.url);
  made.depends = depends;
  return made;
}

// Answers every question with python and zlib, except for platforms without an answer.
class AnswersByPlatform final : public SolveService {
 public:
  std::map<std::string, Error> without = {};
  std::vector<SolveRequest> asked = {};

  Result<std::vector<Result<SolveSuccess>>> solve(std::span<const SolveRequest> questions,
                                                  std::stop_token /*stop*/) override {
    std::vector<Result<SolveSuccess>> answers;
    for (const SolveRequest& question : questions) {
      asked.push_back(question);
      if (const auto failed = without.find(question.platform); failed != without.end()) {
        answers.emplace_back(failed->second);
        continue;
      }
      SolveSuccess success;
      success.packages = {package("zlib", "1.3", question.platform),
                          package("python", "3.10.1", question.platform, {"zlib >=1.2", "__unix"})};
      success.solve_key = "key-" + question.platform;
      answers.emplace_back(std::move(success));
    }
    return answers;
  }
};

class NoPypi final : public PypiSolver {
 public:
  Result<std::vector<PackageReference>> solve(const PypiQuestion& question,
                                              std::stop_token /*stop*/) override {
    asked.push_back(question.python_version);
    return make_error(ErrorKind::unsupported, "no program solves pypi requirements here");
  }
  Names asked = {};
};

AskedEnvironment asked(const std::string& text, const Names& platforms) {
  const auto manifest =
      must(parse_manifest(InputText{.name = "env.yml", .text = text, .folder = {}}));
  AskOptions options;
  options.platforms = platforms;
  options.default_channels = {"https://c.example/main"};
  return must(ask_manifest(*manifest, "env.yml", options)).at(0);
}

const std::string k_text = "name: train\ndependencies: [python=3.10, zlib]\n";

struct World {
  AnswersByPlatform solver = {};
  NoPypi pypi = {};
  ChannelConfig channels = ChannelConfig();
  test::MemoryStore store = {};
  Layout layout = Layout();
  KnownEnvironments known = KnownEnvironments(store, layout);

  Result<Resolution> resolve(const AskedEnvironment& environment, ResolveOptions options = {}) {
    return Resolver(channels, solver, pypi, &known).resolve({environment}, options, {});
  }
};

TEST(Asked, CompletesChannelsIndicesAndSystemPackagesAsIdsHashThem) {
  const AskedEnvironment environment =
      asked("channels: [bioconda]\ndependencies: [python=3.8, {pip: [requests]}]\n",
            {"linux-64", "osx-64"});
  ASSERT_EQ(environment.platforms.size(), 2U);
  EXPECT_EQ(environment.name, "env");
  const Requirements& on_linux = environment.platforms[0].wanted.requirements;
  EXPECT_EQ(on_linux.deps.at("conda"), Names{"python==3.8"});
  EXPECT_EQ(on_linux.deps.at("sys"), Names{"__glibc==2.27=0"});
  EXPECT_EQ(on_linux.sources.at("conda"), (Names{"bioconda", "https://c.example/main"}));
  EXPECT_EQ(on_linux.sources.at("pypi"), Names{"https://pypi.org/simple"});
  EXPECT_EQ(environment.platforms[1].wanted.requirements.deps.count("sys"), 0U);
  // Together they ask for what either asks for.
  EXPECT_EQ(combined_requirements(environment).deps.at("sys"), Names{"__glibc==2.27=0"});
}

TEST(Asked, TellsFilesFromSpecs) {
  const test::ScratchDir folder;
  const std::string manifest = (folder.path() / "environment.yml").string();
  std::ofstream(manifest) << "dependencies: [zlib]\n";
  const std::string lock = (folder.path() / "conda-lock.yml").string();
  std::ofstream(lock) << "version: 1\npackage: []\n";
  const Names inputs = {manifest, lock, "numpy>=1.2", "pypi::requests", "missing.yml", "-"};
  const SortedInputs sorted = must(sort_inputs(inputs));
  EXPECT_EQ(sorted.files, Names{manifest});
  EXPECT_EQ(sorted.specs, (Names{"numpy>=1.2", "pypi::requests"}));
  EXPECT_EQ(sorted.exact, (Names{lock, "missing.yml", "-"}));
}

TEST(Resolution, AsksForAllPlatformsAtOnceAndKeepsTheOrderOfInstallation) {
  World world;
  const Resolution resolution = must(world.resolve(asked(k_text, {"linux-64", "osx-arm64"})));
  ASSERT_EQ(world.solver.asked.size(), 2U);
  const SolveRequest& question = world.solver.asked[0];
  EXPECT_EQ(question.specs, (Names{"python=3.10", "zlib"}));
  ASSERT_EQ(question.channels.size(), 1U);
  EXPECT_EQ(question.channels[0].url, "https://c.example/main");
  const auto glibc =
      std::find_if(question.virtual_packages.begin(), question.virtual_packages.end(),
                   [](const auto& each) { return each.name == "__glibc"; });
  ASSERT_NE(glibc, question.virtual_packages.end());
  EXPECT_EQ(glibc->version, "2.27");
  ASSERT_TRUE(resolution.all_whole());
  const auto requests = resolution.requests();
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[0].packages[0].source.stem(), "zlib-1.3-h0");
  EXPECT_EQ(requests[0].coresolve_group, requests[1].coresolve_group);
  EXPECT_FALSE(requests[0].coresolve_group.empty());
}

TEST(Resolution, OfWhichOnePlatformFailsIsNotWhole) {
  World world;
  world.solver.without["osx-arm64"] = make_error(ErrorKind::invalid, "nothing provides zlib");
  const Resolution resolution = must(world.resolve(asked(k_text, {"linux-64", "osx-arm64"})));
  EXPECT_FALSE(resolution.all_whole());
  EXPECT_TRUE(resolution.requests().empty());
  ASSERT_EQ(resolution.environments[0].failures.size(), 1U);
  EXPECT_EQ(resolution.environments[0].failures[0].platform, "osx-arm64");
  EXPECT_TRUE(must(make_lock_files(resolution, "conda-lock.yml")).empty());
}

TEST(Resolution, HandsPypiRequirementsOnWithThePythonThatCondaChose) {
  World world;
  const Resolution resolution =
      must(world.resolve(asked("dependencies: [python=3.10, {pip: [requests]}]\n", {"linux-64"})));
  EXPECT_EQ(world.pypi.asked, Names{"3.10.1"});
  EXPECT_EQ(resolution.environments[0].failures.at(0).error.kind, ErrorKind::unsupported);
}

const std::string k_lock = R"(lock-version = "1.0"
[[packages]]
name = "alpha"
version = "1.0"
[[packages.wheels]]
url = "https://f.example/alpha-1.0-cp310-cp310-manylinux_2_17_x86_64.whl"
hashes = {sha256 = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}
[[packages.wheels]]
url = "https://f.example/alpha-1.0-cp310-cp310-macosx_11_0_arm64.whl"
hashes = {sha256 = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"}
[[packages]]
name = "colors"
version = "0.4"
marker = "sys_platform == 'win32' or 'fancy' in extras"
[[packages.wheels]]
url = "https://f.example/colors-0.4-py3-none-any.whl"
hashes = {sha256 = "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"}
)";

Result<std::vector<AskedEnvironment>> ask_with_lock(const test::ScratchDir& folder,
                                                    const std::string& lock, const Names& specs) {
  std::ofstream(folder / "pylock.toml") << lock;
  Names inputs = {(folder / "pylock.toml").string()};
  inputs.insert(inputs.end(), specs.begin(), specs.end());
  AskOptions options;
  options.platforms = {"linux-64", "osx-arm64"};
  options.default_channels = {"https://c.example/main"};
  std::vector<std::string> warnings;
  ATHANOR_ASSIGN(const SortedInputs sorted, sort_inputs(inputs));
  return read_asked(sorted, options, warnings);
}

TEST(Pylock, GivesEachPlatformTheWheelsOfItsOwnAndIsWhatWasAskedFor) {
  const test::ScratchDir folder;
  const auto environments = must(ask_with_lock(folder, k_lock, {"python=3.10"}));
  ASSERT_EQ(environments.size(), 1U);
  World world;
  const Resolution resolution = must(world.resolve(environments[0]));
  ASSERT_TRUE(resolution.all_whole());
  EXPECT_TRUE(world.pypi.asked.empty());
  Names wheels;
  for (const EnvironmentRequest& request : resolution.requests()) {
    ASSERT_EQ(request.packages.size(), 3U);
    wheels.push_back(request.packages.back().source.stem());
    EXPECT_TRUE(request.packages.back().expected.sha256.has_value());
    EXPECT_EQ(
        request.requirements.deps.at("pypi"),
        (Names{"alpha==1.0", "colors==0.4;sys_platform == \"win32\" or \"fancy\" in extras"}));
  }
  EXPECT_EQ(wheels, (Names{"alpha-1.0-cp310-cp310-manylinux_2_17_x86_64",
                           "alpha-1.0-cp310-cp310-macosx_11_0_arm64"}));
}

TEST(Pylock, SaysWhatItLacks) {
  const test::ScratchDir folder;
  const auto alone = ask_with_lock(folder, k_lock, {});
  ASSERT_FALSE(alone.ok());
  EXPECT_NE(alone.error().hint.find("python=3.12"), std::string::npos) << alone.error().hint;
  const std::string head = "lock-version = \"1.0\"\n[[packages]]\nname = \"a\"\n";
  const std::vector<std::pair<std::string, std::string>> rows = {
      {head + "[packages.sdist]\nurl = \"https://f.example/a-1.tar.gz\"\n", "only an sdist"},
      {head + "[packages.vcs]\ntype = \"git\"\n", "repository"},
      {head + "[packages.directory]\npath = \".\"\n", "directory"},
      {head + "requires-python = \">=3.12\"\n", "needs python >=3.12"},
      {head + "marker = \"maybe\"\n", "not an environment marker"},
      {"default-groups = [\"dev\"]\n" + head, "default dependency groups"},
      {"requires-python = \"<3.9\"\n" + head, "needs python <3.9"}};
  for (const auto& [lock, words] : rows) {
    World world;
    const auto environments = must(ask_with_lock(folder, lock, {"python=3.10"}));
    const Resolution resolution = must(world.resolve(environments.at(0)));
    ASSERT_EQ(resolution.environments[0].failures.size(), 2U) << words;
    const std::string& message = resolution.environments[0].failures[0].error.message;
    EXPECT_NE(message.find(words), std::string::npos) << message;
  }
}

// The store's description of what the service would answer, by somebody at some time.
EnvironmentDescription description(const AskedEnvironment& environment, const std::string& by,
                                   const std::string& on) {
  EnvironmentDescription made;
  made.platform = environment.platforms[0].platform;
  const Requirements all = combined_requirements(environment);
  made.deps = all.deps;
  made.sources = all.sources;
  made.extras = all.extras;
  made.resolved_by = by;
  made.resolved_on = on;
  made.resolved_archs = {made.platform};
  const SolvedPackage python = package("python", on.substr(0, 4), made.platform);
  made.packages.push_back(
      {.type = PackageType::conda,
       .filename = "python-" + on.substr(0, 4) + "-h0",
       .url = python.url,
       .url_format = Format::conda,
       .formats = {
           {.format = Format::conda, .hash = python.digest.md5->hex(), .key = "packages/x"}}});
  return made;
}

void put(World& world, const EnvironmentDescription& made) {
  const std::string key = world.layout.environment_key(
      made.platform, requirement_id(made.deps, made.sources, made.extras), full_id(made));
  must(world.store.put_if_absent(key, ObjectSource::from_bytes(write_description(made))));
}

TEST(KnownEnvironments, TheLatestOfWhoeverCountsIsUsedInsteadOfSolving) {
  World world;
  const AskedEnvironment environment = asked(k_text, {"linux-64"});
  put(world, description(environment, "ada", "2025-01-01T00:00:00"));
  put(world, description(environment, "bob", "2026-01-01T00:00:00"));
  struct Case {
    const char* whose;
    const char* year;  // empty: solved anew
  };
  const Case cases[] = {
      {":any:", "2026"}, {":username:", "2025"}, {"bob", "2026"}, {"ada, eve", "2025"},
      {"eve", ""},       {":none:", ""},
  };
  for (const Case& c : cases) {
    world.solver.asked.clear();
    const Resolution resolution =
        must(world.resolve(environment, {.use_latest = must(UseLatest::parse(c.whose, "ada"))}));
    const bool reused = !resolution.environments[0].reused.empty();
    EXPECT_EQ(reused, *c.year != '\0') << c.whose;
    EXPECT_EQ(world.solver.asked.empty(), reused) << c.whose;
    if (reused) {
      EXPECT_EQ(resolution.requests().at(0).packages.at(0).source.stem(),
                std::string("python-") + c.year + "-h0");
    }
  }
  EXPECT_FALSE(UseLatest::parse(":all:", "ada").ok());
}

TEST(KnownEnvironments, OneThatWasResolvedForOtherPlatformsIsNotUsedForSeveral) {
  World world;
  const AskedEnvironment both = asked(k_text, {"linux-64", "osx-arm64"});
  put(world, description(both, "ada", "2025-01-01T00:00:00"));
  const Resolution resolution =
      must(world.resolve(both, {.use_latest = must(UseLatest::parse(":any:", "ada"))}));
  EXPECT_TRUE(resolution.environments[0].reused.empty());
}

TEST(KnownEnvironments, ABaseKeepsItsPackagesLocked) {
  World world;
  const AskedEnvironment base = asked("dependencies: [python=3.10]\n", {"linux-64"});
  const EnvironmentDescription made = description(base, "ada", "2025-01-01T00:00:00");
  put(world, made);
  const std::string req_id = requirement_id(made.deps, made.sources, made.extras);
  must(world.store.put_if_absent("envs/aliases/generic/team/base/v1",
                                 ObjectSource::from_bytes(write_alias(req_id, full_id(made)))));
  const Resolution resolution =
      must(world.resolve(asked("dependencies: [zlib]\n", {"linux-64"}), {.base = "team/base:v1"}));
  const SolveRequest& question = world.solver.asked.at(0);
  ASSERT_EQ(question.locked.size(), 1U);
  EXPECT_EQ(question.locked[0].name, "python");
  EXPECT_EQ(question.locked[0].hold, LockHold::keep);
  EXPECT_EQ(question.specs, (Names{"zlib", "python"}));
  EXPECT_EQ(resolution.requests().at(0).requirements.deps.at("conda"),
            (Names{"zlib", "python==3.10"}));
  const auto missing =
      world.resolve(asked("dependencies: [zlib]\n", {"osx-64"}), {.base = "team/base:v1"});
  ASSERT_FALSE(missing.ok());
  EXPECT_NE(missing.error().message.find("doesn't exist for osx-64"), std::string::npos);
  EXPECT_FALSE(world.resolve(base, {.base = "team/none:v1"}).ok());
}

// What a run on a lock file would plan.
std::vector<EnvironmentRequest> read_back(const std::vector<LockFile>& files) {
  const test::ScratchDir folder;
  Names names;
  for (const LockFile& file : files) {
    names.push_back((folder.path() / file.path).string());
    std::ofstream(names.back()) << file.text;
  }
  return must(read_inputs(names, {})).environments;
}

TEST(LockFile, ReadBackIsTheSameEnvironments) {
  World world;
  const Resolution resolution = must(world.resolve(asked(k_text, {"linux-64", "osx-arm64"})));
  const auto wanted = resolution.requests();
  for (const std::string path : {"conda-lock.yml", "{platform}.lock"}) {
    const auto read = read_back(must(make_lock_files(resolution, path)));
    ASSERT_EQ(read.size(), wanted.size()) << path;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      EXPECT_EQ(read[i].name, "train");
      EXPECT_EQ(read[i].platform, wanted[i].platform);
      EXPECT_EQ(read[i].requirements.deps, wanted[i].requirements.deps);
      EXPECT_EQ(read[i].requirements.sources, wanted[i].requirements.sources);
      EXPECT_EQ(read[i].requirement_origin, RequirementOrigin::given);
      EXPECT_FALSE(read[i].coresolve_group.empty());
      EXPECT_EQ(read[i].coresolve_group, read[0].coresolve_group);
      ASSERT_EQ(read[i].packages.size(), wanted[i].packages.size());
      for (std::size_t p = 0; p < wanted[i].packages.size(); ++p) {
        EXPECT_EQ(read[i].packages[p].source, wanted[i].packages[p].source);
        EXPECT_EQ(read[i].packages[p].expected.md5, wanted[i].packages[p].expected.md5);
      }
    }
  }
  EXPECT_FALSE(make_lock_files(resolution, "one.lock").ok());
}

TEST(ShownResolution, NamesWhoAsksForEachPackage) {
  World world;
  const Resolution resolution = must(world.resolve(asked(k_text, {"linux-64"})));
  const std::string text = show_resolution(resolution, Explain::yes);
  EXPECT_NE(text.find("zlib 1.3 h0  <- you ask for zlib; python needs zlib >=1.2"),
            std::string::npos)
      << text;
  const Json json = resolution_to_json(resolution);
  EXPECT_EQ(json.find("environments")->as_array()->size(), 1U);
}

}  // namespace
}  // namespace athanor::coordinator

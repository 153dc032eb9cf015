#include "coordinator/upkeep/copy.hpp"
#include "shared/base/clock.hpp"
#include "shared/os/files.hpp"
#include "shared/store/open_store.hpp"
#include "tests/unit/coordinator_upkeep/upkeep_world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

namespace athanor::coordinator {
namespace {

using std::chrono::hours;
using test::must;
using testing::HasSubstr;

const std::string k_a = "https://host/ch/linux-64/a-1-0.conda";
const std::string k_b = "https://host/ch/noarch/b-1-0.conda";
const std::string k_c = "https://host/ch/noarch/c-1-0.conda";

class Gc : public testing::Test {
 protected:
  Gc() {
    a = world.add_package(k_a, "a");
    b = world.add_package(k_b, "b");
    c = world.add_package(k_c, "c");
    environment = world.add_environment({{k_a, a}});
  }
  Result<CollectReport> plan(const KeepList& keep = {}, hours later = hours(24 * 30)) {
    return plan_collection(world.upkeep(), keep,
                           {.grace = hours(24 * 7), .now = UpkeepWorld::k_then + later},
                           world.file("plan"));
  }
  ApplyReport apply() { return must(apply_plan(world.upkeep(), world.file("plan"), 7)); }
  void a_month_later() { world.store.set_now(UpkeepWorld::k_then + hours(24 * 30)); }

  UpkeepWorld world;
  std::string a;
  std::string b;
  std::string c;
  std::string environment;
};

TEST_F(Gc, WhatNoDescriptionNeedsGoesAndComesBack) {
  const std::string both = world.key_of(k_a, "the other format", Format::tar_bz2);
  world.put(both, "the other format");  // readers take what they find in the source's folder
  const auto before = world.store.objects();
  const CollectReport report = must(plan());
  EXPECT_EQ(report.unneeded.changes, 2U);
  EXPECT_EQ(report.needed, 2U);
  EXPECT_EQ(world.store.objects(), before);

  a_month_later();
  const ApplyReport applied = apply();
  EXPECT_EQ(applied.taken_away, 2U);
  EXPECT_TRUE(world.has(a) && world.has(both));
  EXPECT_FALSE(world.has(b) || world.has(c));
  const auto trash = must(list_trash(world.upkeep()));
  ASSERT_EQ(trash.size(), 1U);
  EXPECT_EQ(trash[0].id, applied.id);
  EXPECT_EQ(trash[0].objects, 2U);

  const UndoReport undone = must(undo(world.upkeep(), applied.id));
  EXPECT_EQ(undone.restored, 2U);
  EXPECT_EQ(world.store.objects(), before);
  EXPECT_EQ(undo(world.upkeep(), applied.id).error().kind, ErrorKind::invalid);
}

TEST_F(Gc, YoungObjectsAndListedOnesStay) {
  EXPECT_EQ(must(plan({}, hours(24))).young, 2U);
  KeepList keep;
  must(keep.add_list(world.layout, "# a comment\n" + k_b + "\n" + c + "\n", "keep.txt"));
  keep.seal();
  const CollectReport report = must(plan(keep));
  EXPECT_EQ(report.listed, 2U);
  EXPECT_EQ(report.unneeded.changes, 0U);
  KeepList folder;
  must(folder.add_list(world.layout, "packages/conda/host/ch/noarch/", "keep.txt"));
  folder.seal();
  EXPECT_EQ(must(plan(folder)).listed, 2U);
  const auto wrong = folder.add_list(world.layout, "\nhttps://host/ch/readme.txt", "keep.txt");
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().message, HasSubstr("keep.txt, line 2"));
}

TEST_F(Gc, WhatChangedSinceThePlanIsLeftAlone) {
  must(plan());
  a_month_later();
  must(world.store.remove(b));
  world.put(b, UpkeepWorld::archive("b"));  // published again: young
  world.add_environment({{k_c, c}}, "osx-64");
  const ApplyReport report = apply();
  EXPECT_EQ(report.taken_away, 0U);
  EXPECT_EQ(report.changed, 1U);
  EXPECT_EQ(report.needed, 1U);
  EXPECT_TRUE(world.has(b) && world.has(c));
  EXPECT_TRUE(must(list_trash(world.upkeep())).empty());
}

TEST_F(Gc, AnObjectThatIsDescribedWhileItIsTakenAwayComesBack) {
  must(plan());
  a_month_later();
  test::FaultyStore faulty(world.store);
  faulty.before([&](test::StoreCall call, std::string_view key) -> Result<void> {
    if (call == test::StoreCall::remove && key == b) {
      world.add_environment({{k_b, b}}, "osx-64");  // by somebody who saw it a moment ago
    }
    return {};
  });
  const ApplyReport report = must(apply_plan(world.upkeep_on(faulty), world.file("plan"), 7));
  EXPECT_EQ(report.put_back, 1U);
  EXPECT_TRUE(world.has(b));
  EXPECT_FALSE(world.has(c));
}

TEST_F(Gc, AnApplicationThatIsCutOffAnywhereCanBeUndoneAndRepeated) {
  const auto before = world.store.objects();
  for (int allowed = 0; allowed < 40; ++allowed) {
    SCOPED_TRACE(allowed);
    must(plan());
    a_month_later();
    test::FaultyStore faulty(world.store);
    std::atomic<int> left{allowed};
    faulty.before([&](test::StoreCall, std::string_view) -> Result<void> {
      return left-- > 0 ? Result<void>() : make_error(ErrorKind::retry, "down");
    });
    const auto applied = apply_plan(world.upkeep_on(faulty), world.file("plan"), 7);
    // Nothing is lost: each object is in its place or in the trash.
    for (const TrashEntry& entry : must(list_trash(world.upkeep()))) {
      must(undo(world.upkeep(), entry.id));
    }
    for (const auto& [key, bytes] : before) {
      EXPECT_EQ(must(read_object(world.store, key, 1000)), bytes) << key;
    }
    world.store.set_now(UpkeepWorld::k_then);
    for (const auto& [key, bytes] : before) {
      world.put(key, bytes);  // as old as they were
    }
  }
}

TEST_F(Gc, AnUndoNeverMakesASecondHash) {
  must(plan());
  a_month_later();
  const ApplyReport applied = apply();
  const std::string other = world.add_package(k_b, "made anew, with other bytes");
  const UndoReport undone = must(undo(world.upkeep(), applied.id));
  EXPECT_EQ(undone.restored, 1U);
  EXPECT_THAT(undone.conflicts, testing::ElementsAre(b));
  EXPECT_TRUE(world.has(other));
  EXPECT_FALSE(world.has(b));
  EXPECT_EQ(must(list_trash(world.upkeep()))[0].objects, 1U);
}

TEST_F(Gc, TheClaimGoesWithTheObject) {
  const std::string claim = world.layout.claim_key(*world.layout.parse_artifact_key(b));
  EXPECT_EQ(claim,
            world.layout.claim_key(must(SourceUrl::parse(k_b, PackageType::conda)), Format::conda));
  world.put(claim, b);
  must(plan());
  a_month_later();
  apply();
  EXPECT_FALSE(world.has(claim));
}

TEST_F(Gc, NothingIsPlannedWhileADescriptionCantBeReadOrNothingIsDescribed) {
  world.put(environment, "{");
  EXPECT_EQ(plan().error().kind, ErrorKind::rejected);
  must(world.store.remove(environment));
  EXPECT_EQ(plan().error().kind, ErrorKind::invalid);
}

TEST_F(Gc, PurgeRemovesOnlyWhatIsOldEnough) {
  must(plan());
  a_month_later();
  apply();
  const WallTime now = UpkeepWorld::k_then + hours(24 * 31);
  EXPECT_EQ(must(purge(world.upkeep(), hours(48), now)).objects, 0U);
  EXPECT_EQ(must(purge(world.upkeep(), hours(12), now)).objects, 2U);
  EXPECT_TRUE(must(list_trash(world.upkeep())).empty());
}

TEST_F(Gc, APlanOfAnotherStoreOrACutOneIsRefused) {
  must(plan());
  const test::ScratchDir other;
  std::string text = must(read_file(world.file("plan"), 1 << 20));
  must(write_file(world.file("plan"), text.substr(0, text.rfind("{\"changes\""))));
  EXPECT_EQ(apply_plan(world.upkeep(), world.file("plan"), 7).error().kind, ErrorKind::invalid);
  text.replace(text.find("memory://test"), 13, "memory://prod");
  must(write_file(world.file("plan"), text));
  EXPECT_EQ(apply_plan(world.upkeep(), world.file("plan"), 7).error().kind, ErrorKind::invalid);
}

// What a repair of a broken store comes to, and what it left.
class Repair : public testing::Test {
 protected:
  RepairReport plan(const RepairOptions& options = {}) {
    lines.clear();
    return must(plan_repair(world.upkeep(), world.findings(), options, world.file("plan"),
                            [this](const std::string& line) { lines += line + "\n"; }));
  }
  ApplyReport repair(const RepairOptions& options = {}) {
    plan(options);
    return must(apply_plan(world.upkeep(), world.file("plan"), ++acts));
  }

  UpkeepWorld world;
  std::string lines;
  std::uint64_t acts = 0;
};

TEST_F(Repair, TheHashThatIsNamedStays) {
  const std::string other = world.add_package(k_a, "first");
  const std::string named = world.add_package(k_a, "named");
  world.add_environment({{k_a, named}});
  const auto before = world.store.objects();
  EXPECT_EQ(plan().planned.changes, 1U);
  EXPECT_EQ(world.store.objects(), before);
  repair();
  EXPECT_TRUE(world.has(named));
  EXPECT_FALSE(world.has(other));
  EXPECT_THAT(world.verify(), testing::IsEmpty());
}

TEST_F(Repair, OfUnnamedHashesTheOldestWholeOneStays) {
  const std::string broken = world.add_package(k_a, "broken");
  world.store.alter(broken, UpkeepWorld::archive("altered"));
  world.store.set_now(UpkeepWorld::k_then + hours(1));
  const std::string older = world.add_package(k_a, "older");
  world.store.set_now(UpkeepWorld::k_then + hours(2));
  const std::string newer = world.add_package(k_a, "newer");
  repair();
  EXPECT_TRUE(world.has(older));
  EXPECT_FALSE(world.has(newer) || world.has(broken));
}

TEST_F(Repair, HashesThatTwoDescriptionsNameAreLeftToAPerson) {
  world.add_environment({{k_a, world.add_package(k_a, "one")}});
  world.add_environment({{k_a, world.add_package(k_a, "two")}}, "osx-64");
  const RepairReport report = plan();
  EXPECT_EQ(report.planned.changes, 0U);
  EXPECT_EQ(report.left_to_people, 1U);
}

TEST_F(Repair, ABrokenObjectThatIsNamedGoesOnlyIfAskedFor) {
  const std::string key = world.add_package(k_a, "a");
  world.add_environment({{k_a, key}});
  world.store.alter(key, "cut");
  EXPECT_EQ(plan().planned.changes, 0U);
  EXPECT_THAT(lines, HasSubstr("--replace-broken"));
  EXPECT_EQ(repair({.replace_broken = true}).taken_away, 1U);
  EXPECT_FALSE(world.has(key));
}

TEST_F(Repair, AWholeArchiveInTheWrongPlaceMovesIntoItsSlotAndNoiseGoes) {
  const std::string bytes = UpkeepWorld::archive("content");
  const std::string folder = "packages/conda/host/ch/linux-64/a-1-0.conda/";
  world.put(folder + "a-1-0.conda", bytes);
  world.put(folder + "a-1-0.conda.sha256", "noise");
  const ApplyReport report = repair();
  EXPECT_EQ(report.moved, 1U);
  EXPECT_EQ(report.taken_away, 2U);
  EXPECT_EQ(must(read_object(world.store, world.key_of(k_a, bytes), 1000)), bytes);
  EXPECT_THAT(world.verify(), testing::IsEmpty());
  must(undo(world.upkeep(), report.id));
  EXPECT_TRUE(world.has(folder + "a-1-0.conda.sha256"));
}

TEST_F(Repair, WhileADescriptionCantBeReadNoPackageGoes) {
  const std::string key = world.add_package(k_a, "a");
  world.store.alter(key, "cut");
  const std::string environment =
      world.layout.environment_key("linux-64", std::string(40, '1'), std::string(40, '2'));
  world.put(environment, "{");
  EXPECT_EQ(repair().taken_away, 1U);
  EXPECT_FALSE(world.has(environment));
  EXPECT_TRUE(world.has(key));
  EXPECT_EQ(repair().taken_away, 1U);
  EXPECT_FALSE(world.has(key));
}

TEST_F(Repair, ForeignObjectsGoOnlyIfAskedForAndOnlyFromOurFolders) {
  world.put("README", "theirs");
  world.put("packages/conda/note", "theirs");
  world.put("envs/stray", "theirs");
  EXPECT_EQ(plan().planned.changes, 0U);
  EXPECT_EQ(repair({.take_foreign = true}).taken_away, 2U);
  EXPECT_TRUE(world.has("README"));
}

class Copy : public testing::Test {
 protected:
  CopyReport copy(Store& from, const CopyOptions& options = {}) {
    lines.clear();
    return must(copy_store(world.upkeep_on(from), target, options,
                           [this](const std::string& line) { lines += line + "\n"; }));
  }

  UpkeepWorld world;
  test::MemoryStore target;
  std::string lines;
};

TEST_F(Copy, EverythingReadersUseArrivesAndASecondTimeNothingIsRead) {
  world.add_environment({{k_a, world.add_package(k_a, "a")}, {k_b, world.add_package(k_b, "b")}});
  const auto expected = world.store.objects();
  world.put("README", "foreign");
  world.put(".athanor/claims/x", "ours");
  EXPECT_EQ(copy(world.store, {.dry_run = true}).packages_copied, 2U);
  EXPECT_TRUE(target.objects().empty());
  const CopyReport report = copy(world.store);
  EXPECT_TRUE(report.all_copied());
  EXPECT_EQ(report.skipped, 2U);
  EXPECT_EQ(target.objects(), expected);

  test::FaultyStore counting(world.store);
  const CopyReport again = copy(counting);
  EXPECT_EQ(again.packages_had, 2U);
  EXPECT_EQ(again.packages_copied + again.environments_copied + again.aliases_copied, 0U);
  EXPECT_LE(counting.calls(test::StoreCall::get), 3U);  // descriptions and the alias
}

TEST_F(Copy, BrokenObjectsAndTakenSlotsStayBehindWithWhatNeedsThem) {
  const std::string a = world.add_package(k_a, "a");
  const std::string b = world.add_package(k_b, "b");
  const std::string c = world.add_package(k_c, "c");
  world.add_environment({{k_a, a}});
  world.add_environment({{k_b, b}}, "osx-64");
  const std::string good = world.add_environment({{k_c, c}}, "osx-arm64");
  world.store.alter(a, UpkeepWorld::archive("altered"));
  const std::string theirs = world.key_of(k_b, "made elsewhere");
  must(target.put(theirs, ObjectSource::from_bytes("made elsewhere"), std::nullopt));
  const CopyReport report = copy(world.store);
  EXPECT_EQ(report.packages_failed, 2U);
  EXPECT_EQ(report.environments_failed, 2U);
  EXPECT_EQ(report.aliases_failed, 2U);
  EXPECT_TRUE(report.harmful);
  const auto objects = target.objects();
  EXPECT_TRUE(objects.contains(c) && objects.contains(good) && objects.contains(theirs));
  EXPECT_FALSE(objects.contains(a) || objects.contains(b));
}

TEST_F(Copy, GoesOnAfterAFailure) {
  for (int i = 0; i < 100; ++i) {
    world.add_package("https://host/ch/linux-64/p" + std::to_string(i) + "-1-0.conda",
                      std::to_string(i));
  }
  test::FaultyStore faulty(world.store);
  std::atomic<int> left{70};
  faulty.before([&](test::StoreCall call, std::string_view) -> Result<void> {
    return call != test::StoreCall::get || left-- > 0 ? Result<void>()
                                                      : make_error(ErrorKind::retry, "down");
  });
  EXPECT_FALSE(copy_store(world.upkeep_on(faulty), target, {}, [](const std::string&) {}));
  const std::size_t arrived = target.objects().size();
  EXPECT_GE(arrived, 64U);
  left = 1000;
  EXPECT_EQ(copy(faulty).packages_had, arrived);
  EXPECT_EQ(target.objects(), world.store.objects());
}

TEST_F(Copy, MutableAliasesMoveOnlyIfAskedFor) {
  const std::string a = world.add_package(k_a, "a");
  world.add_environment({{k_a, a}});
  const std::string key = must(world.layout.alias_key("team/etl"));
  const std::string alias =
      must(read_object(world.store,
                       must(world.store.list_folder("envs/aliases/full-id/")).empty()
                           ? std::string("none")
                           : "envs/aliases/full-id/" +
                                 must(world.store.list_folder("envs/aliases/full-id/"))[0].name,
                       1000))
          .value();
  world.put(key, alias);
  must(target.put(key, ObjectSource::from_bytes("[\"old\", \"old\"]"), std::nullopt));
  EXPECT_EQ(copy(world.store).aliases_failed, 1U);
  EXPECT_EQ(copy(world.store, {.update_aliases = true}).aliases_copied, 1U);
  EXPECT_EQ(must(read_object(target, key, 1000)), alias);
}

TEST(UpkeepOfADirectory, RepairsCollectsAndTakesBack) {
  UpkeepWorld world;
  const std::string a = world.add_package(k_a, "a");
  const std::string b = world.add_package(k_b, "b");
  world.add_environment({{k_a, a}});
  const test::ScratchDir directory;
  const auto store = must(open_store((directory / "store").string(), CreateStore::yes));
  const Upkeep upkeep = world.upkeep_on(*store);
  EXPECT_TRUE(must(copy_store(world.upkeep(), *store, {}, [](const std::string&) {})).all_copied());

  // A file stands where its slot's folder has to be.
  const std::string bytes = UpkeepWorld::archive("c");
  const auto folder = directory / "store/packages/conda/host/ch/noarch/c-1-0.conda";
  must(make_directories(folder, Durability::none));
  must(write_file(folder / "c-1-0.conda", bytes));
  const FindingSource findings = [&](const FindingSink& sink) -> Result<void> {
    ATHANOR_TRY(verify_store(upkeep, {}, sink));
    return {};
  };
  must(plan_repair(upkeep, findings, {}, world.file("plan"), [](const std::string&) {}));
  const ApplyReport repaired = must(apply_plan(upkeep, world.file("plan"), 1));
  EXPECT_EQ(repaired.moved, 1U);
  const std::string c = world.key_of(k_c, bytes);
  EXPECT_EQ(must(read_object(*store, c, 1000)), bytes);
  EXPECT_EQ(must(undo(upkeep, repaired.id)).conflicts.size(), 1U);  // its old place is a folder now

  const WallTime later = SystemClock().wall_now() + hours(1);
  must(plan_collection(upkeep, {}, {.now = later}, world.file("plan")));
  const ApplyReport applied = must(apply_plan(upkeep, world.file("plan"), 2));
  EXPECT_EQ(applied.taken_away, 2U);
  EXPECT_TRUE(must(store->list_folder("packages/conda/host/ch/noarch/")).empty());
  EXPECT_EQ(must(undo(upkeep, applied.id)).restored, 2U);
  EXPECT_EQ(must(read_object(*store, b, 1000)), UpkeepWorld::archive("b"));
  EXPECT_EQ(must(read_object(*store, c, 1000)), bytes);
}

}  // namespace
}  // namespace athanor::coordinator

#include "coordinator/doctor/machine.hpp"
#include "coordinator/doctor/origin_probe.hpp"
#include "coordinator/doctor/store_probe.hpp"
#include "shared/os/files.hpp"
#include "tests/support/imposter_origin.hpp"
#include "tests/support/results.hpp"
#include "tests/support/scratch_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>

namespace athanor::coordinator {
namespace {

using test::must;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const Finding* find(const Findings& findings, const std::string& area, const std::string& check) {
  for (const Finding& finding : findings.all()) {
    if (finding.area == area && finding.check == check) {
      return &finding;
    }
  }
  return nullptr;
}

Gravity gravity(const Findings& findings, const std::string& area, const std::string& check) {
  const Finding* finding = find(findings, area, check);
  EXPECT_NE(finding, nullptr) << area << "/" << check;
  return finding == nullptr ? Gravity::fail : finding->gravity;
}

TEST(FindingsTest, TheWorstIsRememberedAndErrorsBringTheirHint) {
  Findings findings;
  EXPECT_EQ(findings.worst(), Gravity::ok);
  findings.ok("a", "x", "fine");
  findings.warn("a", "y", "odd", "mend");
  EXPECT_EQ(findings.worst(), Gravity::warn);
  findings.fail("a", "z", make_error(ErrorKind::rejected, "no", "its own"), "otherwise");
  findings.fail("a", "w", make_error(ErrorKind::rejected, "no"), "otherwise");
  EXPECT_EQ(findings.worst(), Gravity::fail);
  EXPECT_EQ(findings.count(Gravity::fail), 2U);
  EXPECT_EQ(find(findings, "a", "z")->fix, "its own");
  EXPECT_EQ(find(findings, "a", "w")->fix, "otherwise");
}

TEST(JudgeAnswerTest, EachStatusSaysWhatToDo) {
  struct Row {
    int status;
    std::optional<ErrorKind> kind;
  };
  for (const Row& row : std::vector<Row>{{200, std::nullopt},
                                         {206, std::nullopt},
                                         {401, ErrorKind::rejected},
                                         {403, ErrorKind::rejected},
                                         {404, ErrorKind::not_found},
                                         {407, ErrorKind::rejected},
                                         {429, ErrorKind::retry},
                                         {503, ErrorKind::retry}}) {
    SCOPED_TRACE(row.status);
    const auto judged = judge_answer({.status = row.status}, "https://h/x");
    EXPECT_EQ(judged.ok(), !row.kind);
    if (row.kind) {
      EXPECT_EQ(judged.error().kind, *row.kind);
      EXPECT_THAT(judged.error().message, HasSubstr(std::to_string(row.status)));
    }
  }
}

class MachineTest : public testing::Test {
 protected:
  MachineTest() {
    place.environment = [this](std::string_view name) {
      const auto found = variables.find(std::string(name));
      return found == variables.end() ? std::nullopt : std::optional(found->second);
    };
    place.working_directory = scratch.path();
    place.proc = scratch.path();
    place.cgroup = scratch.path();
  }
  void write(const std::string& name, const std::string& text) {
    must(write_file(scratch.path() / name, text));
  }

  test::ScratchDir scratch;
  std::map<std::string, std::string> variables;
  MachinePlace place;
  config::Settings settings;
  Findings findings;
};

TEST_F(MachineTest, TheGroupsMemoryCountsIfItIsLessThanTheMachines) {
  must(settings.workers.assign_text("4", {config::Layer::flag, "--workers"}));
  write("meminfo", "MemTotal: 9 kB\nMemAvailable:   8388608 kB\n");
  look_at_limits(findings, settings, place);
  EXPECT_EQ(gravity(findings, "limits", "memory"), Gravity::ok);
  write("memory.max", "1073741824\n");
  write("memory.current", "805306368\n");
  Findings tight;
  look_at_limits(tight, settings, place);
  EXPECT_EQ(gravity(tight, "limits", "memory"), Gravity::warn);
  EXPECT_THAT(find(tight, "limits", "memory")->says, HasSubstr("256.0 MiB"));
  write("memory.max", "max\n");
  Findings unbounded;
  look_at_limits(unbounded, settings, place);
  EXPECT_EQ(gravity(unbounded, "limits", "memory"), Gravity::ok);
}

TEST_F(MachineTest, WithoutAnyHomeThereIsNoPlaceForTheJournal) {
  variables["TMPDIR"] = scratch.path().string();
  look_at_disks(findings, settings, place);
  EXPECT_EQ(gravity(findings, "disk", "state"), Gravity::fail);
  variables["HOME"] = (scratch.path() / "not/yet/there").string();
  Findings fine;
  look_at_disks(fine, settings, place);
  EXPECT_NE(gravity(fine, "disk", "state"), Gravity::fail);
  EXPECT_FALSE(std::filesystem::exists(scratch.path() / "not"));
}

TEST_F(MachineTest, ABundleWithoutCertificatesFailsAndAShortOneIsWarnedOf) {
  write("empty.pem", "nothing");
  look_at_network(findings, {.ca_bundle = scratch.path() / "empty.pem"});
  EXPECT_EQ(gravity(findings, "network", "certificates"), Gravity::fail);
  write("one.pem", "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n");
  Findings one;
  look_at_network(one, {.ca_bundle = scratch.path() / "one.pem"});
  EXPECT_EQ(gravity(one, "network", "certificates"), Gravity::ok);
  EXPECT_EQ(gravity(one, "network", "bundle-size"), Gravity::warn);
}

TEST_F(MachineTest, ProxiesAreShownWithoutTheirPasswords) {
  NetworkSettings network;
  network.proxies.proxies = {{"https", "http://ann:hush@proxy.example.com:3128"},
                             {"http", "ann:hush@proxy.example.com:3128"}};
  look_at_network(findings, network);
  for (const Finding& finding : findings.all()) {
    EXPECT_THAT(finding.says, Not(HasSubstr("hush")));
  }
}

// A bucket that does what an S3 does, or doesn't.
class FakeBucket {
 public:
  enum class Fault { none, refuses, read_only, overwrites, keeps };

  FakeBucket() {
    server_.on_any([this](const test::OriginRequest& request) { return answer(request); });
  }
  std::string url() const {
    return "s3://bucket/prefix?anonymous=true&region=x&addressing=path&endpoint=" + server_.url("");
  }
  std::map<std::string, std::string> objects() {
    const std::lock_guard lock(mutex_);
    return objects_;
  }
  Fault fault = Fault::none;

 private:
  test::OriginResponse answer(const test::OriginRequest& request) {
    const std::lock_guard lock(mutex_);
    if (fault == Fault::refuses) {
      return test::answer(403, "<Error><Code>AccessDenied</Code></Error>");
    }
    const std::string path = request.target.substr(0, request.target.find('?'));
    const bool list = request.target.find("list-type") != std::string::npos;
    if (list) {
      return test::answer(200,
                          "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>");
    }
    const auto found = objects_.find(path);
    if (request.method == "PUT" && fault == Fault::read_only) {
      return test::answer(403, "<Error><Code>AccessDenied</Code></Error>");
    }
    if (request.method == "PUT") {
      const bool only_new = request.headers.contains("if-none-match");
      const auto match = request.headers.find("if-match");
      const bool stale = match != request.headers.end() &&
                         (found == objects_.end() || match->second != tag(found->second));
      if (fault != Fault::overwrites && ((only_new && found != objects_.end()) || stale)) {
        return test::answer(412);
      }
      objects_[path] = request.body;
      return {.headers = {{"ETag", tag(request.body)}}};
    }
    if (request.method == "DELETE") {
      if (fault == Fault::keeps) {
        return test::answer(403, "<Error><Code>AccessDenied</Code></Error>");
      }
      objects_.erase(path);
      return test::answer(204);
    }
    if (found == objects_.end()) {
      return test::answer(404, "<Error><Code>NoSuchKey</Code></Error>");
    }
    auto file = test::good_file(request, found->second);
    file.headers["ETag"] = tag(found->second);
    return file;
  }
  static std::string tag(const std::string& body) {
    return "\"" + std::to_string(std::hash<std::string>()(body)) + "\"";
  }

  test::ImposterOrigin server_;
  std::mutex mutex_;
  std::map<std::string, std::string> objects_;
};

class StoreProbeTest : public testing::Test {
 protected:
  Findings look(const std::string& url) {
    Findings findings;
    Random random(1);
    look_at_store(findings, url, random, clock);
    return findings;
  }
  SystemClock clock;
  FakeBucket bucket;
};

TEST_F(StoreProbeTest, ADirectoryHasEveryRightAndNothingIsLeft) {
  const test::ScratchDir scratch;
  const Findings findings = look(scratch.path().string());
  EXPECT_EQ(findings.worst(), Gravity::ok);
  for (const char* check : {"list", "put", "get", "conditional-put", "replace", "remove"}) {
    EXPECT_EQ(gravity(findings, "store", check), Gravity::ok) << check;
  }
  for (const auto& entry : std::filesystem::recursive_directory_iterator(scratch.path())) {
    EXPECT_THAT(entry.path().string(), Not(HasSubstr("doctor/"))) << entry.path();
  }
}

TEST_F(StoreProbeTest, ABucketThatRefusesSaysWhichRightIsMissing) {
  bucket.fault = FakeBucket::Fault::refuses;
  const Findings closed = look(bucket.url());
  ASSERT_EQ(gravity(closed, "store", "open"), Gravity::fail);
  EXPECT_THAT(find(closed, "store", "open")->says, HasSubstr("AccessDenied"));
  bucket.fault = FakeBucket::Fault::read_only;
  const Findings unwritable = look(bucket.url());
  ASSERT_EQ(gravity(unwritable, "store", "put"), Gravity::fail);
  EXPECT_THAT(find(unwritable, "store", "put")->fix, Not(IsEmpty()));
  EXPECT_EQ(find(unwritable, "store", "get"), nullptr);
}

TEST_F(StoreProbeTest, AGatewayThatOverwritesIsFoundOut) {
  bucket.fault = FakeBucket::Fault::overwrites;
  const Findings findings = look(bucket.url());
  EXPECT_NE(gravity(findings, "store", "conditional-put"), Gravity::ok);
}

TEST_F(StoreProbeTest, WhatCannotBeRemovedIsTold) {
  bucket.fault = FakeBucket::Fault::keeps;
  const Findings findings = look(bucket.url());
  ASSERT_EQ(gravity(findings, "store", "remove"), Gravity::warn);
  EXPECT_THAT(find(findings, "store", "remove")->says, HasSubstr(".athanor/doctor/"));
}

TEST_F(StoreProbeTest, NoStoreAndAnUnknownKindAreFindings) {
  EXPECT_EQ(gravity(look(""), "store", "url"), Gravity::warn);
  EXPECT_EQ(gravity(look("ftp://host/x"), "store", "open"), Gravity::fail);
  EXPECT_EQ(gravity(look("/no/such/directory"), "store", "open"), Gravity::warn);
}

}  // namespace
}  // namespace athanor::coordinator

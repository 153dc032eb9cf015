#pragma once

#include "tests/support/results.hpp"
#include "worker/solve/package_index.hpp"

#include <string>
#include <vector>

namespace athanor::worker::solve::test {

struct Made {
  std::string name;
  std::string version;
  std::vector<std::string> depends{};
  std::string build = "0";
  std::vector<std::string> constrains{};
  std::uint64_t build_number = 0;
};

inline PackageRecord record(const Made& made, const std::string& extension = ".conda") {
  PackageRecord record;
  record.name = made.name;
  record.version = made.version;
  record.build = made.build;
  record.build_number = made.build_number;
  record.filename = made.name + "-" + made.version + "-" + made.build + extension;
  record.depends = made.depends;
  record.constrains = made.constrains;
  record.digest.md5 = md5_of(record.filename);
  record.digest.size = 7;
  return record;
}

inline PackageIndex index_of(const std::vector<Made>& records) {
  PackageIndexBuilder builder;
  builder.begin_repo({.channel = "https://repo.example/main", .subdir = "linux-64", .priority = 0});
  for (const Made& made : records) {
    builder.add(record(made));
  }
  return athanor::test::must(std::move(builder).build());
}

}  // namespace athanor::worker::solve::test

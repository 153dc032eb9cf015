#pragma once

#include "shared/base/result.hpp"
#include "worker/solve/package_index.hpp"
#include "worker/solve/repodata.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace athanor::worker::solve {

// Reads records of an index, a JSON object "file name → record" at a time. The only user of
// simdjson. Not thread-safe.
class RecordReader {
 public:
  RecordReader(PackageIndexBuilder& builder, RepodataReport& report);
  ~RecordReader();

  // `object` is padded by the call. corrupt: it is no JSON object.
  Result<void> read(std::string& object);

  // The texts of an array of strings, and a text within an object: for the few other things that an
  // index says. Empty if they aren't there.
  std::vector<std::string> read_list(std::string& array);
  std::string read_text(std::string& object, std::string_view key);
  std::uint64_t read_number(std::string& object, std::string_view key);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace athanor::worker::solve

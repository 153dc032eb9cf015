#include "shared/base/check.hpp"
#include "shared/conda/match_spec.hpp"
#include "shared/conda/package_record.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

// Any bytes as a MatchSpec: what can be read is spelled in a form that can be read again and that
// means the same; matching ends, whatever the globs and patterns are.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace athanor;
  if (size > 4096) {
    return 0;
  }
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Result<MatchSpec> spec = MatchSpec::parse(text);
  if (!spec) {
    ATHANOR_CHECK(spec.error().kind == ErrorKind::invalid);
    return 0;
  }
  PackageRecord record;
  record.name = spec->name_is_exact() ? spec->name() : "numpy";
  record.build = "py311h64a7726_0";
  record.subdir = "linux-64";
  record.channel = "https://conda.example/conda-forge";
  for (const char* const version : {"1.26.4", "2!1.0.dev3", "2023a", "not a version"}) {
    record.version = version;
    static_cast<void>(spec->matches(record));
  }
  static_cast<void>(spec->canonical());
  return 0;
}

#include "coordinator/specs/pylock.hpp"
#include "shared/base/check.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

// Any bytes as a pylock.toml: read, or refused with a message that names the file; every wheel that
// is chosen has a place to be fetched from.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace athanor;
  using namespace athanor::coordinator;
  InputText input{
      .name = "in", .text = std::string(reinterpret_cast<const char*>(data), size), .folder = {}};
  if (!check_text(input)) {
    return 0;
  }
  static_cast<void>(is_pylock(input.text));
  static_cast<void>(pylock_requirements(input));
  const auto wheels = read_pylock(
      input, {.platform = "linux-64", .python_version = "3.10.1", .glibc = "2.27", .macos = {}});
  ATHANOR_CHECK(wheels.ok() || wheels.error().kind != ErrorKind::bug);
  if (wheels) {
    for (const PackageReference& wheel : *wheels) {
      ATHANOR_CHECK(!wheel.source.text().empty());
    }
  }
  return 0;
}

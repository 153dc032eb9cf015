#include "coordinator/intake/formats.hpp"
#include "coordinator/intake/intake.hpp"
#include "coordinator/intake/manifest.hpp"
#include "shared/base/check.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

// Any bytes as an input and as a manifest: they are read or refused with a message that names the
// input; what is read is consistent with itself.
namespace {

using namespace athanor;
using namespace athanor::coordinator;

void check_request(const EnvironmentRequest& environment) {
  ATHANOR_CHECK(!environment.platform.empty());
  ATHANOR_CHECK(environment.position.file == "in");
  for (const PackageReference& package : environment.packages) {
    ATHANOR_CHECK(package.position.line > 0);
    ATHANOR_CHECK(!package.source.stem().empty());
    ATHANOR_CHECK(package.source.text().find("..//") == std::string::npos);
    ATHANOR_CHECK(package.source.text().compare(0, 7, "file://") != 0);
  }
}

void read_as_input(const std::string& text) {
  const auto result = read_input_text("in", text, {});
  if (!result) {
    ATHANOR_CHECK(result.error().kind != ErrorKind::bug);
    ATHANOR_CHECK(result.error().message.compare(0, 3, "in:") == 0);
    return;
  }
  for (const EnvironmentRequest& environment : result->environments) {
    check_request(environment);
  }
}

void read_as_manifest(const std::string& text) {
  const auto manifest = parse_manifest(InputText{.name = "in", .text = text, .folder = {}});
  if (manifest) {
    (void)(*manifest)->requirements(
        {.environment = "default", .platform = "linux-64", .platform_label = "linux-64"});
  } else {
    ATHANOR_CHECK(manifest.error().message.compare(0, 3, "in:") == 0);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  read_as_input(text);
  read_as_manifest(text);
  return 0;
}

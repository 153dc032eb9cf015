#include "shared/base/check.hpp"
#include "shared/json/json.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

// Any bytes as JSON: what is read is the same after being written in any of the three spellings.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace athanor;
  const auto document = parse_json(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!document) {
    ATHANOR_CHECK(document.error().kind != ErrorKind::bug);
    return 0;
  }
  for (const std::string& text :
       {dump_json(*document), dump_json_pretty(*document), python_dump(*document)}) {
    const auto again = parse_json(text);
    ATHANOR_CHECK(again.ok());
    ATHANOR_CHECK(*again == *document);
  }
  return 0;
}

#pragma once

#include <string>
#include <string_view>

namespace athanor::protocol::test {

// MessagePack as indented JSON, raw bytes as "bin:<hex>". Written from MessagePack's specification,
// without the library that the codec uses, so that golden files show what is really on the wire.
// Throws std::runtime_error for what a codec of ours never writes.
std::string wire_text(std::string_view body);

}  // namespace athanor::protocol::test

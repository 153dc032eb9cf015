#pragma once

#include "coordinator/intake/input_text.hpp"
#include "shared/base/result.hpp"
#include "shared/json/json.hpp"

namespace athanor::coordinator {

// A whole YAML document as a value whose parts remember their lines. Every scalar is a string,
// spelled as in the text ("1.10" stays that); nothing is null. Bounds and errors are YamlReader's.
Result<Json> read_yaml_document(const InputText& input);

}  // namespace athanor::coordinator

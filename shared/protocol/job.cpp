#include "shared/protocol/job.hpp"

#include "shared/protocol/wire_names.hpp"

namespace athanor {

std::string_view to_string(Stage stage) {
  return protocol::wire_name(stage);
}

std::string_view to_string(Provenance provenance) {
  return protocol::wire_name(provenance);
}

}  // namespace athanor

#include "shared/protocol/job.hpp"

#include "shared/protocol/pack.hpp"
#include "shared/protocol/wire_names.hpp"

#include <utility>

namespace athanor {

std::string_view to_string(Stage stage) {
  return protocol::wire_name(stage);
}

std::string_view to_string(Provenance provenance) {
  return protocol::wire_name(provenance);
}

std::string solve_identity(const SolveRequest& request) {
  SolveRequest anonymous = request;
  for (SolveChannel& channel : anonymous.channels) {
    channel.fetch_url.clear();
  }
  return std::string(k_solve_prefix) + sha256_of(protocol::pack(anonymous)).hex();
}

JobSpec make_solve_job(SolveRequest request) {
  JobSpec spec;
  spec.source_url = solve_identity(request);
  spec.fetch_url = spec.source_url;
  spec.solve = std::move(request);
  return spec;
}

std::string_view to_string(AttemptEnd end) {
  return protocol::wire_name(end);
}

}  // namespace athanor

#pragma once

#include "coordinator/cli/verb.hpp"
#include "coordinator/upkeep/verify.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace athanor::coordinator {

// How thoroughly a store is looked through: `store verify` and `store repair` ask alike.
class VerifyFlags {
 public:
  // --quick, --sample, --seed, --parallel, --state.
  void declare(cli::OptionTable& table);
  // invalid: a value makes no sense. Without --seed a sample is another one each day.
  Result<VerifyOptions> options(const VerbContext& context) const;

 private:
  bool quick_ = false;
  std::optional<std::string> sample_;
  std::optional<std::uint64_t> seed_;
  std::optional<std::uint64_t> parallel_;
  std::optional<std::string> state_;
};

}  // namespace athanor::coordinator

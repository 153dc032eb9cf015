#include "coordinator/cli/verify_options.hpp"

#include "coordinator/cli/store_access.hpp"
#include "shared/base/strings.hpp"

#include <chrono>
#include <cstdlib>

namespace athanor::coordinator {

void VerifyFlags::declare(cli::OptionTable& table) {
  table.heading("What is looked at");
  table.add({.name = "quick",
             .help = "Read no packages: only keys, descriptions and aliases are looked at."},
            quick_);
  table.add({.name = "sample",
             .value_name = "PERCENT",
             .help = "Read only so many of every hundred packages, such as 5 or 0.5."},
            sample_);
  table.add({.name = "seed",
             .value_name = "N",
             .help = "Chooses the sample; the same number chooses the same packages. Default: "
                     "today's."},
            seed_);
  table.add({.name = "parallel",
             .value_name = "N",
             .help = "Packages that are read at a time, 1 to 64. Default: 8."},
            parallel_);
  table.add({.name = "state",
             .value_name = "FILE",
             .help = "Note in FILE what is found and how far it came; if FILE is there, go on "
                     "from it."},
            state_);
}

Result<VerifyOptions> VerifyFlags::options(const VerbContext& context) const {
  VerifyOptions options;
  options.read_objects = !quick_;
  if (sample_) {
    std::string text = *sample_;
    if (text.ends_with('%')) {
      text.pop_back();
    }
    char* end = nullptr;
    options.sample_percent = std::strtod(text.c_str(), &end);
    const bool is_number = !text.empty() && *end == '\0';
    if (!is_number || !(options.sample_percent > 0) || options.sample_percent > 100) {
      return make_error(ErrorKind::invalid,
                        "--sample: '" + printable(*sample_, 64) + "' is not above 0 and up to 100");
    }
  }
  const auto days =
      std::chrono::duration_cast<std::chrono::hours>(context.clock.wall_now().time_since_epoch()) /
      24;
  options.seed = seed_.value_or(static_cast<std::uint64_t>(days.count()));
  constexpr std::uint64_t k_most = 64;
  const std::uint64_t parallel = parallel_.value_or(options.parallel_reads);
  if (parallel < 1 || parallel > k_most) {
    return make_error(ErrorKind::invalid, "--parallel must be 1 to 64");
  }
  options.parallel_reads = static_cast<unsigned>(parallel);
  if (state_) {
    options.state = typed_path(context, *state_);
  }
  return options;
}

}  // namespace athanor::coordinator

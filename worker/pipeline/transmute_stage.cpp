#include "shared/base/strings.hpp"
#include "worker/pipeline/stages.hpp"

#include <filesystem>

namespace athanor::worker {
namespace {

// A package grows by less than this between the formats; what it needs besides is streamed.
constexpr std::uint64_t k_growth = 2;

}  // namespace

Result<void> transmute_artifact(JobContext& context) {
  const std::optional<Format> format = context.to_make();
  if (!context.original || !format) {
    return {};
  }
  ATHANOR_TRY(context.scratch.reserve(context.original->digest.size * (1 + k_growth)));
  const std::optional<CpuTokens::Token> token =
      context.shop.cpu.acquire(context.progress, context.stop);
  if (!token) {
    return make_error(ErrorKind::canceled, "asked to stop");
  }
  const std::filesystem::path path = context.scratch.path() / context.filename(*format);
  const TransmuteOptions options{.zstd_level = context.settings().zstd_level,
                                 .threads = 0,
                                 .progress = &context.progress.bytes};
  Result<TransmuteReport> report = transmute(context.original->path, path, options, context.stop);
  if (!report) {
    return std::move(report).error();
  }
  if (report->source != context.original->digest) {
    return make_error(ErrorKind::retry, "the scratch copy of " + context.source.text() +
                                            " changed while it was transmuted");
  }
  context.made = Artifact{.path = path, .format = *format, .digest = report->result};
  ++context.result.transmuted;
  return {};
}

}  // namespace athanor::worker

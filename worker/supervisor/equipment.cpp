#include "worker/supervisor/equipment.hpp"

#include "shared/net/user_agent.hpp"
#include "shared/origin/origin_client.hpp"
#include "shared/store/observed_store.hpp"
#include "shared/store/open_store.hpp"
#include "worker/pipeline/make_pipeline.hpp"
#include "worker/supervisor/solve_runner.hpp"

#include <utility>

namespace athanor::worker {
namespace {

class EquippedPipeline final : public Pipeline {
 public:
  EquippedPipeline(std::unique_ptr<ObservedStore> store, std::unique_ptr<HttpClient> http,
                   Logger& log)
      : store_(std::move(store)),
        http_(std::move(http)),
        log_(log) {}
  // The last words of a worker, for who wants to know what the store was asked.
  ~EquippedPipeline() override {
    const StoreMetrics metrics = store_->metrics();
    for (std::size_t i = 0; i < metrics.size(); ++i) {
      const StoreOperationMetrics& m = metrics[i];
      if (m.calls > 0) {
        log_.info("asked of the store", {{"operation", to_string(static_cast<StoreOperation>(i))},
                                         {"calls", m.calls},
                                         {"failures", m.failures},
                                         {"bytes_in", m.bytes_in},
                                         {"bytes_out", m.bytes_out},
                                         {"p50_ms", m.quantile(0.5).count()},
                                         {"p99_ms", m.quantile(0.99).count()}});
      }
    }
  }
  EquippedPipeline(const EquippedPipeline&) = delete;
  EquippedPipeline& operator=(const EquippedPipeline&) = delete;

  void stand(const protocol::WorkSettings& settings, const Premises& premises) {
    pipeline_ = make_pipeline({.store = *store_,
                               .http = *http_,
                               .workspace = premises.workspace,
                               .clock = premises.clock,
                               .random = Random::from_entropy(),
                               .sleeper = real_sleeper(),
                               .settings = settings,
                               .cpu = premises.cpu});
    solver_ = make_solve_runner({.http = *http_,
                                 .clock = premises.clock,
                                 .settings = settings,
                                 .cache_directory = premises.cache_directory,
                                 .cpu = premises.cpu});
  }

  JobOutcome run(const JobSpec& spec, ProgressCell& progress, std::stop_token stop) override {
    switch (spec.kind()) {
      case JobKind::package:
        break;
      case JobKind::solve:
        return solver_->run(*spec.solve, progress, std::move(stop));
    }
    return pipeline_->run(spec, progress, std::move(stop));
  }

 private:
  std::unique_ptr<ObservedStore> store_;
  std::unique_ptr<HttpClient> http_;
  Logger& log_;
  std::unique_ptr<Pipeline> pipeline_;   // refers to store and client
  std::unique_ptr<SolveRunner> solver_;  // refers to the HTTP client
};

}  // namespace

Result<std::shared_ptr<Pipeline>> equip(const protocol::WorkSettings& settings,
                                        const Premises& premises) {
  // A store that the coordinator uses is there: one that isn't is a wrong mount, not a new store.
  ATHANOR_ASSIGN(std::unique_ptr<Store> store, open_store(settings.store_url, CreateStore::no));
  // The pipeline decides which file URLs are allowed: some are only the targets of origin maps.
  ATHANOR_ASSIGN(
      std::unique_ptr<HttpClient> http,
      make_origin_http_client(premises.access, {.file_urls = FileUrls::allow,
                                                .user_agent = user_agent(settings.contact)}));
  http = make_origin_client(std::move(http), {.clock = &premises.clock});
  auto pipeline = std::make_shared<EquippedPipeline>(
      std::make_unique<ObservedStore>(std::move(store), premises.clock), std::move(http),
      premises.log);
  pipeline->stand(settings, premises);
  return std::shared_ptr<Pipeline>(std::move(pipeline));
}

}  // namespace athanor::worker

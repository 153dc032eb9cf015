#pragma once

#include "coordinator/cli/verb.hpp"
#include "coordinator/client/session.hpp"
#include "shared/base/ids.hpp"
#include "shared/cli/exit_status.hpp"
#include "shared/config/settings.hpp"

#include <memory>

namespace athanor::coordinator {

// Watches a batch as `run` shows its own work, to its end, and concludes like it. Opened before any
// thread is started. Interrupted, the batch goes on: the person is told how to come back, and the
// status says that the wait was ended.
class BatchWatcher {
 public:
  static Result<std::unique_ptr<BatchWatcher>> open(VerbContext& context,
                                                    const config::Settings& settings);
  virtual ~BatchWatcher() = default;
  // Readable once the person has had enough.
  virtual int stop_fd() const = 0;
  virtual Result<cli::ExitStatus> watch(ClientSession& session, BatchId batch) = 0;
};

}  // namespace athanor::coordinator

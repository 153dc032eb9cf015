#pragma once

#include "shared/base/result.hpp"
#include "shared/protocol/messages.hpp"

namespace athanor::worker {

// What a session may ask for. Calls come from inside the session's own functions: an implementation
// must not call the session back before they have returned.
class Outbox {
 public:
  virtual ~Outbox() = default;

  // To the coordinator. What can't be sent now is dropped: the session repeats what matters.
  virtual void send(protocol::Message message) = 0;
  // Throw the connection away and make a new one.
  virtual void reconnect() = 0;
  // How jobs are to be done, before the first start() and whenever it changes.
  virtual void configure(const protocol::WorkSettings& settings) = 0;
  // Run the job; when it ends, Session::on_finished is called, whatever became of it.
  virtual void start(const LeaseKey& lease, const JobSpec& spec) = 0;
  // Ask a running job to stop; it still ends with on_finished.
  virtual void stop(const LeaseKey& lease) = 0;
};

}  // namespace athanor::worker

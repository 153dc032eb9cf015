#pragma once

#include "coordinator/core/events.hpp"
#include "coordinator/core/record.hpp"
#include "coordinator/fleet/worker_table.hpp"
#include "shared/base/ids.hpp"
#include "shared/protocol/messages.hpp"

namespace athanor::coordinator {

// What the reactor may ask for. Whoever implements it keeps the order, and does nothing else of a
// turn before the turn's records are durable.
class Outbox {
 public:
  virtual ~Outbox() = default;

  virtual void send(PeerId peer, protocol::Message message) = 0;
  // The connection is of no use any more; messages already sent still go out.
  virtual void close(PeerId peer) = 0;
  virtual void record(Record record) = 0;
  virtual void notify(RunEvent event) = 0;
  // Assemble and publish the environment; the answer comes as Reactor::on_environment_published.
  virtual void publish_environment(EnvironmentId environment) = 0;
};

}  // namespace athanor::coordinator

#pragma once

#include "shared/protocol/messages.hpp"
#include "worker/session/session.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace athanor::simulation {

class World;

// One machine that runs a worker: the real session, with jobs that only take time and leave objects
// in the simulated store. Its process may die and be started again, or be frozen.
class SimWorker final : private worker::Outbox {
 public:
  SimWorker(World& world, std::size_t index);

  void start_process();
  void kill_process();
  void freeze(Duration time);
  bool is_alive() const { return session_ != nullptr; }
  const std::string& name() const { return name_; }

  // What the network does to it. Connections are numbered by the world.
  void on_connected(std::uint64_t connection);
  void on_disconnected(std::uint64_t connection);
  void on_message(std::uint64_t connection, const protocol::Message& message);

 private:
  struct Running {
    JobSpec spec;
    bool hangs = false;
    bool stopped = false;
    std::uint64_t steps = 0;
  };

  void later(Duration delay, std::function<void()> what);
  TimePoint now() const;
  void tick();
  void forge();
  void half_done(const LeaseKey& lease);
  void done(const LeaseKey& lease);
  void publish(const Running& job, std::size_t format);
  void after_session();

  void send(protocol::Message message) override;
  void reconnect() override;
  void configure(const protocol::WorkSettings& settings) override;
  void start(const LeaseKey& lease, const JobSpec& spec) override;
  void stop(const LeaseKey& lease) override;

  World& world_;
  const std::size_t index_;
  std::uint64_t process_ = 0;  // grows with each start: what an earlier one planned is void
  std::string name_;
  std::unique_ptr<worker::Session> session_;
  std::uint64_t connection_ = 0;  // 0: none
  std::uint64_t session_number_ = 0;
  std::map<LeaseKey, Running> running_;
  Duration jumped_{};  // its clock against the world's
  TimePoint frozen_until_;
};

}  // namespace athanor::simulation

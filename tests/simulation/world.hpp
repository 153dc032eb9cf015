#pragma once

#include "coordinator/core/outbox.hpp"
#include "coordinator/core/reactor.hpp"
#include "shared/base/clock.hpp"
#include "shared/base/random.hpp"
#include "shared/protocol/messages.hpp"
#include "tests/simulation/sim_journal.hpp"
#include "tests/simulation/sim_worker.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace athanor::simulation {

// Environments of a batch as it is submitted, at most: those with a larger index came later.
inline constexpr std::uint32_t k_first_extension = 3;
// What one host bears.
inline constexpr double k_rate = 2;
inline constexpr double k_burst = 3;

// A known fault, to prove that the rules would notice.
enum class Canary {
  none,
  say_before_durable,  // messages leave before their turn is committed
  forget_grants,       // the journal doesn't keep that a job was granted
  ignore_drain,        // who is drained gets work all the same
  ignore_rate,         // an origin's rate is four times what it should be
  forget_extension,    // the journal doesn't keep what a batch grew by
};

struct WorldOptions {
  std::uint64_t seed = 0;
  Canary canary = Canary::none;
  bool tell = false;  // every event on stdout
};

struct Verdict {
  std::vector<std::string> problems;  // empty: all rules held and everything was done
  std::uint64_t events = 0;
  std::uint64_t fingerprint = 0;  // of everything that happened
};

// Everything outside of the reactor and the sessions, deterministic from one seed. How bad the
// faults are is drawn from the seed too: some worlds are calm, some are hell, and all are calm in
// the end, when everything must get done.
//
// The journal is written as the real one is: turns that pile up while one is being written share
// the next transaction, and nothing of a turn is said before it is durable, while the reactor goes
// on. A crash loses every turn that isn't.
class World final : private coordinator::Outbox {
 public:
  explicit World(WorldOptions options);
  ~World() override;

  Verdict run();

  // --- For the workers ---
  TimePoint now() const { return now_; }
  Random& random() { return random_; }
  TimePoint coordinator_now() const { return now_ + jumped_; }
  // A lease that was granted to another machine than this one.
  std::optional<LeaseKey> somebodys_lease(std::size_t worker);
  void partition(std::uint64_t connection);
  bool chance(double probability) { return faults_on_ && random_.unit() < probability; }
  Duration some(std::chrono::milliseconds low, std::chrono::milliseconds high);
  void after(Duration delay, std::function<void()> what);
  void tell(const std::string& what);
  void broken(const std::string& rule);
  // A new connection of this worker, made when the coordinator can be reached.
  void connect(std::size_t worker, std::uint64_t process);
  // The worker's end of it is gone.
  void drop_connection(std::uint64_t connection);
  void to_coordinator(std::uint64_t connection, const protocol::Message& message);
  void process_ended(const std::string& name);
  // An object is created in a slot of the store, unless there is one.
  void put_if_absent(const std::string& slot, const std::string& hash);
  bool is_current(std::size_t worker, std::uint64_t process) const;

  struct Faults {
    double loss = 0;
    double repeat = 0;
    double reorder = 0;
    double cut = 0;  // per worker tick
    double freeze = 0;
    double kill = 0;
    double hang = 0;
    double slow = 0;
    double fail = 0;
    double coordinator_crash = 0;  // per turn, at each of its writes
    double partition = 0;          // per worker tick
    double jump = 0;               // of a clock, per tick
    double forge = 0;              // per worker tick: a report about somebody else's lease
    bool poison = false;
  };
  const Faults& faults() const { return faults_; }

 private:
  struct Connection {
    std::size_t worker = 0;
    std::uint64_t process = 0;
    bool open = true;
    // Nothing passes before; it isn't lost, as TCP repeats it, but late.
    TimePoint to_coordinator_from;
    TimePoint to_worker_from;
  };
  // What was decided, and may be said once its records are durable.
  struct Turn {
    std::vector<coordinator::Record> records;
    std::vector<std::function<void()>> actions;
    std::function<void()> committed;
  };
  struct Event {
    TimePoint at;
    std::uint64_t order = 0;
    std::function<void()> what;
    friend bool operator<(const Event& a, const Event& b) {
      return a.at != b.at ? a.at > b.at : a.order > b.order;
    }
  };

  void draw_faults();
  void submit_some();
  coordinator::Submission draw_submission();
  void note_submitted(const coordinator::Submitted& submitted);
  void meddle();
  void meddle_with_workers();
  void meddle_with_batches();
  void start_coordinator();
  void crash_coordinator(const char* where);
  void turn(const std::function<void(coordinator::Reactor&)>& what);
  void commit_soon();
  void commit();
  bool perform(const std::vector<std::function<void()>>& actions);
  void forget_for_canary(std::vector<coordinator::Record>& records) const;
  void tick_coordinator();
  void check_rules();
  void check_said_is_durable();
  void deliver(std::uint64_t connection, protocol::Message message);
  void note_grant(coordinator::PeerId peer, const protocol::GrantedJob& job);
  void note_request(const std::string& source_url);
  void note_event(const coordinator::RunEvent& event);
  void finish_publishing(EnvironmentId environment, std::uint64_t epoch);
  bool is_done() const;

  // coordinator::Outbox
  void send(coordinator::PeerId peer, protocol::Message message) override;
  void close(coordinator::PeerId peer) override;
  void record(coordinator::Record record) override;
  void notify(coordinator::RunEvent event) override;
  void publish_environment(EnvironmentId environment) override;

  const WorldOptions options_;
  Random random_;
  Faults faults_;
  bool faults_on_ = true;
  TimePoint now_;
  std::uint64_t order_ = 0;
  std::priority_queue<Event> events_;
  Verdict verdict_;

  SimJournal journal_;
  std::unique_ptr<coordinator::Reactor> reactor_;  // null: the coordinator is dead
  std::uint64_t epoch_ = 0;
  Turn running_;              // the turn that is being decided
  std::deque<Turn> pending_;  // not durable yet
  bool commit_planned_ = false;
  Duration jumped_{};  // the coordinator's clock against the world's

  std::vector<std::unique_ptr<SimWorker>> workers_;
  std::vector<std::uint64_t> processes_;
  std::map<std::uint64_t, Connection> connections_;
  std::uint64_t next_connection_ = 1;

  std::map<std::string, std::string> store_;  // slot → hash
  std::uint64_t submissions_left_ = 0;
  std::set<std::pair<std::uint64_t, std::uint32_t>> granted_;  // (job, attempt), said
  std::map<JobId, std::uint64_t> asked_;                       // how often
  std::map<JobId, std::uint64_t> finished_;                    // how often it was said
  std::set<BatchId> submitted_;                                // said to the client
  std::map<BatchId, std::uint32_t> extended_;                  // said: environments a batch has
  std::set<BatchId> forgotten_;
  std::map<std::uint64_t, WorkerId> drained_;  // connections of workers that must get nothing
  std::deque<TimePoint> rated_;  // requests granted to the rated origin, of this epoch
  std::vector<std::pair<LeaseKey, std::size_t>> known_leases_;  // and whose; for forgeries
};

}  // namespace athanor::simulation

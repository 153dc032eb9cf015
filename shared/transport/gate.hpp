#pragma once

#include "shared/base/result.hpp"
#include "shared/os/fd.hpp"
#include "shared/transport/allow_list.hpp"

#include <zmq.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace athanor::transport {

// What happened at the gate, for a person: called on the gate's thread, at most about once a second
// for the same kind of news.
using GateNews = std::function<void(const std::string& text)>;

// Answers ZeroMQ's question who may come in (ZAP, RFC 27), for every encrypted endpoint of one
// context, on a thread of its own. The list's file is looked at once a second and whenever somebody
// knocks; a file that has become unreadable or wrong changes nothing but is told. Thread-safe.
class Gate {
 public:
  // Errors: AllowList::read's. The context outlives the gate.
  static Result<std::unique_ptr<Gate>> open(zmq::context_t& context, std::filesystem::path file,
                                            GateNews news);
  ~Gate();
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  bool admits(Role role, const std::string& key) const;
  std::string name_of(const std::string& key) const;
  // Grows whenever another list is in force: who came in before may not be allowed any more.
  std::uint64_t generation() const { return generation_.load(); }
  std::uint64_t admitted() const { return admitted_.load(); }
  std::uint64_t refused() const { return refused_.load(); }

 private:
  // What tells one state of the file from another.
  struct Stamp {
    std::int64_t seconds = 0;
    std::int64_t nanoseconds = 0;
    std::uint64_t size = 0;
    std::uint64_t inode = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };

  Gate(zmq::context_t& context, std::filesystem::path file, GateNews news, Fd stop);
  void run();
  void answer_one();
  bool decide(std::string_view domain, std::string_view mechanism, std::string_view key,
              std::string_view address);
  void read_again_if_changed();
  void tell_refusal(std::string text);
  std::optional<Stamp> stamp() const;

  const std::filesystem::path file_;
  const GateNews news_;
  zmq::socket_t socket_;  // the thread's, once it runs
  Fd stop_;               // eventfd

  mutable std::mutex mutex_;
  AllowList list_;
  std::atomic<std::uint64_t> generation_{1};
  std::atomic<std::uint64_t> admitted_{0};
  std::atomic<std::uint64_t> refused_{0};

  // The thread's only.
  std::optional<Stamp> read_at_;  // the file as it was read, or failed to be
  std::chrono::steady_clock::time_point quiet_until_{};
  std::uint64_t untold_ = 0;  // refusals since the last one that was told

  std::thread thread_;
};

}  // namespace athanor::transport

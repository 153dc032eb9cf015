#pragma once

#include "shared/base/result.hpp"

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

// What clients (submit, batch, worker, explain) and a coordinator say to each other: a family of
// messages of its own, on sockets of its own. CLIENTS.md is the specification. Plain values; the
// client codec alone knows their encoding.
//
// Whatever a client asks for has a number of the client's choice, `request`, which every answer
// repeats; so that one connection may have several questions open. Documents travel as bytes: the
// submission in the encoding of coordinator/document, answers as JSON text.
namespace athanor::protocol {

// client → coordinator -------------------------------------------------------------------------

// The first message of every connection.
struct ClientHello {
  std::uint32_t protocol_min = 0;
  std::uint32_t protocol_max = 0;
  std::string name;     // for people: "user@host/pid"
  std::string version;  // the program's
  std::vector<std::string> features;
};

// A submission document comes: so many bytes of it, and after them so many bytes of what must never
// be written down (URLs with credentials). Sent in Parts, as far as a Credit allows.
struct Submit {
  std::uint64_t request = 0;
  std::uint64_t document_bytes = 0;
  std::uint64_t secret_bytes = 0;
};

struct Part {
  std::uint64_t request = 0;
  std::uint64_t offset = 0;  // in document and secrets together
  std::string bytes;
};

enum class Question {
  status,   // the coordinator as a whole
  batches,  // all batches it knows
  batch,    // one of them, with its environments and failures
  workers,  // all workers that are there
  explain,  // a package or a job: why it is where it is
};

struct Ask {
  std::uint64_t request = 0;
  Question question = Question::status;
  std::string subject;  // a batch's number; a job's number, a URL or a part of one, a store key
};

enum class Order {
  cancel,  // a batch
  retry,   // a batch: its failed and quarantined packages are tried again
  drain,   // workers: finish or give back, then leave
  resume,  // workers: take what is granted again
};

struct Command {
  std::uint64_t request = 0;
  Order order = Order::cancel;
  std::string subject;  // a batch's number; a worker's number or name, or a glob of names
};

// Everything that happens to a batch from now on, until it is finished: Events, then an Answer.
struct Watch {
  std::uint64_t request = 0;
  std::uint64_t batch = 0;
};

struct Unwatch {
  std::uint64_t request = 0;
};

// coordinator → client -------------------------------------------------------------------------

struct ClientWelcome {
  std::uint32_t protocol = 0;
  std::uint64_t epoch = 0;
  std::string version;  // the coordinator's program
  std::vector<std::string> features;
};

// Nothing that this client says will be heard. `reason` is for a person.
struct Refused {
  std::string reason;
};

// Parts may be sent up to this offset.
struct Credit {
  std::uint64_t request = 0;
  std::uint64_t offset = 0;
};

// A piece of the answer, which is one JSON text; nothing comes after the last piece.
struct Answer {
  std::uint64_t request = 0;
  bool last = false;
  std::string bytes;
};

// The answer is that it can't be done.
struct Failure {
  std::uint64_t request = 0;
  ErrorKind kind = ErrorKind::bug;
  std::string message;
  std::string hint;
};

// What happened to a watched batch, each as one JSON text, in order. A client that reads too slowly
// misses some and then gets a "snapshot".
struct Events {
  std::uint64_t request = 0;
  std::vector<std::string> events;
};

using ClientMessage = std::variant<ClientHello, Submit, Part, Ask, Command, Watch, Unwatch,
                                   ClientWelcome, Refused, Credit, Answer, Failure, Events>;

}  // namespace athanor::protocol

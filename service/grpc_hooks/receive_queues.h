// File: receive_queues.h
//
// What waits in the connections' receive queues, and what to do when it waits for too long.
//
// Above what one core can serve, something has to be turned away, and to answer costs nearly as
// much as to serve: at five times the capacity all the core's time would not do for refusals. What
// is never read costs nothing. So where bytes have waited for longer than is reasonable, half of
// the connections are paused: they are not read, and the others have the core to themselves. When
// these get through all that waits there, it was a burst: the paused ones go on, and nobody has
// lost anything. Otherwise they end. Meanwhile calls that were begun there could still be answered;
// the callers learn about the rest while there is time for another try.
#ifndef EVALRUN_SERVICE_GRPC_HOOKS_RECEIVE_QUEUES_H_
#define EVALRUN_SERVICE_GRPC_HOOKS_RECEIVE_QUEUES_H_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include <absl/container/flat_hash_map.h>

namespace evalrun::grpc_hooks {

// A socket's number is used again when it is closed; the cookie is the kernel's, and is not.
struct ConnectionId {
  int socket = -1;
  std::uint64_t cookie = 0;
};

// For one thread, unless it says otherwise.
class ReceiveQueues {
 public:
  // Processor time of the thread that reads. That it has not run, because the machine stood still
  // or others had the core, is no sign of too many calls.
  using Time = std::chrono::nanoseconds;

  enum class ReadDecision {
    kRead,
    kPause,  // nothing is read in this turn; there has to be another one
    kClose,  // the connection ends
  };

  // `max_wait`: of a byte, before connections are paused. 0: for ever. `max_pause`: of a
  // connection, before it ends.
  explicit ReceiveQueues(Time max_wait, Time max_pause = std::chrono::milliseconds(250))
      : max_wait_(max_wait), max_pause_(max_pause) {}

  // The connection has its turn.
  [[nodiscard]] ReadDecision DecideRead(const ConnectionId& connection, Time now);

  // Its turn is over: so many bytes were read, and so many are left, at least 1. A turn after which
  // nothing is left need not be told of.
  void OnReadQuantumEnd(const ConnectionId& connection, std::size_t read, std::size_t left,
                        Time now);

  // Nothing is left to read.
  void OnEmpty(int socket) { queues_.erase(socket); }

  // True when no connection is known: none has anything left to read.
  [[nodiscard]] bool is_empty() const { return queues_.empty(); }

  // How many connections were ended. Thread-safe.
  [[nodiscard]] std::uint64_t ended() const { return ended_; }

 private:
  struct Queue {
    std::uint64_t cookie = 0;
    // Its last turn left something. Until it has its next one.
    bool has_unread_bytes = false;
    Time unread_since{0};  // when that was last known
    // How long a byte waits is measured with one at a time: the last that was there at
    // `mark_time`, behind so many others.
    std::size_t ahead = 0;
    Time mark_time{0};
    std::optional<Time> paused_since = std::nullopt;
  };

  struct Count {
    std::size_t paused = 0;
    std::size_t read = 0;
  };

  // Of the connections that have left something since then. Each that does has its turn in every
  // round: what was not heard of between two turns of another connection has gone.
  [[nodiscard]] Count CountSince(Time then) const;
  // Makes room: gRPC closes connections without reading to their end.
  void EraseStale(Time now);

  const Time max_wait_;
  const Time max_pause_;
  absl::flat_hash_map<int, Queue> queues_;  // by socket
  std::atomic<std::uint64_t> ended_{0};
};

}  // namespace evalrun::grpc_hooks

#endif  // EVALRUN_SERVICE_GRPC_HOOKS_RECEIVE_QUEUES_H_

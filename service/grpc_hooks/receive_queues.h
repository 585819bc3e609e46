// SPDX-License-Identifier: Apache-2.0
//
// File: receive_queues.h
//
// Which connections are read under overload, and which are closed.
//
// Above what one core can serve, something has to be rejected, and a response that rejects a call
// costs nearly as much as serving it: at five times the capacity the whole core would not do for
// rejections. What is never read costs nothing. So when bytes have waited in the kernel's receive
// queues for longer than `max_wait`, half of the connections are paused: they are not read, and the
// others have the core to themselves. When those get through all that waits there, it was a burst:
// the paused ones go on, and no call is lost. Otherwise the paused ones are closed after
// `max_pause`. Until then, calls that were started on them can still be answered; their callers
// learn about the rest while there is time for another attempt.
#ifndef EVALRUN_SERVICE_GRPC_HOOKS_RECEIVE_QUEUES_H_
#define EVALRUN_SERVICE_GRPC_HOOKS_RECEIVE_QUEUES_H_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include <absl/container/flat_hash_map.h>

namespace evalrun::grpc_hooks {

// A socket's number is used again after it is closed; the kernel's cookie is not.
struct ConnectionId {
  int socket = -1;
  std::uint64_t cookie = 0;
};

// Pure: the time is a parameter. For one thread, unless it says otherwise.
class ReceiveQueues {
 public:
  // Processor time of the thread that reads. Time in which it did not run, because the machine
  // stood still or other processes had the core, is no sign of too many calls.
  using Time = std::chrono::nanoseconds;

  // How many connections read in a round because it is their turn. Those with no more than a
  // quantum are read besides, when their bytes arrive.
  static constexpr std::size_t kTurnsPerRound = 16;

  enum class ReadDecision {
    kRead,
    kWait,  // read nothing before NextTurn() returns this connection
    kClose,
  };

  // `max_wait`: of a byte, before connections are paused; 0: unlimited. `max_pause`: of a
  // connection, before it is closed.
  explicit ReceiveQueues(Time max_wait, Time max_pause = std::chrono::milliseconds(250))
      : max_wait_(max_wait), max_pause_(max_pause) {}

  // The connection is readable, and its quantum in this round begins. Throws std::bad_alloc.
  [[nodiscard]] ReadDecision DecideRead(const ConnectionId& connection, Time now);

  // The connection that has waited longest for its turn; nullopt: none waits.
  [[nodiscard]] std::optional<ConnectionId> NextTurn();
  [[nodiscard]] bool has_turns() const { return !turns_.empty(); }

  // How much of a connection is read in a round: `max_bytes`, or less where more connections have
  // unread bytes than a round has turns: their turns then come sooner, and more of them wait for
  // one. At least a call, as one takes a hundred bytes or more.
  [[nodiscard]] std::size_t QuantumBytes(std::size_t max_bytes) const;

  // Its quantum is used up: `read` bytes were read, and `unread` are left, at least 1. It waits for
  // its turn. Not called when nothing is left. Throws std::bad_alloc.
  void OnReadQuantumEnd(const ConnectionId& connection, std::size_t read, std::size_t unread,
                        Time now);

  // Nothing is left to read.
  void OnEmpty(int socket) { queues_.erase(socket); }

  // True when no connection has anything left to read, as far as is known.
  [[nodiscard]] bool is_empty() const { return queues_.empty(); }

  // Connections that were closed. Thread-safe.
  [[nodiscard]] std::uint64_t ended() const { return ended_; }

 private:
  struct Queue {
    std::uint64_t cookie = 0;
    // Its last quantum left bytes unread, and no other quantum has begun since.
    bool has_unread_bytes = false;
    bool waits_for_turn = false;
    Time unread_since{0};  // when that was last known
    // Sampling: one byte is tracked, the last one queued at `mark_time`, with `bytes_before_mark`
    // ahead of it. Its waiting time is that of the connection.
    std::size_t bytes_before_mark = 0;
    Time mark_time{0};
    std::optional<Time> paused_since = std::nullopt;
  };

  struct Count {
    std::size_t paused = 0;
    std::size_t read = 0;
  };

  // Of the connections that have had unread bytes since `then`. Each that has gets a turn between
  // two turns of another one: without it, it has been closed.
  [[nodiscard]] Count CountSince(Time then) const;
  // gRPC closes connections without reading them to their end.
  void EraseStale(Time now);
  void Enqueue(const ConnectionId& connection, Queue* queue);

  const Time max_wait_;
  const Time max_pause_;
  absl::flat_hash_map<int, Queue> queues_;  // by socket
  std::deque<ConnectionId> turns_;          // may have connections that do not wait any more
  std::atomic<std::uint64_t> ended_{0};
};

}  // namespace evalrun::grpc_hooks

#endif  // EVALRUN_SERVICE_GRPC_HOOKS_RECEIVE_QUEUES_H_

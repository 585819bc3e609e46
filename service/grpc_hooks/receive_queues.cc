// SPDX-License-Identifier: Apache-2.0

#include "service/grpc_hooks/receive_queues.h"

#include <algorithm>
#include <utility>

namespace evalrun::grpc_hooks {
namespace {

// No turn takes that long to come.
constexpr ReceiveQueues::Time kStaleAfter = std::chrono::seconds(10);

constexpr std::size_t kMinQuantumBytes = 128;

}  // namespace

ReceiveQueues::ReadDecision ReceiveQueues::DecideRead(const ConnectionId& connection, Time now) {
  const auto found = queues_.find(connection.socket);
  if (found == queues_.end()) return ReadDecision::kRead;
  Queue& queue = found->second;
  if (queue.cookie != connection.cookie || !queue.has_unread_bytes) {
    queues_.erase(found);
    return ReadDecision::kRead;
  }
  if (queue.waits_for_turn) return ReadDecision::kWait;
  if (!queue.paused_since.has_value()) {
    queue.has_unread_bytes = false;
    return ReadDecision::kRead;
  }
  if (CountSince(std::exchange(queue.unread_since, now)).read == 0) {
    queues_.erase(found);  // its waiting time starts again
    return ReadDecision::kRead;
  }
  if (now - *queue.paused_since < max_pause_) {
    Enqueue(connection, &queue);
    return ReadDecision::kWait;
  }
  queues_.erase(found);
  ++ended_;
  return ReadDecision::kClose;
}

std::size_t ReceiveQueues::QuantumBytes(std::size_t max_bytes) const {
  if (queues_.size() <= kTurnsPerRound) return max_bytes;
  return std::max(max_bytes * kTurnsPerRound / queues_.size(),
                  std::min(kMinQuantumBytes, max_bytes));
}

void ReceiveQueues::OnReadQuantumEnd(const ConnectionId& connection, std::size_t read,
                                     std::size_t unread, Time now) {
  const auto [found, is_new] = queues_.try_emplace(connection.socket);
  Queue& queue = found->second;
  if (is_new) {
    queue = {.cookie = connection.cookie,
             .has_unread_bytes = true,
             .unread_since = now,
             .bytes_before_mark = unread,
             .mark_time = now};
    Enqueue(connection, &queue);
    EraseStale(now);
    return;
  }
  Enqueue(connection, &queue);
  queue.has_unread_bytes = true;
  const Time previous_round = std::exchange(queue.unread_since, now);
  const Time waited = now - queue.mark_time;
  if (queue.bytes_before_mark <= read) {
    queue.bytes_before_mark = unread;
    queue.mark_time = now;
  } else {
    queue.bytes_before_mark -= read;
  }
  if (max_wait_ == Time(0) || waited < max_wait_) return;
  // Half of the connections go on, so that the core has work and calls that were started get
  // responses.
  const Count count = CountSince(previous_round);
  if (count.paused < count.read) queue.paused_since = now;
}

std::optional<ConnectionId> ReceiveQueues::NextTurn() {
  while (!turns_.empty()) {
    const ConnectionId connection = turns_.front();
    turns_.pop_front();
    const auto found = queues_.find(connection.socket);
    if (found == queues_.end() || found->second.cookie != connection.cookie) continue;
    if (std::exchange(found->second.waits_for_turn, false)) return connection;
  }
  return std::nullopt;
}

void ReceiveQueues::Enqueue(const ConnectionId& connection, Queue* queue) {
  turns_.push_back(connection);
  queue->waits_for_turn = true;
}

ReceiveQueues::Count ReceiveQueues::CountSince(Time then) const {
  Count count;
  for (const auto& [socket, queue] : queues_) {
    if (!queue.has_unread_bytes || queue.unread_since < then) continue;
    ++(queue.paused_since.has_value() ? count.paused : count.read);
  }
  return count;
}

void ReceiveQueues::EraseStale(Time now) {
  absl::erase_if(queues_, [&](const auto& entry) {
    return !entry.second.waits_for_turn && now - entry.second.unread_since > kStaleAfter;
  });
}

}  // namespace evalrun::grpc_hooks

#include "service/grpc_hooks/receive_queues.h"

#include <utility>

namespace evalrun::grpc_hooks {
namespace {

// No round of turns takes that long.
constexpr ReceiveQueues::Time kGoneAfter = std::chrono::seconds(10);

}  // namespace

ReceiveQueues::Turn ReceiveQueues::OnTurn(const ConnectionId& connection, Time now) {
  const auto found = queues_.find(connection.socket);
  if (found == queues_.end()) return Turn::kRead;
  Queue& queue = found->second;
  if (queue.cookie != connection.cookie || !queue.has_rest) {
    queues_.erase(found);
    return Turn::kRead;
  }
  if (!queue.held_since.has_value()) {
    queue.has_rest = false;
    return Turn::kRead;
  }
  if (CountSince(std::exchange(queue.left_at, now)).read == 0) {
    queues_.erase(found);  // its wait counts anew
    return Turn::kRead;
  }
  if (now - *queue.held_since < longest_hold_) return Turn::kHold;
  queues_.erase(found);
  ++ended_;
  return Turn::kEnd;
}

void ReceiveQueues::OnTurnOver(const ConnectionId& connection, std::size_t read, std::size_t left,
                               Time now) {
  if (longest_wait_ == Time(0)) return;
  const auto [found, is_new] = queues_.try_emplace(connection.socket);
  Queue& queue = found->second;
  if (is_new) {
    queue = {.cookie = connection.cookie,
             .has_rest = true,
             .left_at = now,
             .ahead = left,
             .marked_at = now};
    ForgetGone(now);
    return;
  }
  queue.has_rest = true;
  const Time previous_turn = std::exchange(queue.left_at, now);
  const Time waited = now - queue.marked_at;
  if (queue.ahead <= read) {
    queue.ahead = left;
    queue.marked_at = now;
  } else {
    queue.ahead -= read;
  }
  if (waited < longest_wait_) return;
  // Half of them go on, so that the core has work, and the calls that were begun get answers.
  const Count count = CountSince(previous_turn);
  if (count.held < count.read) queue.held_since = now;
}

ReceiveQueues::Count ReceiveQueues::CountSince(Time then) const {
  Count count;
  for (const auto& [socket, queue] : queues_) {
    if (!queue.has_rest || queue.left_at < then) continue;
    ++(queue.held_since.has_value() ? count.held : count.read);
  }
  return count;
}

void ReceiveQueues::ForgetGone(Time now) {
  absl::erase_if(queues_,
                 [&](const auto& entry) { return now - entry.second.left_at > kGoneAfter; });
}

}  // namespace evalrun::grpc_hooks

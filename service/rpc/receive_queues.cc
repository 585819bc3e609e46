#include "service/rpc/receive_queues.h"

namespace evalrun::service {
namespace {

// One that has something left has its turn again and again; when it has had none for this long,
// gRPC has closed it.
constexpr ReceiveQueues::Time kGoneAfter = std::chrono::seconds(5);

}  // namespace

ReceiveQueues::Turn ReceiveQueues::OnTurn(const ConnectionId& connection, Time now) {
  const auto found = queues_.find(connection.socket);
  if (found == queues_.end()) return Turn::kRead;
  Queue& queue = found->second;
  if (queue.cookie != connection.cookie) {
    queues_.erase(found);
    return Turn::kRead;
  }
  if (!queue.held_since.has_value()) return Turn::kRead;
  if (CountQueues(now).read == 0) {
    queue.held_since.reset();
    queue.ahead = 0;  // its wait counts from here on
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
  Queue& queue = queues_[connection.socket];
  queue.cookie = connection.cookie;
  queue.last_turn = now;
  if (queue.ahead <= read) {
    queue.ahead = left;
    queue.marked_at = now;
    return;
  }
  queue.ahead -= read;
  if (now - queue.marked_at < longest_wait_) return;
  // Half of them go on, so that the core has work, and the calls that were begun get answers.
  const Count count = CountQueues(now);
  if (count.held < count.read) queue.held_since = now;
}

ReceiveQueues::Count ReceiveQueues::CountQueues(Time now) const {
  Count count;
  for (const auto& [socket, queue] : queues_) {
    if (now - queue.last_turn > kGoneAfter) continue;
    ++(queue.held_since.has_value() ? count.held : count.read);
  }
  return count;
}

}  // namespace evalrun::service

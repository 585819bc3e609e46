// SPDX-License-Identifier: Apache-2.0

#include "service/grpc_adapter/call_accounting.h"

#include <algorithm>
#include <utility>

#include "service/grpc_adapter/byte_budget.h"

namespace evalrun::grpc_adapter {
namespace {

using std::chrono::milliseconds;

// Clients may send this many calls before they have read SETTINGS, and some do.
constexpr std::size_t kCallsBeforeSettings = 100;

// A call that is cancelled this soon was sent to be cancelled: no caller has a deadline that short
// and expects a response. A connection that mostly has such calls is closed.
constexpr milliseconds kEarly{20};
constexpr std::uint64_t kMaxEarlyResets = 200;
constexpr std::uint64_t kMaxEarlyResetPercent = 80;

// Of all connections. With these, calls are cancelled before their time is up, though not while
// responses of one iteration of the loop are on their way.
constexpr std::size_t kMaxWaiting = 1000;
constexpr milliseconds kMinWait{100};

}  // namespace

CallAccounting::~CallAccounting() {
  if (timer_.has_value()) timers_.Cancel(*timer_);
}

void CallAccounting::OnArrived(Call* call, grpc::ServerContext* context, std::string_view peer) {
  const Clock::time_point now = Clock::now();
  call->context_ = context;
  call->arrived_at_ = now;
  call->misses_message_ = true;
  call->connection_ = connections_.Find(peer);
  Wait(call, &for_message_, now);
  if (call->connection_ == nullptr) return;
  Connection& connection = *call->connection_;
  ++connection.calls_arrived;
  ++connection.messages_missing;
  if (++connection.calls_open > options_.max_concurrent_streams + kCallsBeforeSettings) {
    Close(&connection, ConnectionEnd::kTooManyCalls);
  }
  // gRPC will learn that the connection has ended when it reads it next: these calls are
  // freed now.
  if (connection.is_closing) Cancel(call);
}

void CallAccounting::OnMessage(Call* call, std::size_t bytes) {
  StopWaiting(call);
  const bool is_first = std::exchange(call->misses_message_, false);
  if (call->connection_ == nullptr) return;
  Connection& connection = *call->connection_;
  if (is_first) --connection.messages_missing;
  connection.AddCredit(CallCredit(bytes, connection.messages_missing));
}

void CallAccounting::OnResponse(Call* call) { Wait(call, &for_response_, Clock::now()); }

void CallAccounting::OnFinished(Call* call, bool cancelled) {
  StopWaiting(call);
  call->context_ = nullptr;
  const std::shared_ptr<Connection> connection = std::move(call->connection_);
  if (connection == nullptr) return;
  --connection->calls_open;
  if (call->misses_message_) {
    connection->AddCredit(CallCredit(/*message_bytes=*/0, connection->messages_missing));
    --connection->messages_missing;
  }
  if (!cancelled || Clock::now() - call->arrived_at_ > kEarly) return;
  ++connection->calls_reset_early;
  if (connection->calls_reset_early > kMaxEarlyResets &&
      connection->calls_reset_early * 100 > connection->calls_arrived * kMaxEarlyResetPercent) {
    Close(connection.get(), ConnectionEnd::kEarlyResets);
  }
}

void CallAccounting::Wait(Call* call, std::list<Call*>* list, Clock::time_point now) {
  StopWaiting(call);
  call->waits_since_ = now;
  call->waits_in_ = list;
  list->splice(list->end(), call->node_);
  CancelLongest(list, now - kMinWait, kMaxWaiting);
  if (!timer_.has_value()) timer_ = timers_.Add(now + options_.client_timeout, this);
}

void CallAccounting::StopWaiting(Call* call) {
  if (call->waits_in_ == nullptr) return;
  call->node_.splice(call->node_.begin(), *call->waits_in_, call->position_);
  call->waits_in_ = nullptr;
}

void CallAccounting::CancelLongest(std::list<Call*>* list, Clock::time_point since,
                                   std::size_t max_left) {
  while (list->size() > max_left && list->front()->waits_since_ <= since) {
    Cancel(list->front());
    timed_out_.fetch_add(1, std::memory_order_relaxed);
  }
}

void CallAccounting::Cancel(Call* call) {
  StopWaiting(call);
  call->context_->TryCancel();
}

void CallAccounting::OnTimer() {
  timer_.reset();
  const Clock::time_point now = Clock::now();
  std::optional<Clock::time_point> next;
  for (std::list<Call*>* list : {&for_message_, &for_response_}) {
    CancelLongest(list, now - options_.client_timeout, /*max_left=*/0);
    if (list->empty()) continue;
    const Clock::time_point due = list->front()->waits_since_ + options_.client_timeout;
    next = std::min(next.value_or(due), due);
  }
  if (next.has_value()) timer_ = timers_.Add(*next, this);
}

void CallAccounting::Close(Connection* connection, ConnectionEnd end) {
  if (connection->is_closing) return;
  connection->is_closing = true;
  if (connection->socket().Abort()) reporter_.Report(end, connection->name().uri);
  for (auto next = for_message_.begin(); next != for_message_.end();) {
    Call* call = *next++;
    if (call->connection_.get() == connection) Cancel(call);
  }
}

}  // namespace evalrun::grpc_adapter

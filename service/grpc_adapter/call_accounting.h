// SPDX-License-Identifier: Apache-2.0
//
// File: call_accounting.h
//
// What calls cost their connection, and how long they may wait for their client: for its message,
// or for it to accept the response. gRPC 1.51 bounds neither: a call without a message, or with a
// response that is not read, is kept for as long as its connection; and a client that never
// acknowledges SETTINGS may have any number of calls.
#ifndef EVALRUN_SERVICE_GRPC_ADAPTER_CALL_ACCOUNTING_H_
#define EVALRUN_SERVICE_GRPC_ADAPTER_CALL_ACCOUNTING_H_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string_view>

#include <grpcpp/server_context.h>

#include "service/event_loop/timer_queue.h"
#include "service/grpc_adapter/connection.h"
#include "service/grpc_adapter/connection_reporter.h"
#include "service/grpc_adapter/connection_table.h"

namespace evalrun::grpc_adapter {

// Belongs to the event loop, unless a function says that it is thread-safe.
class CallAccounting final : private event_loop::TimerObserver {
 public:
  using Clock = std::chrono::steady_clock;

  struct Options {
    // Of a connection. gRPC tells clients, and holds those to it that acknowledge it.
    std::size_t max_concurrent_streams;
    std::chrono::milliseconds client_timeout;
  };

  // One call's part. Used for one call after another.
  class Call {
   public:
    Call() = default;
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

   private:
    friend class CallAccounting;
    std::shared_ptr<Connection> connection_;  // nullptr: not known
    grpc::ServerContext* context_ = nullptr;
    bool misses_message_ = false;
    Clock::time_point arrived_at_;
    Clock::time_point waits_since_;
    std::list<Call*>* waits_in_ = nullptr;
    std::list<Call*> node_{this};  // or in *waits_in_
    std::list<Call*>::iterator position_ = node_.begin();
  };

  // All of them outlive this object.
  CallAccounting(const Options& options, const ConnectionTable* connections,
                 ConnectionReporter* reporter, event_loop::TimerQueue* timers)
      : options_(options), connections_(*connections), reporter_(*reporter), timers_(*timers) {}
  ~CallAccounting();
  CallAccounting(const CallAccounting&) = delete;
  CallAccounting& operator=(const CallAccounting&) = delete;

  // The headers of a call have arrived. `context` is that of the call, until OnFinished(), and
  // `peer` its peer.
  void OnArrived(Call* call, grpc::ServerContext* context, std::string_view peer);
  // A message of it has arrived.
  void OnMessage(Call* call, std::size_t bytes);
  // Its response, or a part of it, has been given to gRPC; and the client has accepted it.
  void OnResponse(Call* call);
  void OnResponseAccepted(Call* call) { StopWaiting(call); }
  // gRPC is done with it. `cancelled`: it has ended without a response.
  void OnFinished(Call* call, bool cancelled);

  // Calls that were cancelled because they waited too long for their client. Thread-safe.
  [[nodiscard]] std::uint64_t timed_out() const {
    return timed_out_.load(std::memory_order_relaxed);
  }

 private:
  void OnTimer() override;

  void Wait(Call* call, std::list<Call*>* list, Clock::time_point now);
  void StopWaiting(Call* call);
  void Cancel(Call* call);
  // Cancels what has waited since before `since`, in the order of arrival, until no more than
  // `max_left` are left.
  void CancelLongest(std::list<Call*>* list, Clock::time_point since, std::size_t max_left);
  void Close(Connection* connection, ConnectionEnd end);

  const Options options_;
  const ConnectionTable& connections_;
  ConnectionReporter& reporter_;
  event_loop::TimerQueue& timers_;
  std::list<Call*> for_message_;   // those that have waited longest first
  std::list<Call*> for_response_;  // likewise
  std::optional<event_loop::TimerQueue::Timer> timer_;
  std::atomic<std::uint64_t> timed_out_{0};
};

}  // namespace evalrun::grpc_adapter

#endif  // EVALRUN_SERVICE_GRPC_ADAPTER_CALL_ACCOUNTING_H_

// SPDX-License-Identifier: Apache-2.0
//
// File: intent_writer.h
//
// Writes the intents of calls to the audit file, and tells the calls on their own thread.
#ifndef EVALRUN_SERVICE_INTENT_WRITER_H_
#define EVALRUN_SERVICE_INTENT_WRITER_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "service/handler/intent_log.h"
#include "service/observability/audit_log.h"
#include "service/observability/call_record.h"
#include "service/observability/line_sink.h"

namespace evalrun::service {

// Belongs to the thread of the calls.
class IntentWriter final : public handler::IntentLog {
 public:
  // `audit_log` outlives it, and writes to a file.
  explicit IntentWriter(observability::AuditLog* audit_log) : audit_log_(*audit_log) {}

  // Before the first Write(). `post` runs a task on the thread of the calls, and is called on the
  // writer's thread.
  void Connect(std::function<void(std::function<void()>)> post) {
    audit_log_.OnIntents(
        [this, post = std::move(post)](const std::vector<observability::LineReceipt>& receipts) {
          post([this, receipts] { OnReceipts(receipts); });
        });
  }

  void Write(const observability::CallRecord& record, std::chrono::system_clock::time_point now,
             handler::IntentWaiter* waiter) override {
    const std::uint64_t id = ++last_id_;
    waiters_.emplace(id, waiter);
    ids_.emplace(waiter, id);
    audit_log_.WriteIntent(record, now, id);
  }

  void Leave(handler::IntentWaiter* waiter) override {
    const auto found = ids_.find(waiter);
    if (found == ids_.end()) return;
    waiters_.erase(found->second);
    ids_.erase(found);
  }

 private:
  void OnReceipts(const std::vector<observability::LineReceipt>& receipts) {
    for (const observability::LineReceipt& receipt : receipts) {
      const auto found = waiters_.find(receipt.id);
      if (found == waiters_.end()) continue;  // it has left
      handler::IntentWaiter* const waiter = found->second;
      Leave(waiter);
      waiter->OnIntentWritten(receipt.written);
    }
  }

  observability::AuditLog& audit_log_;
  std::uint64_t last_id_ = 0;
  absl::flat_hash_map<std::uint64_t, handler::IntentWaiter*> waiters_;
  absl::flat_hash_map<handler::IntentWaiter*, std::uint64_t> ids_;
};

}  // namespace evalrun::service

#endif  // EVALRUN_SERVICE_INTENT_WRITER_H_

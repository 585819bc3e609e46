// SPDX-License-Identifier: Apache-2.0

#include "service/ratelimit/lease_thread.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <utility>

namespace evalrun::ratelimit {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Requests in one pipeline.
constexpr std::size_t kMaxBatchSize = 128;
// How often the store is checked when there are no requests.
constexpr seconds kPollInterval(1);
// The delay before the next attempt after a failure, doubled each time. It is reset once the store
// has been up for kBackoffResetAfter.
constexpr milliseconds kInitialBackoff(100);
constexpr milliseconds kMaxBackoff(2000);
constexpr seconds kBackoffResetAfter(5);
constexpr seconds kEndTimeout(1);

}  // namespace

LeaseThread::LeaseThread(LeaseMailbox* mailbox, SharedStore* store,
                         std::function<void(const absl::Status& state)> on_change,
                         std::chrono::milliseconds min_error_interval)
    : mailbox_(*mailbox),
      store_(*store),
      on_change_(std::move(on_change)),
      min_error_interval_(min_error_interval),
      backoff_(kInitialBackoff),
      thread_([this] { Run(); }) {}

LeaseThread::~LeaseThread() {
  if (!Close()) thread_.join();
}

bool LeaseThread::Close() {
  if (!thread_.joinable()) return true;
  stopping_ = true;
  mailbox_.Notify();
  if (!ended_.try_acquire_for(kEndTimeout)) return false;
  thread_.join();
  return true;
}

void LeaseThread::Run() {
  while (!stopping_) {
    ProcessBatch();
    if (mailbox_.requests.Front() == nullptr) mailbox_.WaitForNotification(kPollInterval);
  }
  ended_.release();
}

void LeaseThread::ProcessBatch() {
  std::array<const LeaseRequest*, kMaxBatchSize> requests{};
  std::array<std::uint32_t, kMaxBatchSize> granted{};
  std::size_t count = 0;
  while (count < kMaxBatchSize && (requests[count] = mailbox_.requests.Peek(count)) != nullptr)
    ++count;

  if (is_up_ != false || Clock::now() >= next_attempt_at_) {
    const absl::Status status =
        store_.Acquire(std::span(requests).first(count), std::span(granted).first(count));
    if (!status.ok()) granted.fill(0);
    OnStoreStatus(status);
  }
  for (std::size_t i = 0; i < count; ++i) {
    LeaseResponse* response = mailbox_.responses.FreeSlot();
    // The event loop reads the responses with its next call.
    while (response == nullptr && !stopping_) {
      std::this_thread::sleep_for(milliseconds(1));
      response = mailbox_.responses.FreeSlot();
    }
    if (response == nullptr) return;
    *response = {.index = requests[i]->index,
                 .hash = requests[i]->hash,
                 .lease_time = requests[i]->lease_time,
                 .granted = granted[i]};
    mailbox_.responses.Push();
    mailbox_.requests.Pop();
  }
}

void LeaseThread::OnStoreStatus(const absl::Status& status) {
  const Clock::time_point now = Clock::now();
  if (status.ok()) {
    if (is_up_ != true) up_since_ = now;
    if (now - up_since_ >= kBackoffResetAfter) backoff_ = kInitialBackoff;
  } else {
    next_attempt_at_ = now + backoff_;
    backoff_ = std::min(2 * backoff_, kMaxBackoff);
  }
  const bool is_another_error =
      !status.ok() && status != reported_ && now - reported_at_ >= min_error_interval_;
  if (is_up_ == status.ok() && !is_another_error) return;
  is_up_ = status.ok();
  reported_ = status;
  reported_at_ = now;
  on_change_(status);
}

}  // namespace evalrun::ratelimit

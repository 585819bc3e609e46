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

// Requests that are sent together.
constexpr std::size_t kBatch = 128;
// How often the store is looked at when nobody asks it for anything.
constexpr seconds kLookEvery(1);
// The next try after a failure; doubled, until the store has been up for a while.
constexpr milliseconds kFirstBackoff(100);
constexpr milliseconds kLongestBackoff(2000);
constexpr seconds kSettled(5);

}  // namespace

LeaseThread::LeaseThread(LeaseDesk* desk, SharedStore* store,
                         std::function<void(const absl::Status& state)> on_change)
    : desk_(*desk),
      store_(*store),
      on_change_(std::move(on_change)),
      backoff_(kFirstBackoff),
      thread_([this] { Run(); }) {}

LeaseThread::~LeaseThread() {
  stopping_ = true;
  desk_.Ring();
  thread_.join();
}

void LeaseThread::Run() {
  while (!stopping_) {
    Ask();
    if (desk_.requests.Front() == nullptr) desk_.WaitForRing(kLookEvery);
  }
}

void LeaseThread::Ask() {
  std::array<const LeaseRequest*, kBatch> requests{};
  std::array<std::uint32_t, kBatch> granted{};
  std::size_t count = 0;
  while (count < kBatch && (requests[count] = desk_.requests.Peek(count)) != nullptr) ++count;

  if (is_up_ != false || Clock::now() >= try_at_) {
    const absl::Status status =
        store_.Take(std::span(requests).first(count), std::span(granted).first(count));
    if (!status.ok()) granted.fill(0);
    OnAsked(status);
  }
  for (std::size_t i = 0; i < count; ++i) {
    LeaseAnswer* answer = desk_.answers.FreeSlot();
    // They are taken with the next call.
    while (answer == nullptr && !stopping_) {
      std::this_thread::sleep_for(milliseconds(1));
      answer = desk_.answers.FreeSlot();
    }
    if (answer == nullptr) return;
    *answer = {.index = requests[i]->index,
               .hash = requests[i]->hash,
               .lease_time = requests[i]->lease_time,
               .granted = granted[i]};
    desk_.answers.Push();
    desk_.requests.Pop();
  }
}

void LeaseThread::OnAsked(const absl::Status& status) {
  const Clock::time_point now = Clock::now();
  if (status.ok()) {
    if (is_up_ != true) up_since_ = now;
    if (now - up_since_ >= kSettled) backoff_ = kFirstBackoff;
  } else {
    try_at_ = now + backoff_;
    backoff_ = std::min(2 * backoff_, kLongestBackoff);
  }
  if (is_up_ == status.ok()) return;
  is_up_ = status.ok();
  on_change_(status);
}

}  // namespace evalrun::ratelimit

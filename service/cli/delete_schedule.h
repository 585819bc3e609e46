// SPDX-License-Identifier: Apache-2.0
//
// File: delete_schedule.h
//
// Decides which of many deletions to send next, and when: bounds concurrency, waits as the gateway
// asks, and limits the attempts for each id. A pure state machine: time and randomness are
// arguments. Not thread-safe.
//
//   for (;;) {
//     const DeleteSchedule::Step step = schedule.Next(now);
//     ... send step.index, or wait until step.until or for a response, or end ...
//     on a response: schedule.OnResponse(index, response, now, random);
//   }
#ifndef EVALRUN_SERVICE_CLI_DELETE_SCHEDULE_H_
#define EVALRUN_SERVICE_CLI_DELETE_SCHEDULE_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <queue>
#include <utility>
#include <vector>

#include "service/cli/delete_result.h"

namespace evalrun::cli {

struct SchedulePolicy {
  int concurrency = 16;        // maximum number of calls in flight; positive
  int max_attempts = 10;       // maximum number of calls for one id; positive
  bool retry_rejected = true;  // after a rejection, wait as asked and retry
  bool retry_unknown = false;  // retry with allow_missing until the outcome is known
  std::chrono::milliseconds max_wait{300'000};  // stop when asked to wait longer
};

// What a response means for the schedule.
struct AttemptSummary {
  enum class Kind {
    kGone,
    kRejected,  // too many requests, or not ready: certainly nothing was done, and a retry may
                // succeed
    kFailed,    // certainly not deleted
    kFatal,     // every other id would fail the same way; an earlier attempt may have deleted it
    kUnknown,
  };
  Kind kind = Kind::kUnknown;
  bool possibly_deleted = true;  // the call may have deleted the run
  std::optional<std::chrono::milliseconds> retry_after = std::nullopt;
};
[[nodiscard]] AttemptSummary SummarizeAttempt(const DeleteResult& report);

// Why no new calls are made although ids are left.
enum class StopReason {
  kNone,
  kInterrupted,        // by a signal
  kOutputClosed,       // the results cannot be written, or cannot be recorded
  kNoConnection,       // the gateway cannot be reached
  kFatal,              // AttemptSummary::Kind::kFatal
  kRetryAfterTooLong,  // asked to wait longer than max_wait
  kAlwaysRejected,     // max_attempts pauses in a row, with only rejections in between
};

class DeleteSchedule {
 public:
  using Time = std::chrono::steady_clock::time_point;

  enum class State : std::uint8_t {
    kPending,  // to be sent or retried
    kInFlight,
    kGone,
    kFailed,
    kUnknown,  // this or an earlier call may have deleted the run
  };

  struct Step {
    enum class Kind { kSend, kWait, kEnd };
    Kind kind = Kind::kEnd;
    std::size_t index = 0;       // for kSend: the id, now in flight
    bool allow_missing = false;  // for kSend: an earlier call may have deleted the run
    std::optional<Time> until;   // for kWait: nullopt: until there is a response
  };

  // For the ids 0 to `count` - 1, none of which has been sent.
  DeleteSchedule(const SchedulePolicy& policy, std::size_t count);

  // Records that an earlier command may have deleted id `index`.
  void MarkPossiblyDeleted(std::size_t index) { items_[index].possibly_deleted = true; }

  [[nodiscard]] Step Next(Time now);

  // Takes the response for an id in flight. Returns its new state: kPending when it will be
  // retried. `random` is uniform in [0, 1).
  State OnResponse(std::size_t index, const AttemptSummary& response, Time now, double random);

  // Undoes Next() for id `index`, which was in flight but could not be sent.
  void Requeue(std::size_t index);

  // Makes no new calls from now on. The first reason is kept.
  void Stop(StopReason reason);

  [[nodiscard]] StopReason stop_reason() const { return stop_reason_; }
  [[nodiscard]] int in_flight() const { return in_flight_; }
  // The current concurrency limit.
  [[nodiscard]] int limit() const { return static_cast<int>(limit_); }
  // The time until which nothing is sent because the gateway asked for a pause. May be in the past.
  [[nodiscard]] Time paused_until() const { return paused_until_; }
  [[nodiscard]] State state(std::size_t index) const { return items_[index].state; }
  // Whether a call that has finished may have deleted the id.
  [[nodiscard]] bool possibly_deleted(std::size_t index) const {
    return items_[index].possibly_deleted;
  }

 private:
  struct Item {
    State state = State::kPending;
    bool possibly_deleted = false;
    std::uint8_t attempts = 0;
    std::uint32_t pause = 0;  // value of pauses_ when it was sent
  };
  using Delayed = std::pair<Time, std::size_t>;

  State OnRejected(std::size_t index, const AttemptSummary& response, Time now, double random);
  State OnUnknown(std::size_t index, const AttemptSummary& response, Time now, double random);
  // The final state of an id that its last call certainly did not delete and that is not retried.
  [[nodiscard]] static State TerminalState(const Item& item) {
    return item.possibly_deleted ? State::kUnknown : State::kFailed;
  }

  SchedulePolicy policy_;
  std::vector<Item> items_;
  std::size_t next_ = 0;              // items from here on have not been sent
  std::deque<std::size_t> requeued_;  // rejected ids, sent before new ones
  std::priority_queue<Delayed, std::vector<Delayed>, std::greater<>>
      delayed_;  // ids with unknown outcome, by retry time
  int in_flight_ = 0;
  double limit_;
  Time paused_until_;
  std::uint32_t pauses_ = 0;
  int consecutive_pauses_ = 0;  // with nothing but rejections in between
  StopReason stop_reason_ = StopReason::kNone;
};

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_DELETE_SCHEDULE_H_

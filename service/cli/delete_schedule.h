// File: delete_schedule.h
//
// Which of many deletions to send next, and when: bounded concurrency, patience with a gateway that
// asks for it, and never more calls for one id than allowed. A pure state machine: the time and the
// randomness are arguments. Not thread-safe.
//
//   for (;;) {
//     const DeleteSchedule::Step step = schedule.Next(now);
//     ... send step.index, or wait until step.until or for an answer, or end ...
//     on an answer: schedule.OnResponse(index, answer, now, random);
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
  int concurrency = 16;                         // calls in flight at most; positive
  int max_attempts = 10;                        // calls for one id at most; positive
  bool retry_rejected = true;                   // wait as asked and call again
  bool retry_unknown = false;                   // call again with allow_missing until settled
  std::chrono::milliseconds max_wait{300'000};  // asked to wait longer: stop
};

// What an answer means for the schedule.
struct AttemptSummary {
  enum class Kind {
    kGone,
    kRejected,  // too many requests, or not ready: certainly nothing was done, and waiting helps
    kFailed,    // certainly not deleted
    kFatal,     // likewise, and so it would be for every other id
    kUnknown,
  };
  Kind kind = Kind::kUnknown;
  bool possibly_deleted = true;  // the call may have deleted the run
  std::optional<std::chrono::milliseconds> retry_after = std::nullopt;
};
[[nodiscard]] AttemptSummary SummarizeAttempt(const DeleteResult& report);

// Why no new call is made although ids are left.
enum class StopReason {
  kNone,
  kInterrupted,        // by a signal
  kOutputClosed,       // nobody reads the results, or the record of them cannot be written
  kNoConnection,       // the gateway cannot be reached
  kFatal,              // AttemptSummary::Kind::kFatal
  kRetryAfterTooLong,  // asked to wait longer than max_wait
  kAlwaysRejected,     // max_attempts waits in a row brought nothing but refusals
};

class DeleteSchedule {
 public:
  using Time = std::chrono::steady_clock::time_point;

  enum class State : std::uint8_t {
    kPending,  // to be sent, or to be sent again
    kInFlight,
    kGone,
    kFailed,
    kUnknown,  // this or an earlier call may have deleted it
  };

  struct Step {
    enum class Kind { kSend, kWait, kEnd };
    Kind kind = Kind::kEnd;
    std::size_t index = 0;       // of kSend: it is in flight now
    bool allow_missing = false;  // of kSend: an earlier call may have deleted it
    std::optional<Time> until;   // of kWait: nothing: until there is an answer
  };

  // For the ids 0 to `count` - 1, none of which was sent.
  DeleteSchedule(const SchedulePolicy& policy, std::size_t count);

  // Id `index` may have been deleted by an earlier command.
  void MarkPossiblyDeleted(std::size_t index) { items_[index].possibly_deleted = true; }

  [[nodiscard]] Step Next(Time now);

  // The answer for an id in flight. Returns its new state: kPending when it will be sent again.
  // `random` is uniform in [0, 1).
  State OnResponse(std::size_t index, const AttemptSummary& answer, Time now, double random);

  // Id `index`, in flight according to Next(), was not sent after all.
  void Requeue(std::size_t index);

  // No new call is made. The first reason stays.
  void Stop(StopReason reason);

  [[nodiscard]] StopReason stop_reason() const { return stop_reason_; }
  [[nodiscard]] int in_flight() const { return in_flight_; }
  // At most how many calls are in flight at present.
  [[nodiscard]] int limit() const { return static_cast<int>(limit_); }
  // Until when nothing is sent because the gateway asked for it. May be in the past.
  [[nodiscard]] Time paused_until() const { return paused_until_; }
  [[nodiscard]] State state(std::size_t index) const { return items_[index].state; }
  // Whether an id that is kPending may be gone all the same.
  [[nodiscard]] bool possibly_deleted(std::size_t index) const {
    return items_[index].possibly_deleted;
  }

 private:
  struct Item {
    State state = State::kPending;
    bool possibly_deleted = false;
    std::uint8_t attempts = 0;
    std::uint32_t pause = 0;  // pauses_ when it was sent
  };
  using Delayed = std::pair<Time, std::size_t>;

  State OnRejected(std::size_t index, const AttemptSummary& answer, Time now, double random);
  State OnUnknown(std::size_t index, const AttemptSummary& answer, Time now, double random);
  // Of an id that was certainly not deleted by its last call and will not be sent again.
  [[nodiscard]] static State TerminalState(const Item& item) {
    return item.possibly_deleted ? State::kUnknown : State::kFailed;
  }

  SchedulePolicy policy_;
  std::vector<Item> items_;
  std::size_t next_ = 0;              // from here on no item was sent yet
  std::deque<std::size_t> requeued_;  // refused ones, to be sent before new ones
  std::priority_queue<Delayed, std::vector<Delayed>, std::greater<>> delayed_;  // unknown ones
  int in_flight_ = 0;
  double limit_;
  Time paused_until_;
  std::uint32_t pauses_ = 0;
  int consecutive_pauses_ = 0;  // without an answer between them that was no refusal
  StopReason stop_reason_ = StopReason::kNone;
};

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_DELETE_SCHEDULE_H_

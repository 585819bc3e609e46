// SPDX-License-Identifier: Apache-2.0

#include "service/cli/delete_schedule.h"

#include <algorithm>

namespace evalrun::cli {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kInitialBackoff{500};
constexpr milliseconds kMaxBackoff{30'000};

// 0.5 s, 1 s, 2 s, … at most 30 s for the first, second, third … time.
milliseconds Backoff(int times) {
  return std::min(kInitialBackoff * (1 << std::min(times - 1, 10)), kMaxBackoff);
}

// Adds up to 10 %, so that many clients that were rejected together do not retry together.
milliseconds AddJitter(milliseconds wait, double random) {
  return wait +
         milliseconds(static_cast<std::int64_t>(static_cast<double>(wait.count()) * random / 10));
}

}  // namespace

AttemptSummary SummarizeAttempt(const DeleteResult& report) {
  using Kind = AttemptSummary::Kind;
  AttemptSummary response;
  response.possibly_deleted = report.deletion == "unknown";
  response.retry_after = report.retry_after;
  if (report.gone()) {
    response.kind = Kind::kGone;
  } else if (report.code == absl::StatusCode::kUnimplemented ||
             report.code == absl::StatusCode::kUnauthenticated || report.IsScopeNotFound() ||
             report.IsDeletionsStopped()) {
    // The gateway's own credential or base path is wrong, this is another server, the workspace is
    // missing, or all deletions are stopped: the same for all ids.
    response.kind = Kind::kFatal;
  } else if (response.possibly_deleted) {
    response.kind = Kind::kUnknown;
  } else if (report.code == absl::StatusCode::kResourceExhausted || report.IsAuditUnavailable() ||
             (report.code == absl::StatusCode::kUnavailable && report.retry_after.has_value())) {
    response.kind = Kind::kRejected;
  } else {
    response.kind = Kind::kFailed;
  }
  return response;
}

DeleteSchedule::DeleteSchedule(const SchedulePolicy& policy, std::size_t count)
    : policy_(policy), items_(count), limit_(policy.concurrency) {}

DeleteSchedule::Step DeleteSchedule::Next(Time now) {
  using Kind = Step::Kind;
  const bool anything_left = next_ < items_.size() || !requeued_.empty() || !delayed_.empty();
  if (stop_reason_ != StopReason::kNone || !anything_left) {
    return {in_flight_ > 0 ? Kind::kWait : Kind::kEnd, 0, false, std::nullopt};
  }
  if (in_flight_ >= limit()) return {Kind::kWait, 0, false, std::nullopt};
  if (now < paused_until_) return {Kind::kWait, 0, false, paused_until_};
  std::size_t index = 0;
  if (!delayed_.empty() && delayed_.top().first <= now) {
    index = delayed_.top().second;
    delayed_.pop();
  } else if (!requeued_.empty()) {
    index = requeued_.front();
    requeued_.pop_front();
  } else if (next_ < items_.size()) {
    index = next_++;
  } else {
    return {Kind::kWait, 0, false, delayed_.top().first};
  }
  Item& item = items_[index];
  item.state = State::kInFlight;
  ++item.attempts;
  item.pause = pauses_;
  ++in_flight_;
  return {Kind::kSend, index, item.possibly_deleted, std::nullopt};
}

DeleteSchedule::State DeleteSchedule::OnResponse(std::size_t index, const AttemptSummary& response,
                                                 Time now, double random) {
  using Kind = AttemptSummary::Kind;
  Item& item = items_[index];
  --in_flight_;
  item.possibly_deleted = item.possibly_deleted || response.possibly_deleted;
  if (response.kind != Kind::kRejected && item.pause == pauses_) {
    consecutive_pauses_ = 0;
    // Additive increase: one more call in flight for each full round of responses.
    limit_ = std::min(limit_ + 1 / limit_, static_cast<double>(policy_.concurrency));
  }
  switch (response.kind) {
    case Kind::kGone:
      item.state = State::kGone;
      break;
    case Kind::kRejected:
      item.state = OnRejected(index, response, now, random);
      break;
    case Kind::kFatal:
      Stop(StopReason::kFatal);
      item.state = TerminalState(item);
      break;
    case Kind::kFailed:
      item.state = TerminalState(item);
      break;
    case Kind::kUnknown:
      item.state = OnUnknown(index, response, now, random);
      break;
  }
  return item.state;
}

DeleteSchedule::State DeleteSchedule::OnRejected(std::size_t index, const AttemptSummary& response,
                                                 Time now, double random) {
  Item& item = items_[index];
  if (!policy_.retry_rejected) return TerminalState(item);
  if (response.retry_after.value_or(milliseconds(0)) > policy_.max_wait) {
    Stop(StopReason::kRetryAfterTooLong);
  }
  if (item.pause == pauses_) {  // otherwise it was sent before the current pause began
    ++pauses_;
    limit_ = std::max(1.0, limit_ / 2);
    if (++consecutive_pauses_ >= policy_.max_attempts) Stop(StopReason::kAlwaysRejected);
  }
  milliseconds wait = response.retry_after.value_or(kInitialBackoff);
  if (consecutive_pauses_ > 1) wait = std::max(wait, Backoff(consecutive_pauses_));
  paused_until_ = std::max(paused_until_, now + AddJitter(wait, random));
  if (item.attempts >= policy_.max_attempts) return TerminalState(item);
  requeued_.push_back(index);
  return State::kPending;
}

DeleteSchedule::State DeleteSchedule::OnUnknown(std::size_t index, const AttemptSummary& response,
                                                Time now, double random) {
  const Item& item = items_[index];
  const milliseconds asked = response.retry_after.value_or(milliseconds(0));
  if (!policy_.retry_unknown || stop_reason_ != StopReason::kNone ||
      item.attempts >= policy_.max_attempts || asked > policy_.max_wait) {
    return State::kUnknown;
  }
  const milliseconds wait = std::max(asked, Backoff(item.attempts));
  delayed_.emplace(now + AddJitter(wait, random), index);
  return State::kPending;
}

void DeleteSchedule::Requeue(std::size_t index) {
  Item& item = items_[index];
  item.state = State::kPending;
  --item.attempts;
  --in_flight_;
  requeued_.push_front(index);
}

void DeleteSchedule::Stop(StopReason reason) {
  if (stop_reason_ == StopReason::kNone) stop_reason_ = reason;
}

}  // namespace evalrun::cli

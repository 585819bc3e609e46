// SPDX-License-Identifier: Apache-2.0

#include "service/observability/call_history.h"

#include <algorithm>
#include <cstdint>

namespace evalrun::observability {
namespace {

// 0 when `now` was read before a sample that another thread has just added.
std::uint64_t Increase(std::uint64_t now, std::uint64_t before) {
  return now - std::min(now, before);
}

CallTotals Increase(const CallTotals& now, const CallTotals& before) {
  CallTotals increase = {.calls = Increase(now.calls, before.calls),
                         .failed = Increase(now.failed, before.failed),
                         .attempts = Increase(now.attempts, before.attempts),
                         .retries = Increase(now.retries, before.retries)};
  for (std::size_t i = 0; i < now.latency.size(); ++i) {
    increase.latency[i] = Increase(now.latency[i], before.latency[i]);
  }
  return increase;
}

}  // namespace

HistorySample CallHistory::SinceLatest(const CallTotals& totals, std::size_t in_flight,
                                       TimePoint now) const {
  return {.end = now,
          .length = std::max(now - last_end_, TimePoint::duration::zero()),
          .totals = Increase(totals, last_totals_),
          .in_flight = in_flight};
}

void CallHistory::Add(const CallTotals& totals, std::size_t in_flight, TimePoint now) {
  const std::lock_guard lock(mutex_);
  samples_[added_++ % kCapacity] = SinceLatest(totals, in_flight, now);
  last_totals_ = totals;
  last_end_ = now;
}

std::vector<HistorySample> CallHistory::Samples(const CallTotals& totals, std::size_t in_flight,
                                                TimePoint now) const {
  const std::lock_guard lock(mutex_);
  std::vector<HistorySample> samples;
  samples.reserve(kCapacity + 1);
  for (std::size_t i = added_ - std::min(added_, kCapacity); i < added_; ++i) {
    samples.push_back(samples_[i % kCapacity]);
  }
  samples.push_back(SinceLatest(totals, in_flight, now));
  return samples;
}

}  // namespace evalrun::observability

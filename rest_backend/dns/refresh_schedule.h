// SPDX-License-Identifier: Apache-2.0
//
// File: refresh_schedule.h
//
// When a name is looked up again. Pure.
#ifndef EVALRUN_REST_BACKEND_DNS_REFRESH_SCHEDULE_H_
#define EVALRUN_REST_BACKEND_DNS_REFRESH_SCHEDULE_H_

#include <chrono>

namespace evalrun::dns {

// From the end of one lookup to the start of the next, however often one is requested.
inline constexpr std::chrono::milliseconds kMinLookupInterval{1000};
// The same after a lookup that failed, when none is requested.
inline constexpr std::chrono::milliseconds kFailedLookupInterval{5000};

struct LastLookup {
  std::chrono::steady_clock::time_point ended_at;
  bool succeeded = false;
};

// When the next lookup begins. `refresh_interval` is how long addresses are good for; `requested`:
// new ones are needed before that.
[[nodiscard]] std::chrono::steady_clock::time_point NextLookup(
    const LastLookup& last, std::chrono::milliseconds refresh_interval, bool requested);

}  // namespace evalrun::dns

#endif  // EVALRUN_REST_BACKEND_DNS_REFRESH_SCHEDULE_H_

// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/dns/refresh_schedule.h"

#include <algorithm>

namespace evalrun::dns {

std::chrono::steady_clock::time_point NextLookup(const LastLookup& last,
                                                 std::chrono::milliseconds refresh_interval,
                                                 bool requested) {
  if (requested) return last.ended_at + kMinLookupInterval;
  const std::chrono::milliseconds wait =
      last.succeeded ? refresh_interval : std::min(refresh_interval, kFailedLookupInterval);
  return last.ended_at + std::max(wait, kMinLookupInterval);
}

}  // namespace evalrun::dns

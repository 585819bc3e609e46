// SPDX-License-Identifier: Apache-2.0

#include "service/process/descriptor_limit.h"

#include <sys/resource.h>

#include <algorithm>
#include <limits>

namespace evalrun::process {

std::uint64_t RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const rlim_t soft = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : soft;
}

int MaxCallerDescriptor(std::uint64_t limit, std::uint64_t max_upstream_connections) {
  const std::uint64_t reserved = std::min(max_upstream_connections + kOwnDescriptors, limit / 2);
  const std::uint64_t greatest = std::max<std::uint64_t>(limit - reserved, 1) - 1;
  return static_cast<int>(std::min<std::uint64_t>(greatest, std::numeric_limits<int>::max()));
}

}  // namespace evalrun::process

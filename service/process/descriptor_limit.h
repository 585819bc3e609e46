// SPDX-License-Identifier: Apache-2.0
//
// File: descriptor_limit.h
//
// How many descriptors the process may have (RLIMIT_NOFILE), and how they are shared out.
#ifndef EVALRUN_SERVICE_PROCESS_DESCRIPTOR_LIMIT_H_
#define EVALRUN_SERVICE_PROCESS_DESCRIPTOR_LIMIT_H_

#include <cstdint>

namespace evalrun::process {

// Raises the soft limit to the hard limit, and returns it. When it cannot be raised or read, the
// limit stays as it was; 0 when it cannot be read.
std::uint64_t RaiseDescriptorLimit();

// Descriptors for everything but callers' and upstream's connections: log, files, timers, admin
// port.
inline constexpr std::uint64_t kOwnDescriptors = 64;

// The greatest descriptor that a caller's connection may have when `limit` descriptors exist and up
// to `max_upstream_connections` are needed besides: these and kOwnDescriptors are left free, but at
// least half of the limit is for callers. Pure.
[[nodiscard]] int MaxCallerDescriptor(std::uint64_t limit, std::uint64_t max_upstream_connections);

}  // namespace evalrun::process

#endif  // EVALRUN_SERVICE_PROCESS_DESCRIPTOR_LIMIT_H_

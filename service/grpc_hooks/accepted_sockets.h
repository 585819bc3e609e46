// SPDX-License-Identifier: Apache-2.0
//
// File: accepted_sockets.h
//
// Which sockets the interposed functions act on: those that the gateway accepted from callers. All
// others, of libcurl and the admin port for example, pass through unchanged.
#ifndef EVALRUN_SERVICE_GRPC_HOOKS_ACCEPTED_SOCKETS_H_
#define EVALRUN_SERVICE_GRPC_HOOKS_ACCEPTED_SOCKETS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace evalrun::grpc_hooks {

// Thread-safe. A number stays in the set when gRPC closes its socket, which is not reported;
// another socket that gets the number is affected only if its owner calls recvmsg() or sendmsg(),
// and then still receives and sends all bytes in order.
class AcceptedSockets {
 public:
  // Sockets with greater numbers are not acted on.
  static constexpr std::size_t kMaxSockets = 1U << 16U;

  static void Add(int socket) {
    const auto index = static_cast<std::size_t>(socket);
    if (index < kMaxSockets) bits_[index / 64].fetch_or(Bit(index), std::memory_order_relaxed);
  }
  static bool Contains(int socket) {
    const auto index = static_cast<std::size_t>(socket);
    return index < kMaxSockets &&
           (bits_[index / 64].load(std::memory_order_relaxed) & Bit(index)) != 0;
  }

 private:
  static std::uint64_t Bit(std::size_t index) { return std::uint64_t{1} << (index % 64); }

  static inline constinit std::array<std::atomic<std::uint64_t>, kMaxSockets / 64> bits_{};
};

}  // namespace evalrun::grpc_hooks

#endif  // EVALRUN_SERVICE_GRPC_HOOKS_ACCEPTED_SOCKETS_H_

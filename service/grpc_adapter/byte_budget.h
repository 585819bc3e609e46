// SPDX-License-Identifier: Apache-2.0
//
// File: byte_budget.h
//
// How many bytes a connection may send beyond its calls. gRPC 1.51 collects header blocks and
// messages without bound before it looks at their size, and does work for every frame; TLS hides
// what the bytes are. What can be seen is how many bytes gRPC has read of a connection, and which
// calls it has delivered.
#ifndef EVALRUN_SERVICE_GRPC_ADAPTER_BYTE_BUDGET_H_
#define EVALRUN_SERVICE_GRPC_ADAPTER_BYTE_BUDGET_H_

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace evalrun::grpc_adapter {

// What a message of `message_bytes` earns its connection, when `messages_missing` other calls still
// wait for theirs. A call's frames and metadata are usually below 300 bytes. When no message is
// missing, nothing can be hidden in gRPC but a header block that began later: there is no reason to
// be strict.
[[nodiscard]] constexpr std::uint64_t CallCredit(std::size_t message_bytes,
                                                 std::size_t messages_missing) {
  return message_bytes + (messages_missing == 0 ? 4096 : 384);
}

// A leaky bucket of the bytes that no call accounts for. Pure: the time is a parameter. Not
// thread-safe.
class ByteBudget {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  explicit ByteBudget(TimePoint now) : updated_at_(now) {}

  // `read` bytes of the connection have been read so far, and its calls have earned `credit` so
  // far. Returns how many bytes are not accounted for. Pings, window updates and acknowledgements
  // of a client that makes no calls are allowed 64 bytes a second.
  std::uint64_t Update(std::uint64_t read, std::uint64_t credit, TimePoint now) {
    constexpr std::uint64_t kBytesPerSecond = 64;
    const auto milliseconds = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(now - updated_at_).count());
    const std::uint64_t allowed = (credit - credit_) + milliseconds * kBytesPerSecond / 1000;
    // Less than before: SocketRef::BytesRead() is a difference of two figures that are not taken at
    // the same time.
    if (read > read_) {
      excess_ += read - read_;
      read_ = read;
    }
    excess_ -= std::min(excess_, allowed);
    credit_ = credit;
    updated_at_ += std::chrono::milliseconds(milliseconds);
    return excess_;
  }

 private:
  std::uint64_t read_ = 0;
  std::uint64_t credit_ = 0;
  std::uint64_t excess_ = 0;
  TimePoint updated_at_;
};

}  // namespace evalrun::grpc_adapter

#endif  // EVALRUN_SERVICE_GRPC_ADAPTER_BYTE_BUDGET_H_

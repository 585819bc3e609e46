// SPDX-License-Identifier: Apache-2.0
//
// File: connection.h
//
// What is known of one caller's connection. gRPC owns its socket and closes it without a word.
#ifndef EVALRUN_SERVICE_GRPC_ADAPTER_CONNECTION_H_
#define EVALRUN_SERVICE_GRPC_ADAPTER_CONNECTION_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "service/net/socket_ref.h"

namespace evalrun::grpc_adapter {

// Belongs to the event loop, which alone writes, unless a member is marked as thread-safe.
class Connection {
 public:
  explicit Connection(net::SocketRef socket)
      : socket_(socket), name_(net::ToPeerName(socket_.peer())) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Thread-safe.
  [[nodiscard]] const net::SocketRef& socket() const { return socket_; }
  [[nodiscard]] const net::PeerName& name() const { return name_; }

  // Bytes that the connection may have sent for the calls that it has completed (byte_budget.h).
  // Thread-safe.
  [[nodiscard]] std::uint64_t credit() const { return credit_.load(std::memory_order_relaxed); }
  void AddCredit(std::uint64_t bytes) { credit_.fetch_add(bytes, std::memory_order_relaxed); }

  std::size_t calls_open = 0;           // headers have arrived, and gRPC is not done with the call
  std::size_t messages_missing = 0;     // of the calls that are open
  std::uint64_t calls_arrived = 0;      // ever
  std::uint64_t calls_reset_early = 0;  // of those
  bool is_closing = false;              // the gateway has ended it

 private:
  const net::SocketRef socket_;
  const net::PeerName name_;
  std::atomic<std::uint64_t> credit_{0};
};

}  // namespace evalrun::grpc_adapter

#endif  // EVALRUN_SERVICE_GRPC_ADAPTER_CONNECTION_H_

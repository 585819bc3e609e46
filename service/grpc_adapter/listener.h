// SPDX-License-Identifier: Apache-2.0
//
// File: listener.h
//
// Accepts callers' connections and hands them to gRPC. gRPC 1.51's own listener stops for good when
// the process runs out of descriptors or the kernel out of memory; this one recovers.
#ifndef EVALRUN_SERVICE_GRPC_ADAPTER_LISTENER_H_
#define EVALRUN_SERVICE_GRPC_ADAPTER_LISTENER_H_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <grpcpp/server_builder.h>

#include "service/event_loop/event_loop.h"
#include "service/event_loop/timer_queue.h"
#include "service/net/listen_sockets.h"
#include "service/net/unique_fd.h"

namespace evalrun::grpc_adapter {

// Belongs to the event loop, unless a function says that it is thread-safe.
class Listener final : public event_loop::TimerObserver {
 public:
  using Acceptor = grpc::experimental::ExternalConnectionAcceptor;

  struct Options {
    std::string host;        // an IP address without brackets, or a name
    std::uint16_t port = 0;  // 0: one that is free
    // Connections with a greater descriptor are closed at once, so that the upstream's connections
    // find descriptors.
    int max_socket = std::numeric_limits<int>::max();
    // How long sent bytes may stay unacknowledged before the kernel ends a connection.
    std::chrono::milliseconds tcp_user_timeout{20'000};
    // Of each connection, in the kernel (SO_RCVBUF, SO_SNDBUF). A container's memory includes them.
    int receive_buffer_bytes = 16384;
    int send_buffer_bytes = 65536;
    // Called with each accepted socket before gRPC gets it. False: it is closed at once.
    std::function<bool(int socket)> on_accepted;
  };

  // Listens; nothing is accepted before Start(). Errors as net::Listen().
  static absl::StatusOr<std::unique_ptr<Listener>> Create(Options options);
  ~Listener();  // Stop() must have been called if Start() was
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Accepts from now on. Both outlive the listener.
  absl::Status Start(event_loop::EventLoop* loop, Acceptor* acceptor);
  // Closes the listening sockets: the kernel refuses new connections.
  void Stop();

  // `host:port`, with the port that was picked.
  [[nodiscard]] const std::string& address() const { return listening_.address; }

  // Whether connections are accepted, or would be. False while the kernel refuses with an error
  // that closing a connection does not help against. Thread-safe.
  [[nodiscard]] bool accepting() const { return accepting_.load(std::memory_order_relaxed); }
  // Connections that gRPC was given; and those that were closed at once because no descriptor was
  // left. Thread-safe.
  [[nodiscard]] std::uint64_t accepted() const { return accepted_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t closed_without_descriptor() const {
    return closed_without_descriptor_.load(std::memory_order_relaxed);
  }

  void OnTimer() override;  // of a pause

 private:
  class Socket;  // one listening socket

  explicit Listener(Options options);

  void AcceptFrom(int listening_socket);
  void HandOver(int socket, int listening_socket);
  // Closes the oldest connection that waits, with the descriptor that is kept in reserve.
  enum class Closed { kOne, kNoneWaits, kFailed };
  Closed CloseWaitingConnection(int listening_socket);
  void Pause();
  absl::Status WatchAll();

  const Options options_;
  net::ListenSockets listening_;
  std::vector<std::unique_ptr<Socket>> watched_;
  net::UniqueFd reserve_;  // given up to accept and close a connection when no other is left
  event_loop::EventLoop* loop_ = nullptr;
  Acceptor* acceptor_ = nullptr;
  std::optional<event_loop::TimerQueue::Timer> pause_;
  std::atomic<bool> accepting_{true};
  std::atomic<std::uint64_t> accepted_{0};
  std::atomic<std::uint64_t> closed_without_descriptor_{0};
};

}  // namespace evalrun::grpc_adapter

#endif  // EVALRUN_SERVICE_GRPC_ADAPTER_LISTENER_H_

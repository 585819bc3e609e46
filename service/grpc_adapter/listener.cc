// SPDX-License-Identifier: Apache-2.0

#include "service/grpc_adapter/listener.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace evalrun::grpc_adapter {
namespace {

// So that calls under way get their turn when very many connections arrive.
constexpr int kMaxAcceptsPerIteration = 32;
// After an error of accept4() that concerns the whole machine.
constexpr auto kPause = std::chrono::milliseconds(100);

net::UniqueFd OpenReserve() { return net::UniqueFd(open("/dev/null", O_RDONLY | O_CLOEXEC)); }

// Errors of the one connection that was about to be accepted (accept(2), "Error handling").
bool IsConnectionError(int error) {
  switch (error) {
    case ECONNABORTED:
    case EINTR:
    case ENETDOWN:
    case EPROTO:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case EPERM:
      return true;
    default:
      return false;
  }
}

}  // namespace

class Listener::Socket final : public event_loop::SocketObserver {
 public:
  Socket(Listener* listener, int fd) : listener_(*listener), fd_(fd) {}
  void OnReadable() override { listener_.AcceptFrom(fd_); }
  [[nodiscard]] int fd() const { return fd_; }

 private:
  Listener& listener_;
  const int fd_;
};

absl::StatusOr<std::unique_ptr<Listener>> Listener::Create(Options options) {
  std::unique_ptr<Listener> listener(new Listener(std::move(options)));
  auto listening = net::Listen(listener->options_.host, listener->options_.port);
  if (!listening.ok()) return listening.status();
  listener->listening_ = *std::move(listening);
  for (const net::UniqueFd& socket : listener->listening_.sockets) {
    // Accepted sockets inherit them. They cannot fail for a socket.
    const Options& to_set = listener->options_;
    setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &to_set.receive_buffer_bytes,
               sizeof(to_set.receive_buffer_bytes));
    setsockopt(socket.get(), SOL_SOCKET, SO_SNDBUF, &to_set.send_buffer_bytes,
               sizeof(to_set.send_buffer_bytes));
  }
  listener->reserve_ = OpenReserve();
  if (!listener->reserve_.ok()) return absl::ErrnoToStatus(errno, "open /dev/null");
  return listener;
}

Listener::Listener(Options options) : options_(std::move(options)) {}

Listener::~Listener() = default;

absl::Status Listener::Start(event_loop::EventLoop* loop, Acceptor* acceptor) {
  loop_ = loop;
  acceptor_ = acceptor;
  for (const net::UniqueFd& fd : listening_.sockets) {
    watched_.push_back(std::make_unique<Socket>(this, fd.get()));
  }
  return WatchAll();
}

absl::Status Listener::WatchAll() {
  for (const auto& socket : watched_) {
    if (absl::Status status = loop_->Watch(socket->fd(), socket.get()); !status.ok()) return status;
  }
  return absl::OkStatus();
}

void Listener::Stop() {
  if (pause_.has_value()) {
    loop_->timers().Cancel(*std::exchange(pause_, std::nullopt));
  } else {
    for (const auto& socket : watched_) loop_->Unwatch(socket->fd());
  }
  watched_.clear();
  listening_.sockets.clear();
}

void Listener::AcceptFrom(int listening_socket) {
  if (pause_.has_value()) return;  // by another listening socket, a moment ago
  for (int i = 0; i < kMaxAcceptsPerIteration; ++i) {
    const int socket = accept4(listening_socket, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket >= 0) {
      HandOver(socket, listening_socket);
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) break;
    if (IsConnectionError(errno)) continue;
    const bool no_descriptor = errno == EMFILE || errno == ENFILE;
    const Closed closed =
        no_descriptor ? CloseWaitingConnection(listening_socket) : Closed::kFailed;
    if (closed == Closed::kNoneWaits) break;
    if (closed == Closed::kFailed) {
      Pause();
      return;
    }
  }
  accepting_ = true;
}

void Listener::HandOver(int socket, int listening_socket) {
  // The kernel gives out the smallest number that is free: those above are left for the upstream.
  if (socket > options_.max_socket) {
    const net::UniqueFd closed_at_once(socket);
    closed_without_descriptor_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  const int on = 1;
  const auto timeout_ms = static_cast<unsigned>(options_.tcp_user_timeout.count());
  // They fail only when the connection is gone, which gRPC notices when it reads.
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
  if (options_.on_accepted && !options_.on_accepted(socket)) {
    const net::UniqueFd closed_at_once(socket);
    return;
  }
  accepted_.fetch_add(1, std::memory_order_relaxed);
  Acceptor::NewConnectionParameters parameters;
  // gRPC 1.83 refuses a connection without it; 1.51 does not use it.
  parameters.listener_fd = listening_socket;
  parameters.fd = socket;
  acceptor_->HandleNewConnection(&parameters);
}

Listener::Closed Listener::CloseWaitingConnection(int listening_socket) {
  if (!reserve_.ok()) reserve_ = OpenReserve();
  if (!reserve_.ok()) return Closed::kFailed;
  reserve_.Close();
  net::UniqueFd closed_at_once(
      accept4(listening_socket, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  const int error = closed_at_once.ok() ? 0 : errno;
  closed_at_once.Close();
  reserve_ = OpenReserve();
  // accept4() takes a descriptor before it looks whether a connection waits.
  if (error == EAGAIN || error == EWOULDBLOCK) return Closed::kNoneWaits;
  if (error != 0) return Closed::kFailed;
  closed_without_descriptor_.fetch_add(1, std::memory_order_relaxed);
  return Closed::kOne;
}

void Listener::Pause() {
  accepting_ = false;
  for (const auto& socket : watched_) loop_->Unwatch(socket->fd());
  pause_ = loop_->timers().Add(event_loop::EventLoop::Clock::now() + kPause, this);
}

void Listener::OnTimer() {
  pause_.reset();
  if (!reserve_.ok()) reserve_ = OpenReserve();
  // When it fails (no memory), the next pause tries again.
  if (!WatchAll().ok()) {
    Pause();
    return;
  }
  // Whether connections are accepted again must not depend on the next caller.
  for (const auto& socket : watched_) AcceptFrom(socket->fd());
}

}  // namespace evalrun::grpc_adapter

// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/server/connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include <errno.h>

namespace evalrun::backend {
namespace {

constexpr std::size_t kReceiveBufferBytes = 16 * 1024;
constexpr std::chrono::milliseconds kLinger{500};
constexpr std::chrono::milliseconds kStopGracePeriod{500};
constexpr std::chrono::milliseconds kUnboundedWait = std::chrono::hours(24 * 7);

thread_local Connection* current_connection = nullptr;

// Like poll(), but continues after EINTR. Returns 0 on timeout, and a negative number without
// memory, which callers treat as a timeout.
int PollFor(pollfd* fds, nfds_t count, std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    const int ready = poll(fds, count, static_cast<int>(std::max<std::int64_t>(0, left.count())));
    if (ready >= 0 || errno != EINTR) return ready;
  }
}

}  // namespace

Connection::Connection(int socket, int stop_event, const ConnectionLimits& limits)
    : socket_(socket), stop_event_(stop_event), limits_(limits) {
  const int on = 1;
  // Without it responses take longer, but are the same.
  setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  current_connection = this;
}

Connection::~Connection() {
  current_connection = nullptr;
  close(socket_);  // a socket reports nothing here
}

Connection* Connection::Current() { return current_connection; }

bool Connection::WaitForRequest() {
  if (!is_readable()) {
    std::array<pollfd, 2> fds{{{socket_, POLLIN, 0}, {stop_event_, POLLIN, 0}}};
    if (PollFor(fds.data(), fds.size(), limits_.idle) <= 0 || fds[0].revents == 0) return false;
  }
  deadline_ = Clock::now() + limits_.request;
  head_bytes_left_ = limits_.head_bytes;
  in_head_ = true;
  head_too_large_ = timed_out_ = has_bare_line_feed_ = response_ready_ = false;
  last_head_byte_ = '\0';
  replacement_.reset();
  truncate_to_.reset();
  while (is_readable() || Fill()) {
    const char next = received_[consumed_];
    if (next != '\r' && next != '\n') return true;
    ++consumed_;
  }
  return false;
}

bool Connection::is_readable() const { return consumed_ < received_.size(); }

bool Connection::Fill() {
  std::array<pollfd, 2> fds{{{socket_, POLLIN, 0}, {stop_event_, POLLIN, 0}}};
  const auto left = deadline_ - Clock::now();
  if (PollFor(fds.data(), fds.size(), std::chrono::ceil<std::chrono::milliseconds>(left)) <= 0) {
    timed_out_ = true;
    return false;
  }
  // When the server is stopping, wait only briefly for the rest of a request.
  if (fds[0].revents == 0 && PollFor(fds.data(), 1, kStopGracePeriod) <= 0) return false;
  received_.resize(kReceiveBufferBytes);
  const ssize_t received = recv(socket_, received_.data(), received_.size(), 0);
  received_.resize(received > 0 ? static_cast<std::size_t>(received) : 0);
  consumed_ = 0;
  return received > 0;
}

ssize_t Connection::read(char* data, size_t size) {
  if (response_ready_) return -1;
  // A peer that waits for `100 Continue` sends nothing until it has received it.
  if (!unsent_.empty() && !Flush()) return -1;
  if (!is_readable() && !Fill()) return -1;
  if (in_head_) return ReadHeadByte(data);
  const std::size_t count = std::min(size, received_.size() - consumed_);
  std::memcpy(data, received_.data() + consumed_, count);
  consumed_ += count;
  return static_cast<ssize_t>(count);
}

ssize_t Connection::ReadHeadByte(char* byte) {
  if (head_bytes_left_ == 0) {
    head_too_large_ = true;
    return -1;
  }
  --head_bytes_left_;
  if (received_[consumed_] == '\n' && last_head_byte_ != '\r') {
    has_bare_line_feed_ = true;
    *byte = '\r';  // and the line feed next time
  } else {
    *byte = received_[consumed_++];
  }
  last_head_byte_ = *byte;
  return 1;
}

ssize_t Connection::write(const char* data, size_t size) {
  unsent_.append(data, size);
  return static_cast<ssize_t>(size);
}

bool Connection::Flush() {
  if (replacement_) unsent_ = *std::exchange(replacement_, std::nullopt);
  if (truncate_to_ && !unsent_.empty()) unsent_.resize(std::min(*truncate_to_, unsent_.size() - 1));
  std::size_t sent = 0;
  while (sent < unsent_.size()) {
    const ssize_t count =
        send(socket_, unsent_.data() + sent, unsent_.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count > 0) {
      sent += static_cast<std::size_t>(count);
      continue;
    }
    pollfd writable{socket_, POLLOUT, 0};
    const bool full = count < 0 && (errno == EAGAIN || errno == EINTR);
    if (!full || PollFor(&writable, 1, limits_.write) <= 0) return false;
  }
  unsent_.clear();
  return true;
}

void Connection::Sleep(std::chrono::milliseconds time) const {
  pollfd stopping{stop_event_, POLLIN, 0};
  // However it ends, the sleep has ended.
  PollFor(&stopping, 1, time);
}

bool Connection::WaitForEvent(int event) const {
  std::array<pollfd, 3> fds{
      {{event, POLLIN, 0}, {stop_event_, POLLIN, 0}, {socket_, POLLRDHUP, 0}}};
  // How it ended shows in `revents`.
  PollFor(fds.data(), fds.size(), kUnboundedWait);
  return fds[0].revents != 0 || fds[1].revents != 0;
}

void Connection::Close() {
  if (reset_) {
    // Makes close() discard unsent data and send RST.
    const linger at_once{1, 0};
    // Fails only for a connection that has ended already, as does shutdown() below.
    setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    return;
  }
  // Closing a socket with unread data resets the connection, and the peer may then lose the
  // response.
  shutdown(socket_, SHUT_WR);
  std::array<char, kReceiveBufferBytes> ignored;
  const auto deadline = Clock::now() + kLinger;
  while (Clock::now() < deadline) {
    std::array<pollfd, 2> fds{{{socket_, POLLIN, 0}, {stop_event_, POLLIN, 0}}};
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    if (PollFor(fds.data(), fds.size(), left) <= 0 || fds[0].revents == 0) return;
    if (recv(socket_, ignored.data(), ignored.size(), MSG_DONTWAIT) <= 0) return;
  }
}

void Connection::get_remote_ip_and_port(std::string& ip, int& port) const {
  ip.clear();
  port = 0;
}

void Connection::get_local_ip_and_port(std::string& ip, int& port) const {
  ip.clear();
  port = 0;
}

}  // namespace evalrun::backend

// SPDX-License-Identifier: Apache-2.0

#include "tests/support/upstream_connection.h"

#include <linux/filter.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <system_error>

namespace evalrun::testing {
namespace {

constexpr std::chrono::milliseconds kForever = std::chrono::hours(1);

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

ReceivedRequest ParseHead(std::string head) {
  ReceivedRequest request;
  size_t line_start = 0;
  for (size_t end = 0; (end = head.find("\r\n", line_start)) != std::string::npos;
       line_start = end + 2) {
    const std::string line = head.substr(line_start, end - line_start);
    if (line_start == 0) {
      const size_t first = line.find(' ');
      const size_t last = line.rfind(' ');
      request.method = line.substr(0, first);
      if (last > first) request.target = line.substr(first + 1, last - first - 1);
    } else if (const size_t colon = line.find(':'); colon != std::string::npos) {
      const size_t value = line.find_first_not_of(" \t", colon + 1);
      request.headers.emplace_back(line.substr(0, colon),
                                   value == std::string::npos ? "" : line.substr(value));
    }
  }
  request.raw = std::move(head);
  return request;
}

}  // namespace

std::optional<std::string> ReceivedRequest::Header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (Lower(key) == Lower(name)) return value;
  }
  return std::nullopt;
}

std::vector<std::string> ReceivedRequest::HeaderNames() const {
  std::vector<std::string> names;
  for (const auto& header : headers) names.push_back(Lower(header.first));
  std::ranges::sort(names);
  return names;
}

UpstreamConnection::Event UpstreamConnection::Wait(int latch_fd, std::chrono::milliseconds timeout,
                                                   bool only_close) {
  const short socket_events = only_close ? POLLRDHUP : POLLIN;
  std::array<pollfd, 3> fds = {
      {{stop_->fd(), POLLIN, 0}, {latch_fd, POLLIN, 0}, {fd_, socket_events, 0}}};
  int ready = 0;
  while ((ready = poll(fds.data(), fds.size(), static_cast<int>(timeout.count()))) < 0 &&
         errno == EINTR) {
  }
  if (fds[0].revents != 0) return Event::kStop;
  if (fds[1].revents != 0) return Event::kLatch;
  return ready == 0 ? Event::kTimeout : Event::kReadable;
}

std::optional<ReceivedRequest> UpstreamConnection::Read() {
  std::array<char, 16384> buffer{};
  size_t head_end = 0;
  size_t body_size = 0;
  for (;;) {
    if (head_end == 0) {
      if (const size_t end = unread_.find("\r\n\r\n"); end != std::string::npos) {
        head_end = end + 4;
        const auto length = ParseHead(unread_.substr(0, head_end)).Header("content-length");
        body_size = length.has_value() ? std::strtoul(length->c_str(), nullptr, 10) : 0;
      }
    }
    if (head_end > 0 && unread_.size() >= head_end + body_size) break;
    if (!is_open() || Wait(-1, kForever, false) != Event::kReadable) return std::nullopt;
    const ssize_t count = recv(fd_, buffer.data(), buffer.size(), 0);
    if (count <= 0) return std::nullopt;
    unread_.append(buffer.data(), static_cast<size_t>(count));
  }
  ReceivedRequest request = ParseHead(unread_.substr(0, head_end));
  request.connection = number_;
  request.nth_on_connection = requests_++;
  request.body_size = body_size;
  unread_.erase(0, head_end + body_size);
  return request;
}

bool UpstreamConnection::Write(std::string_view bytes) {
  while (!bytes.empty() && is_open()) {
    const ssize_t count = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count > 0) {
      bytes.remove_prefix(static_cast<size_t>(count));
      continue;
    }
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) return false;
    std::array<pollfd, 2> fds = {{{stop_->fd(), POLLIN, 0}, {fd_, POLLOUT, 0}}};
    poll(fds.data(), fds.size(), -1);
    if (fds[0].revents != 0) return false;
  }
  return bytes.empty();
}

bool UpstreamConnection::WriteSlowly(std::string_view bytes, std::chrono::milliseconds pause) {
  for (const char& byte : bytes) {
    if (!Write({&byte, 1})) return false;
    if (Wait(-1, pause, true) != Event::kTimeout) return false;
  }
  return true;
}

bool UpstreamConnection::WaitFor(const Latch& latch) {
  return is_open() && Wait(latch.fd(), kForever, true) == Event::kLatch;
}

bool UpstreamConnection::WaitForPeerToClose(std::chrono::milliseconds timeout) {
  return is_open() && Wait(-1, timeout, true) == Event::kReadable;
}

void UpstreamConnection::Close() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

void UpstreamConnection::Reset() {
  const linger at_once = {.l_onoff = 1, .l_linger = 0};
  if (fd_ >= 0) setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  Close();
}

void UpstreamConnection::DropPackets() {
  // A socket filter that accepts nothing: the kernel drops segments before TCP processes them.
  sock_filter nothing = {.code = BPF_RET | BPF_K, .jt = 0, .jf = 0, .k = 0};
  const sock_fprog program = {.len = 1, .filter = &nothing};
  if (setsockopt(fd_, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) != 0) {
    throw std::system_error(errno, std::generic_category(), "SO_ATTACH_FILTER");
  }
}

void UpstreamConnection::ShutdownWrite() {
  if (fd_ >= 0) shutdown(fd_, SHUT_WR);
}

}  // namespace evalrun::testing

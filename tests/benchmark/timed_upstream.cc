// SPDX-License-Identifier: Apache-2.0

#include "tests/benchmark/timed_upstream.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "tests/support/scripts.h"

namespace evalrun::testing {
namespace {

constexpr std::string_view kEndOfHeaders = "\r\n\r\n";  // requests have no body

[[noreturn]] void Throw(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

int Listen() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) Throw("socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) Throw("bind");
  if (listen(fd, SOMAXCONN) != 0) Throw("listen");
  return fd;
}

}  // namespace

TimedUpstream::TimedUpstream(std::function<TimedReply(std::uint64_t)> reply)
    : reply_(std::move(reply)), listener_(Listen()), epoll_fd_(epoll_create1(EPOLL_CLOEXEC)) {
  for (const int fd : {listener_, stop_.fd()}) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event);
  }
  thread_ = std::thread([this] { Run(); });
}

TimedUpstream::~TimedUpstream() {
  stop_.Open();
  thread_.join();
  for (const auto& entry : connections_) close(entry.first);
  close(epoll_fd_);
  close(listener_);
}

std::string TimedUpstream::url() const {
  sockaddr_in address{};
  socklen_t size = sizeof(address);
  getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  return "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/v2";
}

void TimedUpstream::Run() {
  std::array<epoll_event, 64> events{};
  for (;;) {
    timespec wait{};
    if (!scheduled_.empty()) {
      const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(scheduled_.top().when -
                                                                             Clock::now());
      if (left.count() > 0) {
        wait = {.tv_sec = left.count() / 1'000'000'000, .tv_nsec = left.count() % 1'000'000'000};
      }
    }
    const int count = epoll_pwait2(epoll_fd_, events.data(), events.size(),
                                   scheduled_.empty() ? nullptr : &wait, nullptr);
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd == stop_.fd()) return;
      if (fd == listener_) {
        Accept();
      } else {
        Read(fd);
      }
    }
    const Clock::time_point now = Clock::now();
    while (!scheduled_.empty() && scheduled_.top().when <= now) {
      Reply(scheduled_.top());
      scheduled_.pop();
    }
  }
}

void TimedUpstream::Accept() {
  const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) return;
  const int yes = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
  connections_[fd] = {.number = accepted_++, .unread = {}};
  epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
  epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event);
}

void TimedUpstream::Read(int fd) {
  std::array<char, 4096> buffer{};
  const ssize_t count = recv(fd, buffer.data(), buffer.size(), 0);
  if (count < 0 && errno == EAGAIN) return;
  if (count <= 0) {
    Close(fd);
    return;
  }
  Connection& connection = connections_[fd];
  connection.unread.append(buffer.data(), static_cast<std::size_t>(count));
  const Clock::time_point now = Clock::now();
  for (std::size_t end = 0; (end = connection.unread.find(kEndOfHeaders)) != std::string::npos;) {
    const bool is_get = connection.unread.starts_with("GET ");
    connection.unread.erase(0, end + kEndOfHeaders.size());
    TimedReply reply = is_get ? TimedReply{.bytes = EmptyListReply()} : reply_(requests_++);
    scheduled_.push({now + reply.delay, fd, connection.number, std::move(reply)});
  }
}

void TimedUpstream::Reply(const ScheduledReply& due) {
  const auto connection = connections_.find(due.fd);
  if (connection == connections_.end() || connection->second.number != due.connection) return;
  // The socket's buffer has space for a response of this size, because requests are not pipelined.
  send(due.fd, due.reply.bytes.data(), due.reply.bytes.size(), MSG_NOSIGNAL);
  if (due.reply.after == TimedReply::After::kKeep) return;
  if (due.reply.after == TimedReply::After::kReset) {
    const linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(due.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  }
  Close(due.fd);
}

void TimedUpstream::Close(int fd) {
  connections_.erase(fd);
  close(fd);
}

}  // namespace evalrun::testing

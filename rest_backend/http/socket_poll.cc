// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/http/socket_poll.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace evalrun::http {
namespace {

std::uint32_t EpollEvents(int what) {
  switch (what) {
    case CURL_POLL_IN:
      return EPOLLIN;
    case CURL_POLL_OUT:
      return EPOLLOUT;
    case CURL_POLL_INOUT:
      return EPOLLIN | EPOLLOUT;
    default:
      return 0;
  }
}

int CurlEvents(std::uint32_t events) {
  int result = 0;
  if ((events & EPOLLIN) != 0) result |= CURL_CSELECT_IN;
  if ((events & EPOLLOUT) != 0) result |= CURL_CSELECT_OUT;
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) result |= CURL_CSELECT_ERR;
  return result;
}

// Replaces the events that epoll reports for `fd`; 0: none. False: it will report nothing, for lack
// of memory or because the user has too many watches (ENOSPC).
bool SetEvents(int epoll_fd, int fd, std::uint32_t before, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  if (events == 0) {
    // Fails only where there is nothing to remove: a socket that was closed.
    epoll_ctl(epoll_fd, EPOLL_CTL_DEL, fd, nullptr);
    return true;
  }
  if (before != 0 && epoll_ctl(epoll_fd, EPOLL_CTL_MOD, fd, &event) == 0) return true;
  // Also when the socket that was registered was closed, and another one has its descriptor.
  if (before != 0 && errno != ENOENT) return false;
  return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

}  // namespace

SocketPoll::SocketPoll(std::chrono::milliseconds tcp_user_timeout)
    : epoll_fd_(epoll_create1(EPOLL_CLOEXEC)),
      wake_event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      tcp_user_timeout_(tcp_user_timeout) {
  if (epoll_fd_ < 0 || wake_event_ < 0 || !SetEvents(epoll_fd_, wake_event_, 0, EPOLLIN)) {
    throw std::system_error(errno, std::generic_category(), "epoll");
  }
}

// close() of an epoll instance and of an eventfd has nothing to report.
SocketPoll::~SocketPoll() {
  close(wake_event_);
  close(epoll_fd_);
}

// Fails only when the counter is near its end: then fd() is readable.
void SocketPoll::WakeUp() const { eventfd_write(wake_event_, 1); }

SocketPoll::Socket& SocketPoll::At(int fd) {
  const auto index = static_cast<std::size_t>(fd);
  if (index >= sockets_.size()) sockets_.resize(index + 64);
  return sockets_[index];
}

void SocketPoll::Register(int fd, std::uint32_t events) {
  Socket& socket = At(fd);
  if (socket.registered == events) return;
  if (SetEvents(epoll_fd_, fd, socket.registered, events)) {
    socket.registered = events;
  } else {
    // Without events the transfer fails when one of its timeouts has passed. The connection must
    // not be used after it.
    CloseConnection(fd);
  }
}

void SocketPoll::SetInterest(Shard* shard, int fd, int what) {
  Socket& socket = At(fd);
  const bool was_connecting = (socket.wanted & EPOLLOUT) != 0;
  socket.wanted = EpollEvents(what);
  socket.shard = shard;
  // libcurl 7.88 does not report that it closes a connection which it gives up making.
  if (what == CURL_POLL_REMOVE && was_connecting && fcntl(fd, F_GETFD) < 0) {
    Erase(fd);
    return;
  }
  // Sockets that are not connections, such as those of libcurl's resolver, are closed without a
  // report: a registration left behind would be taken for that of the descriptor's next socket.
  if (socket.wanted != 0 || !socket.connection) {
    Register(fd, socket.wanted);
  } else if ((socket.registered & EPOLLOUT) != 0) {
    // libcurl has read the response without waiting for it. That an idle connection is writable is
    // not unexpected.
    Register(fd, EPOLLIN);
  }
}

int SocketPoll::Open(const curl_sockaddr& address) {
  const int fd = ::socket(address.family, address.socktype | SOCK_CLOEXEC, address.protocol);
  if (fd < 0) return CURL_SOCKET_BAD;
  // By default the kernel waits a quarter of an hour for an acknowledgement (RFC 5482).
  const auto user_timeout = static_cast<unsigned int>(tcp_user_timeout_.count());
  // If it fails, as for a socket other than TCP, the attempt's own timeout remains.
  setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout, sizeof user_timeout);
  Erase(fd);  // libcurl may have closed the last socket of this number without reporting it
  At(fd).connection = true;
  ++opened_;
  return fd;
}

int SocketPoll::Close(int fd) {
  Erase(fd);
  return close(fd);
}

void SocketPoll::CloseConnection(int fd) {
  // Fails only for a connection that has ended already.
  shutdown(fd, SHUT_RDWR);
  // While there are bytes to read, libcurl considers the connection alive.
  std::array<char, 16384> unread;
  for (int i = 0; i < 64 && recv(fd, unread.data(), unread.size(), MSG_DONTWAIT) > 0; ++i) {
  }
}

void SocketPoll::Erase(int fd) {
  if (At(fd).connection) ++closed_;
  At(fd) = Socket{};  // epoll forgets a descriptor that is closed
}

std::span<const SocketPoll::Event> SocketPoll::Ready() {
  ready_.clear();
  // All of them at once, with the wake-up event: an idle connection whose event is left for the
  // next time could be used before, with the unexpected bytes on it.
  events_.resize(sockets_.size() + 1);
  // An error, which can be a signal only (EINTR), counts as no events: they are still there for the
  // next call.
  const int count = epoll_wait(epoll_fd_, events_.data(), static_cast<int>(events_.size()), 0);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events_[static_cast<std::size_t>(i)];
    const int fd = event.data.fd;
    if (fd == wake_event_) {
      eventfd_t count_of_wake_ups = 0;
      eventfd_read(wake_event_, &count_of_wake_ups);  // it is readable
      woken_ = true;
      continue;
    }
    const Socket& socket = At(fd);
    if (socket.wanted == 0) {
      // Unexpected bytes would be taken for the response to the next request.
      if (socket.connection) {
        CloseConnection(fd);
        ended_idle_of_.push_back(socket.shard);
      }
      Register(fd, 0);
    } else {
      ready_.push_back({socket.shard, fd, CurlEvents(event.events)});
    }
  }
  return ready_;
}

bool SocketPoll::HasInterest(const Event& event) const {
  const Socket& socket = sockets_[static_cast<std::size_t>(event.fd)];
  return socket.wanted != 0 && socket.shard == event.shard;
}

}  // namespace evalrun::http

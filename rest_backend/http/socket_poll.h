// SPDX-License-Identifier: Apache-2.0
//
// File: socket_poll.h
//
// The sockets whose events libcurl wants, in one epoll instance.
//
// libcurl removes a connection that becomes idle, and adds it again for the next request. Both are
// ignored for TCP connections, which saves two system calls per request: the socket stays
// registered until it is closed, or until an event arrives while it is idle: unexpected bytes, or
// its end. Then the connection is closed.
#ifndef EVALRUN_REST_BACKEND_HTTP_SOCKET_POLL_H_
#define EVALRUN_REST_BACKEND_HTTP_SOCKET_POLL_H_

#include <sys/epoll.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <curl/curl.h>

namespace evalrun::http {

class Shard;

class SocketPoll {
 public:
  struct Event {
    Shard* shard = nullptr;
    int fd = -1;
    int curl_events = 0;  // CURL_CSELECT_*
  };

  // A connection is lost when sent bytes are not acknowledged for `tcp_user_timeout`; 0: after the
  // kernel's default.
  explicit SocketPoll(std::chrono::milliseconds tcp_user_timeout);
  ~SocketPoll();
  SocketPoll(const SocketPoll&) = delete;
  SocketPoll& operator=(const SocketPoll&) = delete;

  [[nodiscard]] int fd() const { return epoll_fd_; }

  // Makes fd() readable, until Ready(). Thread-safe.
  void WakeUp() const;
  // Whether WakeUp() was called before the last Ready(), and not asked for since.
  [[nodiscard]] bool TakeWakeUp() { return std::exchange(woken_, false); }

  // libcurl's CURLMOPT_SOCKETFUNCTION: `what` is CURL_POLL_*.
  void SetInterest(Shard* shard, int fd, int what);

  // libcurl's CURLOPT_OPENSOCKETFUNCTION and CURLOPT_CLOSESOCKETFUNCTION.
  int Open(const curl_sockaddr& address);
  int Close(int fd);

  // What is ready now, without waiting. Valid until the next call.
  [[nodiscard]] std::span<const Event> Ready();

  // The shard of each idle connection that the last Ready() has ended.
  [[nodiscard]] std::vector<Shard*> TakeShardsWithEndedConnection() {
    return std::exchange(ended_idle_of_, {});
  }

  // Whether the event still applies: handling an earlier one may have closed its socket.
  [[nodiscard]] bool HasInterest(const Event& event) const;

  // Connections since the start. Thread-safe.
  [[nodiscard]] std::size_t opened() const { return opened_; }
  [[nodiscard]] std::size_t closed() const { return closed_; }

 private:
  struct Socket {
    Shard* shard = nullptr;        // that wanted events last
    std::uint32_t registered = 0;  // with epoll
    std::uint32_t wanted = 0;
    bool connection = false;  // made by Open(), and not known to have ended
  };

  // Ends an idle connection, so that libcurl does not use it again.
  static void CloseConnection(int fd);

  Socket& At(int fd);
  void Register(int fd, std::uint32_t events);
  void Erase(int fd);

  int epoll_fd_;
  int wake_event_;  // an eventfd
  bool woken_ = false;
  std::chrono::milliseconds tcp_user_timeout_;
  std::vector<Socket> sockets_;  // by descriptor
  std::vector<Event> ready_;
  std::vector<epoll_event> events_;
  std::vector<Shard*> ended_idle_of_;
  std::atomic<std::size_t> opened_{0};
  std::atomic<std::size_t> closed_{0};
};

}  // namespace evalrun::http

#endif  // EVALRUN_REST_BACKEND_HTTP_SOCKET_POLL_H_

// SPDX-License-Identifier: Apache-2.0
//
// File: upstream_connection.h
//
// A connection accepted by a scripted upstream, with the operations that scripts use.
#ifndef EVALRUN_TESTS_SUPPORT_UPSTREAM_CONNECTION_H_
#define EVALRUN_TESTS_SUPPORT_UPSTREAM_CONNECTION_H_

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/latch.h"

namespace evalrun::testing {

// A received request.
struct ReceivedRequest {
  int connection = 0;         // number of the connection from 0, in order of acceptance
  int nth_on_connection = 0;  // number of the request on its connection, from 0
  int order = 0;              // number of the request over all connections, from 0
  std::string method;
  std::string target;
  std::vector<std::pair<std::string, std::string>> headers;  // in order, with names as written
  std::string raw;                                           // the complete head
  size_t body_size = 0;

  // The value of the header with this name, case-insensitive; nullopt if there is none.
  [[nodiscard]] std::optional<std::string> Header(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> HeaderNames() const;  // in lower case, sorted
};

// Not thread-safe. Every call returns early when the upstream is being destroyed.
class UpstreamConnection {
 public:
  UpstreamConnection(int fd, int number, const Latch* stop)
      : fd_(fd), number_(number), stop_(stop) {}
  UpstreamConnection(const UpstreamConnection&) = delete;
  UpstreamConnection& operator=(const UpstreamConnection&) = delete;
  ~UpstreamConnection() { Close(); }

  [[nodiscard]] int number() const { return number_; }
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }

  // Reads the next request: its head, and its body, which is only counted. Returns nullopt at the
  // end of the connection.
  std::optional<ReceivedRequest> Read();
  // Returns false if the peer has closed the connection.
  bool Write(std::string_view bytes);
  // Writes one byte at a time, with `pause` after each. Returns false if the peer has closed the
  // connection.
  bool WriteSlowly(std::string_view bytes, std::chrono::milliseconds pause);
  // Returns false if the peer closes the connection before the latch opens.
  bool WaitFor(const Latch& latch);
  // Waits until the peer closes the connection, or for `timeout`.
  bool WaitForPeerToClose(std::chrono::milliseconds timeout = std::chrono::minutes(5));
  // Closes the connection with a FIN; TCP sends a RST instead if there is unread data.
  void Close();
  // Closes the connection with a RST.
  void Reset();
  // Sends a FIN; reading is still possible.
  void ShutdownWrite();
  // From now on, segments from the peer are neither acknowledged nor rejected, as when a host has
  // lost power or a firewall has dropped the connection's state.
  void DropPackets();

 private:
  enum class Event { kReadable, kLatch, kTimeout, kStop };
  // `latch_fd` may be -1. With `only_close`, the peer's close counts as kReadable, but data does
  // not.
  Event Wait(int latch_fd, std::chrono::milliseconds timeout, bool only_close);

  int fd_;
  const int number_;
  const Latch* stop_;
  int requests_ = 0;
  std::string unread_;  // bytes received after the last request
};

}  // namespace evalrun::testing

#endif  // EVALRUN_TESTS_SUPPORT_UPSTREAM_CONNECTION_H_

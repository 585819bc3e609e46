// File: upstream_connection.h
//
// One connection that a scripted upstream accepted: what a script does with it, byte by byte.
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

// One request as it arrived.
struct ReceivedRequest {
  int connection = 0;         // counted from 0, in the order of acceptance
  int nth_on_connection = 0;  // counted from 0
  int order = 0;              // counted from 0, over all connections
  std::string method;
  std::string target;
  std::vector<std::pair<std::string, std::string>> headers;  // in order, names as they were written
  std::string raw;                                           // the whole head
  size_t body_size = 0;

  // The value of the header of this name in any case; nothing when there is none.
  [[nodiscard]] std::optional<std::string> Header(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> HeaderNames() const;  // in lower case, sorted
};

// Every call ends early when the upstream is being destroyed.
class UpstreamConnection {
 public:
  UpstreamConnection(int fd, int number, const Latch* stop)
      : fd_(fd), number_(number), stop_(stop) {}
  UpstreamConnection(const UpstreamConnection&) = delete;
  UpstreamConnection& operator=(const UpstreamConnection&) = delete;
  ~UpstreamConnection() { Close(); }

  [[nodiscard]] int number() const { return number_; }
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }

  // The head of the next request, and its body, which is only counted. Nothing at the connection's
  // end.
  std::optional<ReceivedRequest> Read();
  // False when the peer has gone.
  bool Write(std::string_view bytes);
  // One byte at a time, with `pause` after each. False when the peer has gone.
  bool WriteSlowly(std::string_view bytes, std::chrono::milliseconds pause);
  // False when the peer closed the connection first.
  bool WaitFor(const Latch& latch);
  // Until the peer closes the connection, or `timeout` is over.
  bool WaitForPeerToClose(std::chrono::milliseconds timeout = std::chrono::minutes(5));
  // Ends the connection with a FIN; a RST when there are unread bytes, as TCP wants it.
  void Close();
  // Ends the connection with a RST.
  void Reset();
  // Sends a FIN, and still reads.
  void ShutdownWrite();
  // From now on whatever the peer sends is neither acknowledged nor refused, as when a host has
  // lost its power or a firewall has forgotten the connection.
  void DropPackets();

 private:
  enum class Event { kReadable, kLatch, kTimeout, kStop };
  // `latch_fd` may be -1. With `only_close`, data that arrives is no event, the peer's end is.
  Event Wait(int latch_fd, std::chrono::milliseconds timeout, bool only_close);

  int fd_;
  const int number_;
  const Latch* stop_;
  int requests_ = 0;
  std::string unread_;  // bytes read beyond the last request
};

}  // namespace evalrun::testing

#endif  // EVALRUN_TESTS_SUPPORT_UPSTREAM_CONNECTION_H_

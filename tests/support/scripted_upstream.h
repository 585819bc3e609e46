// SPDX-License-Identifier: Apache-2.0
//
// File: scripted_upstream.h
//
// An HTTP/1.1 upstream on 127.0.0.1 whose behaviour a test scripts byte by byte, and which records
// the requests that it receives. The requests of a script are the deletions; by a GET of the list
// the gateway finds out whether a workspace exists, which it does unless a test says otherwise.
//
//   ScriptedUpstream upstream(InOrder({CloseWithoutResponse(), Respond(HttpReply(204))}));
//   ... calls through the gateway to upstream.url() ...
//   EXPECT_EQ(upstream.requests().size(), 2u);
#ifndef EVALRUN_TESTS_SUPPORT_SCRIPTED_UPSTREAM_H_
#define EVALRUN_TESTS_SUPPORT_SCRIPTED_UPSTREAM_H_

#include <array>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/latch.h"
#include "tests/support/upstream_connection.h"

namespace evalrun::testing {

// Handles one request. Unless it closes the connection, further requests are read from it. Runs on
// the connection's own thread.
using Script = std::function<void(const ReceivedRequest&, UpstreamConnection&)>;

class ScriptedUpstream {
 public:
  struct Options {
    // Called before the first request of a connection is read; may close the connection.
    std::function<void(UpstreamConnection&)> on_connect;
    int backlog = 1024;
    std::string host = "127.0.0.1";  // an IPv4 address of the loopback network
    int port = 0;                    // 0: any free port
    Script list = {};                // handles each GET; by default the response is an empty list
  };

  // Throws std::system_error if it cannot listen.
  explicit ScriptedUpstream(Script script) : ScriptedUpstream(std::move(script), Options()) {}
  ScriptedUpstream(Script script, Options options);
  ScriptedUpstream(const ScriptedUpstream&) = delete;
  ScriptedUpstream& operator=(const ScriptedUpstream&) = delete;
  // Ends all connections and waits for their scripts.
  ~ScriptedUpstream();

  [[nodiscard]] int port() const { return port_; }
  // `http://HOST:PORT/v2`
  [[nodiscard]] std::string url() const;

  // The requests so far, in order of arrival, without those for the list.
  [[nodiscard]] std::vector<ReceivedRequest> requests() const;
  // Those for the list.
  [[nodiscard]] std::vector<ReceivedRequest> list_requests() const;
  [[nodiscard]] int connections() const;
  // How many connections have been closed, by either side.
  [[nodiscard]] int closed_connections() const;

  // Returns false on timeout.
  bool WaitForRequests(size_t count, std::chrono::milliseconds timeout = std::chrono::seconds(20));
  bool WaitForClosedConnections(int count,
                                std::chrono::milliseconds timeout = std::chrono::seconds(20));

 private:
  void Accept();
  void Serve(int fd, int number);

  const Script script_;
  const Options options_;
  const Script list_;
  Latch stop_;
  int listener_ = -1;
  int port_ = 0;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<ReceivedRequest> requests_;  // guarded by mutex_, like the next four
  std::vector<ReceivedRequest> list_requests_;
  int connections_ = 0;
  int closed_ = 0;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

// A port of 127.0.0.1 that refuses connections during the lifetime of this object.
class RefusingPort {
 public:
  RefusingPort();
  RefusingPort(const RefusingPort&) = delete;
  RefusingPort& operator=(const RefusingPort&) = delete;
  ~RefusingPort();
  [[nodiscard]] std::string url() const;

 private:
  int fd_ = -1;
  int port_ = 0;
};

// A port of 127.0.0.1 on which connecting neither succeeds nor fails, because its accept queue is
// full.
class UnresponsivePort {
 public:
  UnresponsivePort();
  UnresponsivePort(const UnresponsivePort&) = delete;
  UnresponsivePort& operator=(const UnresponsivePort&) = delete;
  ~UnresponsivePort();
  [[nodiscard]] std::string url() const;

 private:
  int fd_ = -1;
  int port_ = 0;
  std::array<int, 2> queued_{};
};

}  // namespace evalrun::testing

#endif  // EVALRUN_TESTS_SUPPORT_SCRIPTED_UPSTREAM_H_

// SPDX-License-Identifier: Apache-2.0
//
// File: raw_connection.h
//
// A TCP connection to the backend that knows nothing of HTTP except where a response ends.
#ifndef EVALRUN_TESTS_INTEGRATION_BACKEND_RAW_CONNECTION_H_
#define EVALRUN_TESTS_INTEGRATION_BACKEND_RAW_CONNECTION_H_

#include <chrono>
#include <string>

namespace evalrun::backend {

// Every wait ends after at most 10 s. Not thread-safe.
class RawConnection {
 public:
  explicit RawConnection(int port);
  ~RawConnection();
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;

  void Send(const std::string& bytes) const;
  // Shuts down the sending direction; responses can still be read.
  void FinishSending() const;
  // Reads until there are `count` status lines and the last response is complete, or until the
  // connection ends.
  [[nodiscard]] std::string ReadResponses(int count) const;
  // Reads until the connection ends. Returns everything that was received, followed by ` FIN`, `
  // RST` or ` TIMEOUT`.
  [[nodiscard]] std::string ReadToEnd() const;
  // Whether the peer has closed the connection without sending anything.
  [[nodiscard]] bool AtEnd() const { return ReadToEnd() == " FIN"; }
  // Whether nothing, not even the end of the connection, is received for that long.
  [[nodiscard]] bool Silent() const { return IsSilentFor(std::chrono::milliseconds(0)); }
  [[nodiscard]] bool IsSilentFor(std::chrono::milliseconds time) const;

  // The number of occurrences of `part` in `text`.
  [[nodiscard]] static int Count(const std::string& text, const std::string& part);

 private:
  int socket_;
};

}  // namespace evalrun::backend

#endif  // EVALRUN_TESTS_INTEGRATION_BACKEND_RAW_CONNECTION_H_

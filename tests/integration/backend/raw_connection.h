// File: raw_connection.h
//
// A TCP connection to the backend without any knowledge of HTTP but where an answer ends.
#ifndef EVALRUN_TESTS_INTEGRATION_BACKEND_RAW_CONNECTION_H_
#define EVALRUN_TESTS_INTEGRATION_BACKEND_RAW_CONNECTION_H_

#include <chrono>
#include <string>

namespace evalrun::backend {

// Every wait ends after 10 s at the latest. Used by one thread.
class RawConnection {
 public:
  explicit RawConnection(int port);
  ~RawConnection();
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;

  void Send(const std::string& bytes) const;
  // Says that nothing more will be sent; answers can still be read.
  void FinishSending() const;
  // Reads until there are `count` status lines and the last answer's end, or the connection ends.
  [[nodiscard]] std::string ReadResponses(int count) const;
  // Reads until the connection ends: all that came, then ` FIN`, ` RST` or ` TIMEOUT`.
  [[nodiscard]] std::string ReadToEnd() const;
  // Whether the peer has closed: no byte, and an end rather than a timeout.
  [[nodiscard]] bool AtEnd() const { return ReadToEnd() == " FIN"; }
  // Whether there is nothing to be read now, and for that long: no byte, and no end.
  [[nodiscard]] bool Silent() const { return IsSilentFor(std::chrono::milliseconds(0)); }
  [[nodiscard]] bool IsSilentFor(std::chrono::milliseconds time) const;

  // How often `part` is in `text`.
  [[nodiscard]] static int Count(const std::string& text, const std::string& part);

 private:
  int socket_;
};

}  // namespace evalrun::backend

#endif  // EVALRUN_TESTS_INTEGRATION_BACKEND_RAW_CONNECTION_H_

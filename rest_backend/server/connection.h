// SPDX-License-Identifier: Apache-2.0
//
// File: connection.h
//
// One accepted TCP connection, as the stream from which cpp-httplib reads requests and to which it
// writes responses. The library's own stream discards what it has read of the next request, polls
// an idle socket a hundred times a second, sends a response in two packets, and limits neither the
// size of a request's head nor the time to receive it. This class has none of these faults.
#ifndef EVALRUN_REST_BACKEND_SERVER_CONNECTION_H_
#define EVALRUN_REST_BACKEND_SERVER_CONNECTION_H_

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "rest_backend/server/httplib_stream.h"

namespace evalrun::backend {

struct ConnectionLimits {
  std::chrono::milliseconds idle{60'000};     // between two requests: the keep-alive timeout
  std::chrono::milliseconds request{30'000};  // from the first byte of a request to its last
  std::chrono::milliseconds write{10'000};    // without any progress in sending
  std::size_t head_bytes = 32 * 1024;         // size of the request line and the header fields
};

// Used by one thread, for which it is Current() during its lifetime.
class Connection final : public HttplibStream {
 public:
  // Takes ownership of `socket`, but not of `stop_event`, which becomes readable when the server
  // stops.
  Connection(int socket, int stop_event, const ConnectionLimits& limits);
  ~Connection() override;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // The connection that the calling thread serves. The library's handlers have no other access to
  // it.
  [[nodiscard]] static Connection* Current();

  // Waits for the first byte of the next request, and starts its timeout and size limit. Skips
  // empty lines before it (RFC 9112, 2.2). Returns false if the peer has closed the connection, was
  // idle or sent empty lines for too long, or if the server is stopping and nothing has arrived.
  [[nodiscard]] bool WaitForRequest();
  // Called when the head of the request has been read, with its number of header fields: what
  // follows is the body.
  void OnHeadRead(std::size_t fields) {
    in_head_ = false;
    head_fields_ = fields;
  }
  [[nodiscard]] std::size_t head_fields() const { return head_fields_; }
  // Called when the response is ready: what has not been read of the request then is never read.
  // Newer versions of cpp-httplib would wait for it after they have written the response.
  void OnResponseReady() { response_ready_ = true; }
  // Sends what was written. Returns false if the peer has closed the connection.
  bool Flush();
  // Closes the connection in such a way that the peer can read the last response even if it was
  // still sending.
  void Close();

  // Makes the current response the last one on this connection.
  void CloseAfterResponse() { close_after_response_ = true; }
  [[nodiscard]] bool closes_after_response() const { return close_after_response_; }
  [[nodiscard]] bool in_head() const { return in_head_; }
  [[nodiscard]] bool head_too_large() const { return head_too_large_; }
  // A line of the head ended with LF only. The library has read CRLF: of such a line some versions
  // do not see the end.
  [[nodiscard]] bool has_bare_line_feed() const { return has_bare_line_feed_; }
  // The request was not complete before its deadline.
  [[nodiscard]] bool timed_out() const { return timed_out_; }

  // For fault scripts: change the response to this request, and what happens to the connection
  // after it.
  void ReplaceResponse(std::string bytes) { replacement_ = std::move(bytes); }
  void TruncateResponse(std::size_t bytes) {
    truncate_to_ = bytes;
  }  // always less than the whole response
  void DropAfterResponse(bool reset) { is_dropped_ = true, reset_ = reset; }
  [[nodiscard]] bool is_dropped() const { return is_dropped_; }
  // Returns when the time has passed or the server is stopping.
  void Sleep(std::chrono::milliseconds time) const;
  // Waits until `event` is readable or the server is stopping (true), or the peer has closed the
  // connection (false).
  [[nodiscard]] bool WaitForEvent(int event) const;

  // HttplibStream
  bool is_readable() const override;
  ssize_t read(char* data, size_t size) override;
  ssize_t write(const char* data, size_t size) override;
  void get_remote_ip_and_port(std::string& ip, int& port) const override;
  void get_local_ip_and_port(std::string& ip, int& port) const override;
  socket_t socket() const override { return socket_; }

 private:
  using Clock = std::chrono::steady_clock;

  // Reads what is available into the empty buffer, waiting at most until the request's deadline.
  [[nodiscard]] bool Fill();
  // Reads one byte of the head, as the library does, from the buffer that is not empty.
  ssize_t ReadHeadByte(char* byte);

  int socket_;
  const int stop_event_;
  const ConnectionLimits limits_;
  std::string received_;
  std::size_t consumed_ = 0;  // bytes of received_ that were read
  std::string unsent_;
  std::size_t head_bytes_left_ = 0;
  std::size_t head_fields_ = 0;
  Clock::time_point deadline_;
  bool in_head_ = false;
  bool head_too_large_ = false;
  char last_head_byte_ = '\0';
  bool has_bare_line_feed_ = false;
  bool timed_out_ = false;
  bool response_ready_ = false;
  bool close_after_response_ = false;
  std::optional<std::string> replacement_;
  std::optional<std::size_t> truncate_to_;
  bool is_dropped_ = false;
  bool reset_ = false;
};

}  // namespace evalrun::backend

#endif  // EVALRUN_REST_BACKEND_SERVER_CONNECTION_H_

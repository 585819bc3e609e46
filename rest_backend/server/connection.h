// File: connection.h
//
// One accepted TCP connection, as the stream that cpp-httplib reads requests from and writes
// answers to. The library's own stream forgets, after each request, what it had read of the next
// one, polls an idle socket a hundred times a second, sends an answer in two packets and bounds
// neither the size of a request's head nor the time it takes; this one does not.
#ifndef EVALRUN_REST_BACKEND_SERVER_CONNECTION_H_
#define EVALRUN_REST_BACKEND_SERVER_CONNECTION_H_

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include <httplib.h>

namespace evalrun::backend {

struct ConnectionLimits {
  std::chrono::milliseconds idle{60'000};     // between two requests: the keep-alive timeout
  std::chrono::milliseconds request{30'000};  // from a request's first byte to its last
  std::chrono::milliseconds write{10'000};    // without the peer taking a byte
  std::size_t head_bytes = 32 * 1024;         // request line and header fields
};

// Used by one thread, which it serves as Current() while it lives.
class Connection final : public httplib::Stream {
 public:
  // Owns `socket`. `stop_event` becomes readable when the server stops; it is not owned.
  Connection(int socket, int stop_event, const ConnectionLimits& limits);
  ~Connection() override;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // The connection that this thread serves; the library's handlers get no other way to it.
  [[nodiscard]] static Connection* Current();

  // Waits for the first byte of the next request and begins to count it. Empty lines before it are
  // dropped (RFC 9112, 2.2). False: the peer left, was idle or sent empty lines for too long, or
  // the server stops and nothing has arrived.
  [[nodiscard]] bool WaitForRequest();
  // The head of the request has been read: what follows is its body.
  void OnHeadRead() { in_head_ = false; }
  // Sends what was written. False: the peer is gone.
  bool Flush();
  // Closes so that the peer can read the last answer even if it was still sending.
  void Close();

  // This request's answer is the last one here.
  void CloseAfterResponse() { close_after_response_ = true; }
  [[nodiscard]] bool closes_after_response() const { return close_after_response_; }
  [[nodiscard]] bool in_head() const { return in_head_; }
  [[nodiscard]] bool head_too_large() const { return head_too_large_; }
  // The request's deadline came before its last byte.
  [[nodiscard]] bool timed_out() const { return timed_out_; }

  // For a fault script: what becomes of this request's answer, and of the connection after it.
  void ReplaceResponse(std::string bytes) { replacement_ = std::move(bytes); }
  void TruncateResponse(std::size_t bytes) { truncate_to_ = bytes; }  // never the whole of it
  void DropAfterResponse(bool reset) { is_dropped_ = true, reset_ = reset; }
  [[nodiscard]] bool is_dropped() const { return is_dropped_; }
  // Returns when the time is over or the server stops.
  void Sleep(std::chrono::milliseconds time) const;
  // Returns when `event` is readable, true, or the server stops, true, or the peer has left, false.
  [[nodiscard]] bool WaitForEvent(int event) const;

  // httplib::Stream
  bool is_readable() const override;
  bool is_writable() const override { return true; }
  ssize_t read(char* data, size_t size) override;
  ssize_t write(const char* data, size_t size) override;
  void get_remote_ip_and_port(std::string& ip, int& port) const override;
  void get_local_ip_and_port(std::string& ip, int& port) const override;
  socket_t socket() const override { return socket_; }

 private:
  using Clock = std::chrono::steady_clock;

  // Reads what there is into the empty buffer, waiting for it until the request's deadline.
  [[nodiscard]] bool Fill();

  int socket_;
  const int stop_event_;
  const ConnectionLimits limits_;
  std::string received_;
  std::size_t consumed_ = 0;  // of `received_`
  std::string unsent_;
  std::size_t head_bytes_left_ = 0;
  Clock::time_point deadline_;
  bool in_head_ = false;
  bool head_too_large_ = false;
  bool timed_out_ = false;
  bool close_after_response_ = false;
  std::optional<std::string> replacement_;
  std::optional<std::size_t> truncate_to_;
  bool is_dropped_ = false;
  bool reset_ = false;
};

}  // namespace evalrun::backend

#endif  // EVALRUN_REST_BACKEND_SERVER_CONNECTION_H_

// SPDX-License-Identifier: Apache-2.0
//
// File: call_connection.h
//
// An HTTP/2 connection that makes DeleteEvalRun calls like a gRPC client, for a fraction of its
// cost: libnghttp2 does the framing, and only what is counted is parsed. So one core can offer a
// gateway several times the load that another core can serve.
//
// Like a gRPC client, it queues calls while the server's limit of concurrent streams or a full
// socket prevents sending them.
#ifndef EVALRUN_TESTS_BENCHMARK_CALL_CONNECTION_H_
#define EVALRUN_TESTS_BENCHMARK_CALL_CONNECTION_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>

#include <nghttp2/nghttp2.h>
#include <openssl/ssl.h>

namespace evalrun::testing {

class CallConnection;

// A call and its state on the connection, which manages all fields except those marked otherwise.
struct StreamCall {
  // Set by the caller of Start().
  std::chrono::steady_clock::time_point deadline;
  std::string caller;  // sent as the metadata `x-caller`; empty: not sent

  CallConnection* connection = nullptr;       // null: not in flight
  std::int32_t stream = 0;                    // 0: not sent yet
  std::list<StreamCall*>::iterator position;  // in waiting_ or sent_
  std::size_t message_sent = 0;
  int code = -1;        // gRPC status; -1: the stream or the connection ended without one
  std::string details;  // `grpc-status-details-bin`, as received
};

// Not thread-safe. The socket is non-blocking.
class CallConnection {
 public:
  // `address`: HOST:PORT with an IPv4 address. `message` is the serialized request of every call.
  // `on_call_finished` is called when a call has its response or is lost; it may start calls.
  // `tls`: use TLS and accept any certificate. Throws std::system_error if it cannot connect.
  CallConnection(const std::string& address, std::string_view message, bool tls,
                 std::function<void(StreamCall*)> on_call_finished);
  CallConnection(const CallConnection&) = delete;
  CallConnection& operator=(const CallConnection&) = delete;
  // Aborts the calls in flight without calling `on_call_finished`.
  ~CallConnection();

  [[nodiscard]] int fd() const { return fd_; }
  // Calls that have not finished, and streams that are not closed.
  [[nodiscard]] std::size_t pending() const { return waiting_.size() + streams_; }
  [[nodiscard]] bool is_closed() const { return session_ == nullptr; }

  // Queues the call; Flush() sends it when the limits permit. The call must live until it has
  // finished or is cancelled.
  void Start(StreamCall* call);
  // Resets the call's stream if it was sent. `on_call_finished` is not called.
  void Cancel(StreamCall* call);

  // Reads available data. Returns false when the connection has ended; its calls are then finished.
  bool Read();
  // Writes what can be written. If it returns true, call it again when the socket is writable.
  bool Flush();

 private:
  void SubmitWaiting();
  void Submit(StreamCall* call);
  void End();
  // Like recv() and send(), with or without TLS.
  ssize_t Receive(std::uint8_t* buffer, std::size_t size);
  ssize_t SendBytes(std::string_view bytes);
  [[nodiscard]] StreamCall* FindCall(std::int32_t stream) const;

  // libnghttp2 callbacks.
  static int OnHeader(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                      std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                      std::uint8_t flags, void* self);
  static int OnStreamClose(nghttp2_session*, std::int32_t stream, std::uint32_t error, void* self);
  static ssize_t ReadMessage(nghttp2_session*, std::int32_t stream, std::uint8_t* buffer,
                             std::size_t size, std::uint32_t* flags, nghttp2_data_source* source,
                             void* self);

  const std::string authority_;
  std::string message_;  // with gRPC's 5-byte prefix
  std::function<void(StreamCall*)> on_call_finished_;
  int fd_ = -1;
  std::unique_ptr<SSL, decltype(&SSL_free)> tls_{nullptr, &SSL_free};  // null: plaintext
  std::unique_ptr<nghttp2_session, decltype(&nghttp2_session_del)> session_{nullptr,
                                                                            &nghttp2_session_del};
  std::list<StreamCall*> waiting_;
  std::list<StreamCall*> sent_;
  std::size_t streams_ = 0;  // including cancelled ones that are not closed yet
  std::string write_buffer_;
};

}  // namespace evalrun::testing

#endif  // EVALRUN_TESTS_BENCHMARK_CALL_CONNECTION_H_

// File: call_connection.h
//
// One HTTP/2 connection that makes DeleteEvalRun calls as a gRPC client does, for a fraction of its
// cost: libnghttp2 frames them, and nothing is parsed that is not counted. So one core can offer a
// gateway several times what another core can serve.
//
// Like a gRPC client it keeps calls on its own side while the server's limit of concurrent streams,
// or a full socket, does not let them out.
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

// A call's place on its connection. What is not marked belongs to the connection.
struct StreamCall {
  // Set by whoever starts it.
  std::chrono::steady_clock::time_point deadline;
  std::string caller;  // sent as the metadata `x-caller`; empty: none is

  CallConnection* connection = nullptr;       // set: under way
  std::int32_t stream = 0;                    // 0: not yet sent
  std::list<StreamCall*>::iterator position;  // among those not yet sent, or those that were
  std::size_t message_sent = 0;
  int code = -1;        // of gRPC; -1: the stream or the connection ended without one
  std::string details;  // `grpc-status-details-bin`, as sent
};

// Not thread-safe. Its socket does not block.
class CallConnection {
 public:
  // `address`: HOST:PORT with an IPv4 address. Every call asks for `message`, serialized.
  // `on_call_finished` is called when a call is answered or lost; it may start calls. With `tls`,
  // TLS by whatever certificate the gateway shows. Throws std::system_error when it cannot connect.
  CallConnection(const std::string& address, std::string_view message, bool tls,
                 std::function<void(StreamCall*)> on_call_finished);
  CallConnection(const CallConnection&) = delete;
  CallConnection& operator=(const CallConnection&) = delete;
  // Calls that are under way are cut off, and `on_call_finished` is not called.
  ~CallConnection();

  [[nodiscard]] int fd() const { return fd_; }
  // Calls that are not over, and streams that are not closed.
  [[nodiscard]] std::size_t pending() const { return waiting_.size() + streams_; }
  [[nodiscard]] bool is_closed() const { return session_ == nullptr; }

  // Takes the call; it goes out in the next Flush() that has room. The call must live until it is
  // over or given up.
  void Start(StreamCall* call);
  // Resets the call's stream, if it was sent. `on_call_finished` is not called.
  void Cancel(StreamCall* call);

  // Reads what has come. False when the connection has ended; its calls are then over.
  bool Read();
  // Writes what can be written; Flush() again when the socket is writable if this returns true.
  bool Flush();

 private:
  void SubmitWaiting();
  void Submit(StreamCall* call);
  void End();
  // As recv() and send() do, over TLS or not.
  ssize_t Receive(std::uint8_t* buffer, std::size_t size);
  ssize_t SendBytes(std::string_view bytes);
  [[nodiscard]] StreamCall* FindCall(std::int32_t stream) const;

  // libnghttp2's callbacks.
  static int OnHeader(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                      std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                      std::uint8_t flags, void* self);
  static int OnStreamClose(nghttp2_session*, std::int32_t stream, std::uint32_t error, void* self);
  static ssize_t ReadMessage(nghttp2_session*, std::int32_t stream, std::uint8_t* buffer,
                             std::size_t size, std::uint32_t* flags, nghttp2_data_source* source,
                             void* self);

  const std::string authority_;
  std::string message_;  // with gRPC's prefix of five bytes
  std::function<void(StreamCall*)> on_call_finished_;
  int fd_ = -1;
  std::unique_ptr<SSL, decltype(&SSL_free)> tls_{nullptr, &SSL_free};  // nullptr: plaintext
  std::unique_ptr<nghttp2_session, decltype(&nghttp2_session_del)> session_{nullptr,
                                                                            &nghttp2_session_del};
  std::list<StreamCall*> waiting_;
  std::list<StreamCall*> sent_;
  std::size_t streams_ = 0;  // given up but not yet closed ones included
  std::string write_buffer_;
};

}  // namespace evalrun::testing

#endif  // EVALRUN_TESTS_BENCHMARK_CALL_CONNECTION_H_

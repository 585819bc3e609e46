// SPDX-License-Identifier: Apache-2.0

#include "tests/benchmark/call_connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <stdexcept>
#include <system_error>

namespace evalrun::testing {
namespace {

constexpr std::string_view kPath = "/aymara.evals.v1.EvalRunService/DeleteEvalRun";
// The maximum size of one write; further data stays in libnghttp2.
constexpr std::size_t kMaxWriteBytes = 65536;
// Assumed until the server has sent its limit of concurrent streams.
constexpr std::uint32_t kInitialMaxStreams = 100;

[[noreturn]] void Throw(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

int Connect(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  sockaddr_in peer{};
  peer.sin_family = AF_INET;
  peer.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1))));
  if (inet_pton(AF_INET, address.substr(0, colon).c_str(), &peer.sin_addr) != 1) Throw("inet_pton");
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) Throw("socket");
  const int yes = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
  if (connect(fd, reinterpret_cast<sockaddr*>(&peer), sizeof(peer)) != 0 && errno != EINPROGRESS) {
    close(fd);
    Throw("connect");
  }
  return fd;
}

// Starts TLS 1.3 on the connection and completes the handshake.
std::unique_ptr<SSL, decltype(&SSL_free)> StartTls(int fd) {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()),
                                                                  &SSL_CTX_free);
  SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  constexpr unsigned char kProtocols[] = {2, 'h', '2'};
  SSL_CTX_set_alpn_protos(context.get(), kProtocols, sizeof(kProtocols));
  std::unique_ptr<SSL, decltype(&SSL_free)> tls(SSL_new(context.get()), &SSL_free);
  SSL_set_fd(tls.get(), fd);
  for (int result = 0; (result = SSL_connect(tls.get())) != 1;) {
    const int wanted = SSL_get_error(tls.get(), result);
    if (wanted != SSL_ERROR_WANT_READ && wanted != SSL_ERROR_WANT_WRITE) Throw("SSL_connect");
    pollfd socket = {.fd = fd, .events = POLLOUT, .revents = 0};
    if (wanted == SSL_ERROR_WANT_READ) socket.events = POLLIN;
    poll(&socket, 1, 10'000);
  }
  return tls;
}

// Converts an OpenSSL result to that of recv() and send().
ssize_t ToSocketResult(SSL* tls, int result) {
  if (result > 0) return result;
  const int error = SSL_get_error(tls, result);
  if (error == SSL_ERROR_ZERO_RETURN) return 0;
  errno = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? EAGAIN : EIO;
  return -1;
}

std::string AddGrpcPrefix(std::string_view message) {
  const auto size = static_cast<std::uint32_t>(message.size());
  std::string prefixed(1, '\0');  // not compressed
  for (int shift = 24; shift >= 0; shift -= 8) prefixed += static_cast<char>(size >> shift);
  return prefixed.append(message);
}

// libnghttp2 takes non-const pointers, but does not write to them.
std::uint8_t* Bytes(std::string_view text) {
  return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));  // NOLINT
}

nghttp2_nv Header(std::string_view name, std::string_view value, std::uint8_t flags = 0) {
  return {Bytes(name), Bytes(value), name.size(), value.size(), flags};
}

std::string_view View(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

}  // namespace

CallConnection::CallConnection(const std::string& address, std::string_view message, bool tls,
                               std::function<void(StreamCall*)> on_call_finished)
    : authority_(address),
      message_(AddGrpcPrefix(message)),
      on_call_finished_(std::move(on_call_finished)),
      fd_(Connect(address)) {
  if (tls) tls_ = StartTls(fd_);
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, &OnHeader);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, &OnStreamClose);
  nghttp2_session* session = nullptr;
  const int result = nghttp2_session_client_new(&session, callbacks, this);
  nghttp2_session_callbacks_del(callbacks);
  if (result != 0) throw std::runtime_error(nghttp2_strerror(result));
  session_.reset(session);
  nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, nullptr, 0);
}

CallConnection::~CallConnection() {
  if (fd_ >= 0) close(fd_);
}

StreamCall* CallConnection::FindCall(std::int32_t stream) const {
  return static_cast<StreamCall*>(nghttp2_session_get_stream_user_data(session_.get(), stream));
}

void CallConnection::Start(StreamCall* call) {
  call->connection = this;
  call->stream = 0;
  call->message_sent = 0;
  call->code = -1;
  call->details.clear();
  call->position = waiting_.insert(waiting_.end(), call);
}

void CallConnection::Cancel(StreamCall* call) {
  call->connection = nullptr;
  if (call->stream == 0) {
    waiting_.erase(call->position);
    return;
  }
  sent_.erase(call->position);
  nghttp2_session_set_stream_user_data(session_.get(), call->stream, nullptr);
  nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, call->stream, NGHTTP2_CANCEL);
}

void CallConnection::SubmitWaiting() {
  std::uint32_t allowed =
      nghttp2_session_get_remote_settings(session_.get(), NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
  if (allowed == NGHTTP2_INITIAL_MAX_CONCURRENT_STREAMS) allowed = kInitialMaxStreams;
  while (!waiting_.empty() && streams_ < allowed) {
    StreamCall* call = waiting_.front();
    sent_.splice(sent_.end(), waiting_, call->position);
    Submit(call);
  }
}

void CallConnection::Submit(StreamCall* call) {
  const auto left = std::chrono::duration_cast<std::chrono::microseconds>(
      call->deadline - std::chrono::steady_clock::now());
  std::array<char, 24> timeout{};
  // gRPC allows at most eight digits.
  const auto micros = std::clamp<std::int64_t>(left.count(), 1, 99'999'999);
  char* end = std::to_chars(timeout.data(), timeout.data() + timeout.size() - 1, micros).ptr;
  *end++ = 'u';
  const std::array headers = {
      Header(":method", "POST"),
      Header(":scheme", "http"),
      Header(":path", kPath),
      Header(":authority", authority_),
      Header("te", "trailers"),
      Header("content-type", "application/grpc"),
      Header("grpc-timeout", {timeout.data(), static_cast<std::size_t>(end - timeout.data())},
             NGHTTP2_NV_FLAG_NO_INDEX),
      Header("x-caller", call->caller),
  };
  const std::size_t count = headers.size() - (call->caller.empty() ? 1 : 0);
  nghttp2_data_provider body{};
  body.source.ptr = call;
  body.read_callback = &ReadMessage;
  call->stream =
      nghttp2_submit_request(session_.get(), nullptr, headers.data(), count, &body, call);
  if (call->stream < 0) throw std::runtime_error(nghttp2_strerror(call->stream));
  ++streams_;
}

ssize_t CallConnection::ReadMessage(nghttp2_session*, std::int32_t stream, std::uint8_t* buffer,
                                    std::size_t size, std::uint32_t* flags, nghttp2_data_source*,
                                    void* self) {
  const auto& connection = *static_cast<CallConnection*>(self);
  StreamCall* call = connection.FindCall(stream);
  if (call == nullptr) return NGHTTP2_ERR_DEFERRED;  // cancelled; its reset is on the way
  const std::string_view rest = std::string_view(connection.message_).substr(call->message_sent);
  const std::size_t count = std::min(size, rest.size());
  std::copy_n(rest.begin(), count, buffer);
  call->message_sent += count;
  if (count == rest.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
  return static_cast<ssize_t>(count);
}

int CallConnection::OnHeader(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                             std::size_t name_size, const std::uint8_t* value,
                             std::size_t value_size, std::uint8_t, void* self) {
  StreamCall* call = static_cast<CallConnection*>(self)->FindCall(frame->hd.stream_id);
  if (call == nullptr) return 0;
  const std::string_view key = View(name, name_size);
  const std::string_view text = View(value, value_size);
  if (key == "grpc-status") {
    std::from_chars(text.data(), text.data() + text.size(), call->code);
  } else if (key == "grpc-status-details-bin") {
    call->details = text;
  }
  return 0;
}

int CallConnection::OnStreamClose(nghttp2_session*, std::int32_t stream, std::uint32_t,
                                  void* self) {
  auto& connection = *static_cast<CallConnection*>(self);
  --connection.streams_;
  StreamCall* call = connection.FindCall(stream);
  if (call == nullptr) return 0;
  call->connection = nullptr;
  connection.sent_.erase(call->position);
  connection.on_call_finished_(call);
  return 0;
}

ssize_t CallConnection::Receive(std::uint8_t* buffer, std::size_t size) {
  if (tls_ == nullptr) return recv(fd_, buffer, size, 0);
  return ToSocketResult(tls_.get(), SSL_read(tls_.get(), buffer, static_cast<int>(size)));
}

ssize_t CallConnection::SendBytes(std::string_view bytes) {
  if (tls_ == nullptr) return send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  return ToSocketResult(tls_.get(),
                        SSL_write(tls_.get(), bytes.data(), static_cast<int>(bytes.size())));
}

bool CallConnection::Read() {
  std::array<std::uint8_t, kMaxWriteBytes> buffer;
  // poll() does not report data that is buffered by TLS.
  do {
    const ssize_t count = Receive(buffer.data(), buffer.size());
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (count <= 0 || nghttp2_session_mem_recv(session_.get(), buffer.data(),
                                               static_cast<std::size_t>(count)) < 0) {
      End();
      return false;
    }
  } while (tls_ != nullptr && SSL_pending(tls_.get()) > 0);
  return true;
}

bool CallConnection::Flush() {
  for (;;) {
    if (write_buffer_.empty()) {
      SubmitWaiting();
      const std::uint8_t* bytes = nullptr;
      ssize_t count = 0;
      while (write_buffer_.size() < kMaxWriteBytes &&
             (count = nghttp2_session_mem_send(session_.get(), &bytes)) > 0) {
        write_buffer_.append(View(bytes, static_cast<std::size_t>(count)));
      }
      if (write_buffer_.empty()) return false;
    }
    const ssize_t written = SendBytes(write_buffer_);
    // If the connection has ended, Read() will notice.
    if (written < 0) return errno == EAGAIN;
    write_buffer_.erase(0, static_cast<std::size_t>(written));
  }
}

void CallConnection::End() {
  session_.reset();
  streams_ = 0;
  std::list<StreamCall*> lost;
  lost.splice(lost.end(), sent_);
  lost.splice(lost.end(), waiting_);
  for (StreamCall* call : lost) {
    call->connection = nullptr;
    on_call_finished_(call);
  }
}

}  // namespace evalrun::testing

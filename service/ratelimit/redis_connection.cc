// SPDX-License-Identifier: Apache-2.0

#include "service/ratelimit/redis_connection.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <absl/strings/str_cat.h>
#include <hiredis/hiredis.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include "service/tls/client_context.h"

namespace evalrun::ratelimit {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kReadBytes = 16384;
// The first byte of TLS' alerts: what a server that expects TLS responds to plaintext.
constexpr char kTlsAlert = 0x15;
constexpr const char* kTooLate = "it does not respond in time";

timeval ToTimeval(std::chrono::microseconds time) {
  return {.tv_sec = time.count() / 1'000'000, .tv_usec = time.count() % 1'000'000};
}

// A connected socket that does not block.
absl::StatusOr<int> Connect(const std::string& host, int port, std::chrono::milliseconds timeout) {
  std::unique_ptr<redisContext, void (*)(redisContext*)> context(
      redisConnectWithTimeout(host.c_str(), port, ToTimeval(timeout)), &redisFree);
  if (context == nullptr) return absl::ResourceExhaustedError("out of memory");
  if (context->err != 0 || redisEnableKeepAlive(context.get()) != REDIS_OK) {
    return absl::UnavailableError(context->errstr);
  }
  const int fd = redisFreeKeepFd(context.release());
  fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);  // cannot fail for an open socket
  return fd;
}

}  // namespace

void RedisConnection::FreeReply::operator()(redisReply* reply) const { freeReplyObject(reply); }

void RedisConnection::FreeReader::operator()(redisReader* reader) const { redisReaderFree(reader); }

RedisConnection::RedisConnection(int fd) : fd_(fd), reader_(redisReaderCreate()) {}

RedisConnection::~RedisConnection() {
  tls_ = nullptr;
  close(fd_);
}

absl::StatusOr<std::unique_ptr<RedisConnection>> RedisConnection::Open(
    const std::string& host, int port, const Tls& tls, std::chrono::milliseconds timeout) {
  const Deadline deadline = Clock::now() + timeout;
  const absl::StatusOr<int> fd = Connect(host, port, timeout);
  if (!fd.ok()) return fd.status();
  std::unique_ptr<RedisConnection> connection(new RedisConnection(*fd));
  if (connection->reader_ == nullptr) return absl::ResourceExhaustedError("out of memory");
  if (tls.context != nullptr) {
    absl::Status status = connection->Handshake(tls, deadline);
    if (!status.ok()) return status;
  }
  return connection;
}

absl::Status RedisConnection::Handshake(const Tls& tls, Deadline deadline) {
  server_name_ = tls.server_name;
  tls_ = tls::MakeClientConnection(tls.context.get(), fd_, server_name_.c_str());
  if (tls_ == nullptr) return absl::ResourceExhaustedError("out of memory");
  absl::Status status = RunTls([this] { return SSL_connect(tls_.get()); }, deadline);
  if (absl::IsDeadlineExceeded(status)) {
    return absl::DeadlineExceededError("no TLS handshake in time");
  }
  return status;
}

absl::Status RedisConnection::Append(std::initializer_list<std::string_view> words) {
  std::array<const char*, 9> texts{};
  std::array<std::size_t, 9> sizes{};
  std::size_t count = 0;
  for (const std::string_view word : words) {
    texts[count] = word.data();
    sizes[count++] = word.size();
  }
  char* command = nullptr;
  const auto size =
      redisFormatCommandArgv(&command, static_cast<int>(count), texts.data(), sizes.data());
  if (size < 0) return absl::ResourceExhaustedError("out of memory");
  output_.append(command, static_cast<std::size_t>(size));
  redisFreeCommand(command);
  return absl::OkStatus();
}

absl::StatusOr<RedisConnection::Reply> RedisConnection::NextReply(Deadline deadline) {
  absl::StatusOr<Reply> reply = SendAndReceive(deadline);
  is_usable_ = reply.ok();
  if (reply.ok() && (*reply)->type == REDIS_REPLY_ERROR) {
    return absl::UnavailableError((*reply)->str);
  }
  return reply;
}

absl::StatusOr<RedisConnection::Reply> RedisConnection::SendAndReceive(Deadline deadline) {
  std::array<char, kReadBytes> buffer{};
  if (absl::Status status = Send(deadline); !status.ok()) {
    // What it said before it closed the connection explains more, such as why it rejects our
    // certificate, which in TLS 1.3 is after the handshake.
    const auto said = Receive(buffer.data(), buffer.size(), deadline);
    return said.ok() ? status : said.status();
  }
  for (;;) {
    void* reply = nullptr;
    if (redisReaderGetReply(reader_.get(), &reply) != REDIS_OK) {
      return absl::UnavailableError(reader_->errstr);
    }
    if (reply != nullptr) return Reply(static_cast<redisReply*>(reply));
    // Bytes may arrive one by one, without any wait.
    if (Clock::now() > deadline) return absl::DeadlineExceededError(kTooLate);
    const absl::StatusOr<std::size_t> size = Receive(buffer.data(), buffer.size(), deadline);
    if (!size.ok()) return size.status();
    if (!has_received_ && tls_ == nullptr && buffer[0] == kTlsAlert) return BrokenError(0);
    has_received_ = true;
    if (redisReaderFeed(reader_.get(), buffer.data(), *size) != REDIS_OK) {
      return absl::UnavailableError(reader_->errstr);
    }
  }
}

absl::Status RedisConnection::Send(Deadline deadline) {
  while (!output_.empty()) {
    std::size_t sent = 0;
    absl::Status status;
    if (tls_ != nullptr) {
      status =
          RunTls([&] { return SSL_write_ex(tls_.get(), output_.data(), output_.size(), &sent); },
                 deadline);
    } else if (const ssize_t result = send(fd_, output_.data(), output_.size(), MSG_NOSIGNAL);
               result >= 0) {
      sent = static_cast<std::size_t>(result);
    } else if (errno == EAGAIN) {
      status = Wait(POLLOUT, deadline);
    } else if (errno != EINTR) {
      status = BrokenError(errno);
    }
    if (!status.ok()) return status;
    output_.erase(0, sent);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::size_t> RedisConnection::Receive(char* buffer, std::size_t size,
                                                     Deadline deadline) {
  if (tls_ != nullptr) {
    std::size_t received = 0;
    absl::Status status =
        RunTls([&] { return SSL_read_ex(tls_.get(), buffer, size, &received); }, deadline);
    if (!status.ok()) return status;
    return received;
  }
  for (;;) {
    const ssize_t result = recv(fd_, buffer, size, 0);
    if (result > 0) return static_cast<std::size_t>(result);
    if (result == 0) return BrokenError(0);
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return BrokenError(errno);
    if (absl::Status status = Wait(POLLIN, deadline); !status.ok()) return status;
  }
}

template <typename Function>
absl::Status RedisConnection::RunTls(const Function& function, Deadline deadline) {
  for (;;) {
    ERR_clear_error();
    errno = 0;
    const int result = function();
    if (result == 1) return absl::OkStatus();
    const int error = errno;
    absl::Status status;
    switch (SSL_get_error(tls_.get(), result)) {
      case SSL_ERROR_WANT_READ:
        status = Wait(POLLIN, deadline);
        break;
      case SSL_ERROR_WANT_WRITE:
        status = Wait(POLLOUT, deadline);
        break;
      case SSL_ERROR_ZERO_RETURN:
        return BrokenError(0);
      case SSL_ERROR_SYSCALL:
        return BrokenError(error);
      default:
        return TlsError();
    }
    if (!status.ok()) return status;
  }
}

absl::Status RedisConnection::Wait(short events, Deadline deadline) const {
  pollfd waiting{.fd = fd_, .events = events, .revents = 0};
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) return absl::DeadlineExceededError(kTooLate);
    const int result = poll(&waiting, 1, static_cast<int>(left.count()));
    if (result > 0) return absl::OkStatus();
    if (result < 0 && errno != EINTR) return absl::ErrnoToStatus(errno, "cannot wait");
  }
}

absl::Status RedisConnection::TlsError() const {
  const long verified = SSL_get_verify_result(tls_.get());
  if (verified != X509_V_OK) {
    return absl::UnavailableError(absl::StrCat("its certificate is not accepted for ", server_name_,
                                               ": ", X509_verify_cert_error_string(verified)));
  }
  const char* const reason = ERR_reason_error_string(ERR_peek_error());
  return absl::UnavailableError(
      absl::StrCat("TLS: ", reason == nullptr ? "unknown error" : reason));
}

absl::Status RedisConnection::BrokenError(int error) const {
  std::string message = "it closed the connection";
  if (tls_ == nullptr && !has_received_) message += " without a response (it may expect TLS)";
  if (error != 0) return absl::ErrnoToStatus(error, message);
  return absl::UnavailableError(message);
}

}  // namespace evalrun::ratelimit

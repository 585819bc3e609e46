// SPDX-License-Identifier: Apache-2.0
//
// File: redis_connection.h
//
// One connection to Redis, in plaintext or over TLS.
//
// hiredis connects, and formats and parses the protocol. The bytes are sent and received here: that
// of Debian 12 knows no TLS, later ones do not verify the server's name, and none bounds more than
// single reads.
#ifndef EVALRUN_SERVICE_RATELIMIT_REDIS_CONNECTION_H_
#define EVALRUN_SERVICE_RATELIMIT_REDIS_CONNECTION_H_

#include <chrono>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <openssl/ssl.h>

struct redisReader;
struct redisReply;

namespace evalrun::ratelimit {

// Not thread-safe. SIGPIPE must be ignored. After an error of the connection it is of no use.
class RedisConnection {
 public:
  using Deadline = std::chrono::steady_clock::time_point;
  struct FreeReply {
    void operator()(redisReply* reply) const;
  };
  using Reply = std::unique_ptr<redisReply, FreeReply>;

  // TLS of a connection.
  struct Tls {
    std::shared_ptr<SSL_CTX> context;  // nullptr: plaintext
    std::string server_name;           // that the certificate must be for: a DNS name or IP address
  };

  // Connects to `host`, an address or `localhost`, TLS included, within `timeout`.
  static absl::StatusOr<std::unique_ptr<RedisConnection>> Open(const std::string& host, int port,
                                                               const Tls& tls,
                                                               std::chrono::milliseconds timeout);
  ~RedisConnection();
  RedisConnection(const RedisConnection&) = delete;
  RedisConnection& operator=(const RedisConnection&) = delete;

  // Adds a command to the pipeline.
  absl::Status Append(std::initializer_list<std::string_view> words);
  // Sends the pipeline and reads the next reply. A Redis error reply becomes an error status, after
  // which is_usable() is still true.
  absl::StatusOr<Reply> NextReply(Deadline deadline);

  // Whether no error of the connection itself has happened.
  [[nodiscard]] bool is_usable() const { return is_usable_; }

 private:
  struct FreeReader {
    void operator()(redisReader* reader) const;
  };

  explicit RedisConnection(int fd);

  [[nodiscard]] absl::Status Handshake(const Tls& tls, Deadline deadline);
  [[nodiscard]] absl::StatusOr<Reply> SendAndReceive(Deadline deadline);
  // Send all of `output_`, and receive at least one byte of `size`.
  [[nodiscard]] absl::Status Send(Deadline deadline);
  [[nodiscard]] absl::StatusOr<std::size_t> Receive(char* buffer, std::size_t size,
                                                    Deadline deadline);
  // Repeats a function of OpenSSL until its result is 1.
  template <typename Function>
  [[nodiscard]] absl::Status RunTls(const Function& function, Deadline deadline);
  [[nodiscard]] absl::Status Wait(short events, Deadline deadline) const;
  [[nodiscard]] absl::Status TlsError() const;
  // `error` is errno, or 0 at the end of the stream.
  [[nodiscard]] absl::Status BrokenError(int error) const;

  const int fd_;
  std::string server_name_;
  std::shared_ptr<SSL> tls_;  // nullptr: plaintext
  const std::unique_ptr<redisReader, FreeReader> reader_;
  std::string output_;
  bool has_received_ = false;
  bool is_usable_ = true;
};

}  // namespace evalrun::ratelimit

#endif  // EVALRUN_SERVICE_RATELIMIT_REDIS_CONNECTION_H_

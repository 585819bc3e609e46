// SPDX-License-Identifier: Apache-2.0
//
// File: redis_store.h
//
// The shared store in Redis 7. Each request runs one script, which uses Redis' clock; a batch of
// requests is one pipeline.
//
// A Redis key holds, for a RULE:SUBJECT, how far its TAT (gcra.h) was ahead, and when. It expires
// once the TAT is no longer ahead.
#ifndef EVALRUN_SERVICE_RATELIMIT_REDIS_STORE_H_
#define EVALRUN_SERVICE_RATELIMIT_REDIS_STORE_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "rest_backend/dns/background_resolver.h"
#include "service/ratelimit/redis_connection.h"
#include "service/ratelimit/redis_tls.h"
#include "service/ratelimit/shared_store.h"

namespace evalrun::ratelimit {

struct RedisOptions {
  std::string host;  // a name is looked up in the background (rest_backend/dns)
  int port = 6379;
  // If `password` is not null, each connection authenticates with AUTH, as `username`, or as
  // `default` if that is empty. `password` is called for each new connection, on the
  // thread that uses the store, and may block.
  std::string username = {};
  std::function<absl::StatusOr<std::string>()> password = nullptr;
  std::string key_prefix = "evalrun:";
  // nullptr: plaintext. Otherwise it outlives the store, and has been set.
  const RedisTls* tls = nullptr;
  std::string tls_server_name = {};  // that the certificate must be for; empty: `host`
  // Timeout for waiting for the first lookup of the name, for connecting to an address, TLS
  // included, and for the responses to a batch.
  std::chrono::milliseconds timeout{100};
};

// Not thread-safe. SIGPIPE must be ignored. After an error, and after RedisTls::Set(), the
// connection is closed and the next Acquire() opens a new one.
class RedisStore final : public SharedStore {
 public:
  explicit RedisStore(RedisOptions options);
  ~RedisStore() override;

  absl::Status Acquire(std::span<const LeaseRequest* const> requests,
                       std::span<std::uint32_t> granted) override;

 private:
  [[nodiscard]] absl::Status Connect();
  [[nodiscard]] absl::Status OpenConnection();
  [[nodiscard]] absl::Status OpenConnectionTo(const std::string& host);
  [[nodiscard]] absl::Status Authenticate();
  [[nodiscard]] absl::Status ExecutePipeline(std::span<const LeaseRequest* const> requests,
                                             std::span<std::uint32_t> granted);
  [[nodiscard]] RedisConnection::Deadline ResponseDeadline() const;

  const RedisOptions options_;
  std::unique_ptr<dns::BackgroundResolver> resolver_;  // nullptr: not a name
  std::unique_ptr<RedisConnection> connection_;
  std::shared_ptr<SSL_CTX> tls_context_;  // of the connection
  std::string script_hash_;               // the SHA-1 by which Redis identifies the script
};

}  // namespace evalrun::ratelimit

#endif  // EVALRUN_SERVICE_RATELIMIT_REDIS_STORE_H_

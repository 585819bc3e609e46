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
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "rest_backend/dns/background_resolver.h"
#include "service/ratelimit/shared_store.h"

struct redisContext;
struct redisReply;

namespace evalrun::ratelimit {

struct RedisOptions {
  std::string host;  // a name is looked up in the background (rest_backend/dns)
  int port = 6379;
  // If `password` is not null, each connection authenticates with AUTH, as `username`, or as
  // `default` if that is empty. `password` is called for each new connection.
  std::string username = {};
  std::function<absl::StatusOr<std::string>()> password = nullptr;
  std::string key_prefix = "evalrun:";
  // Timeout for waiting for the first lookup of the name, for connecting to an address, and for the
  // responses to a batch.
  std::chrono::milliseconds timeout{100};
};

// Not thread-safe. SIGPIPE must be ignored. After an error the connection is closed, and the next
// Acquire() opens a new one.
class RedisStore final : public SharedStore {
 public:
  explicit RedisStore(RedisOptions options);
  ~RedisStore() override;

  absl::Status Acquire(std::span<const LeaseRequest* const> requests,
                       std::span<std::uint32_t> granted) override;

 private:
  struct Deleter {
    void operator()(redisContext* connection) const;
    void operator()(redisReply* reply) const;
  };
  using Reply = std::unique_ptr<redisReply, Deleter>;

  [[nodiscard]] absl::Status Connect();
  [[nodiscard]] absl::Status OpenConnection();
  [[nodiscard]] absl::Status OpenConnectionTo(const std::string& host);
  [[nodiscard]] absl::Status ExecutePipeline(std::span<const LeaseRequest* const> requests,
                                             std::span<std::uint32_t> granted);
  // Adds a command to the pipeline.
  [[nodiscard]] absl::Status Append(std::initializer_list<std::string_view> words);
  // Sends the pipeline and reads the next reply. A Redis error reply becomes an error status.
  [[nodiscard]] absl::StatusOr<Reply> NextReply();
  [[nodiscard]] absl::Status ConnectionError() const;

  const RedisOptions options_;
  std::unique_ptr<dns::BackgroundResolver> resolver_;  // nullptr: not a name
  std::unique_ptr<redisContext, Deleter> connection_;
  std::string script_hash_;  // the SHA-1 by which Redis identifies the script
};

}  // namespace evalrun::ratelimit

#endif  // EVALRUN_SERVICE_RATELIMIT_REDIS_STORE_H_

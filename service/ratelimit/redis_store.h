// File: redis_store.h
//
// A Redis 7 in which replicas share their limits. What the store does for a request is one script,
// which runs at Redis' own time; a batch of requests is one pipeline.
//
// A key of Redis holds, for a RULE:SUBJECT, how far its TAT (gcra.h) was ahead, and when. It
// expires when there is nothing left to know.
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

#include "service/ratelimit/shared_store.h"

struct redisContext;
struct redisReply;

namespace evalrun::ratelimit {

struct RedisOptions {
  std::string host;
  int port = 6379;
  // With a password the connection begins with AUTH, for this user of the access control list, or
  // for `default` when it is empty. Null: no AUTH. Called for each connection.
  std::string username = {};
  std::function<absl::StatusOr<std::string>()> password = nullptr;
  std::string key_prefix = "evalrun:";
  // To connect, and for a batch to be answered.
  std::chrono::milliseconds timeout{100};
};

// Not thread-safe. SIGPIPE must be ignored. After an error the connection is closed, and the next
// Acquire() makes another.
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
  [[nodiscard]] absl::Status ExecutePipeline(std::span<const LeaseRequest* const> requests,
                                             std::span<std::uint32_t> granted);
  // Adds a command to what is sent next.
  [[nodiscard]] absl::Status Append(std::initializer_list<std::string_view> words);
  // Sends what was added, and reads the next reply. One that says ERROR is an error.
  [[nodiscard]] absl::StatusOr<Reply> NextReply();
  [[nodiscard]] absl::Status ConnectionError() const;

  const RedisOptions options_;
  std::unique_ptr<redisContext, Deleter> connection_;
  std::string script_hash_;  // Redis' name of the script
};

}  // namespace evalrun::ratelimit

#endif  // EVALRUN_SERVICE_RATELIMIT_REDIS_STORE_H_

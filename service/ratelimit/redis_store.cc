// SPDX-License-Identifier: Apache-2.0

#include "service/ratelimit/redis_store.h"

#include <sys/time.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <initializer_list>
#include <string_view>
#include <utility>

#include <hiredis/hiredis.h>

#include "rest_backend/dns/host_name.h"

namespace evalrun::ratelimit {
namespace {

using Clock = std::chrono::steady_clock;

// AcquireFromStore() of lease.h in Lua. All numbers are integers below 2^53, which a double
// represents exactly. A TAT in nanoseconds since 1970 would not be, so the script stores how far it
// was ahead in nanoseconds, and when, in microseconds.
constexpr char kScript[] = R"(
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, burst_tolerance, max_ahead = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local spent, requested = tonumber(ARGV[4]), tonumber(ARGV[5])
local ahead = 0
local known = redis.call('GET', KEYS[1])
if known then
  local was, at = string.match(known, '^(%d+) (%d+)$')
  if was then ahead = was - (now - at) * 1000 end
end
ahead = math.max(0, math.min(ahead, max_ahead)) + spent * interval
local granted = math.max(0, math.min(math.floor((burst_tolerance - ahead) / interval), requested))
ahead = ahead + granted * interval
redis.call('SET', KEYS[1], string.format('%.0f %.0f', ahead, now),
           'PX', string.format('%.0f', math.ceil(ahead / 1000000) + 1))
return granted
)";

// Of no RULE:SUBJECT.
constexpr const char* kProbeKey = "probe";

timeval ToTimeval(std::chrono::microseconds time) {
  return {.tv_sec = time.count() / 1'000'000, .tv_usec = time.count() % 1'000'000};
}

}  // namespace

RedisStore::RedisStore(RedisOptions options) : options_(std::move(options)) {
  if (!dns::NeedsNameServer(options_.host)) return;
  resolver_ = std::make_unique<dns::BackgroundResolver>(
      dns::BackgroundResolver::Options{.host = options_.host}, /*on_lookup=*/nullptr);
}

RedisStore::~RedisStore() = default;

void RedisStore::Deleter::operator()(redisContext* connection) const { redisFree(connection); }

void RedisStore::Deleter::operator()(redisReply* reply) const { freeReplyObject(reply); }

absl::Status RedisStore::Acquire(std::span<const LeaseRequest* const> requests,
                                 std::span<std::uint32_t> granted) {
  absl::Status status = connection_ == nullptr ? Connect() : absl::OkStatus();
  if (status.ok()) status = ExecutePipeline(requests, granted);
  if (!status.ok()) connection_ = nullptr;
  return status;
}

absl::Status RedisStore::OpenConnectionTo(const std::string& host) {
  const timeval timeout = ToTimeval(options_.timeout);
  connection_.reset(redisConnectWithTimeout(host.c_str(), options_.port, timeout));
  if (connection_ == nullptr) return absl::ResourceExhaustedError("out of memory");
  if (connection_->err != 0) return ConnectionError();
  if (redisSetTimeout(connection_.get(), timeout) != REDIS_OK) return ConnectionError();
  if (redisEnableKeepAlive(connection_.get()) != REDIS_OK) return ConnectionError();
  return absl::OkStatus();
}

absl::Status RedisStore::OpenConnection() {
  if (resolver_ == nullptr) return OpenConnectionTo(options_.host);
  // hiredis would wait for name servers, without a limit.
  const std::shared_ptr<const dns::Resolution> resolution =
      resolver_->WaitForFirst(options_.timeout);
  if (resolution == nullptr) {
    return absl::DeadlineExceededError("no response of a name server in time");
  }
  absl::Status status = absl::UnavailableError(resolution->error);
  for (const std::string& address : resolution->addresses) {
    status = OpenConnectionTo(address);
    if (status.ok()) return status;
  }
  resolver_->RequestLookup();
  return status;
}

absl::Status RedisStore::Connect() {
  if (absl::Status status = OpenConnection(); !status.ok()) return status;
  if (options_.password != nullptr) {
    absl::StatusOr<std::string> password = options_.password();
    if (!password.ok()) return password.status();
    const std::string& username = options_.username;
    absl::Status status =
        username.empty() ? Append({"AUTH", *password}) : Append({"AUTH", username, *password});
    if (status.ok()) status = NextReply().status();
    // The rest of the message may repeat the password: `ERR unknown command 'AUTH', with args ...`
    if (!status.ok() && connection_->err == 0) {
      const bool is_known = status.message().substr(0, 10) == "WRONGPASS ";
      return absl::UnavailableError(is_known ? "WRONGPASS: it refuses user or password"
                                             : "it does not take AUTH");
    }
    if (!status.ok()) return status;
  }
  absl::Status status = Append({"SCRIPT", "LOAD", kScript});
  if (!status.ok()) return status;
  const absl::StatusOr<Reply> hash = NextReply();
  if (!hash.ok()) return hash.status();
  if ((*hash)->str == nullptr) return absl::InternalError("SCRIPT LOAD gave no name");
  script_hash_ = (*hash)->str;
  return absl::OkStatus();
}

absl::Status RedisStore::ExecutePipeline(std::span<const LeaseRequest* const> requests,
                                         std::span<std::uint32_t> granted) {
  if (requests.empty()) {
    // Not PING: a replica, a full Redis and one without enough replicas respond to it, and grant
    // nothing. This reports no use, requests no calls, and writes all the same.
    absl::Status status = Append(
        {"EVALSHA", script_hash_, "1", options_.key_prefix + kProbeKey, "1", "1", "1", "0", "0"});
    return status.ok() ? NextReply().status() : status;
  }
  const Clock::time_point deadline = Clock::now() + options_.timeout;
  for (const LeaseRequest* request : requests) {
    const StoreQuota& quota = request->quota;
    absl::Status status =
        Append({"EVALSHA", script_hash_, "1", options_.key_prefix + request->key,
                std::to_string(quota.interval), std::to_string(quota.burst_tolerance),
                std::to_string(quota.max_ahead), std::to_string(request->spent),
                std::to_string(request->requested)});
    if (!status.ok()) return status;
  }
  for (std::uint32_t& calls : granted) {
    const absl::StatusOr<Reply> reply = NextReply();
    if (!reply.ok()) return reply.status();
    calls = static_cast<std::uint32_t>((*reply)->integer);
    // hiredis applies the timeout to each read; this applies it to the whole batch.
    if (Clock::now() > deadline) return absl::DeadlineExceededError("it is too slow");
  }
  return absl::OkStatus();
}

absl::Status RedisStore::Append(std::initializer_list<std::string_view> words) {
  std::array<const char*, 9> texts{};
  std::array<std::size_t, 9> sizes{};
  std::size_t count = 0;
  for (const std::string_view word : words) {
    texts[count] = word.data();
    sizes[count++] = word.size();
  }
  const int done = redisAppendCommandArgv(connection_.get(), static_cast<int>(count), texts.data(),
                                          sizes.data());
  return done == REDIS_OK ? absl::OkStatus() : ConnectionError();
}

absl::StatusOr<RedisStore::Reply> RedisStore::NextReply() {
  void* raw_reply = nullptr;
  if (redisGetReply(connection_.get(), &raw_reply) != REDIS_OK) return ConnectionError();
  Reply reply(static_cast<redisReply*>(raw_reply));
  if (reply->type == REDIS_REPLY_ERROR) return absl::UnavailableError(reply->str);
  return reply;
}

absl::Status RedisStore::ConnectionError() const {
  // This is how hiredis reports a timeout.
  if (connection_->err == REDIS_ERR_IO && errno == EAGAIN) {
    return absl::DeadlineExceededError("it does not respond in time");
  }
  return absl::UnavailableError(connection_->errstr);
}

}  // namespace evalrun::ratelimit

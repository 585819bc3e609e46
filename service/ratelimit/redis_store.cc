// SPDX-License-Identifier: Apache-2.0

#include "service/ratelimit/redis_store.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string_view>
#include <utility>

#include <hiredis/hiredis.h>

#include "rest_backend/dns/host_name.h"

namespace evalrun::ratelimit {
namespace {

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

}  // namespace

RedisStore::RedisStore(RedisOptions options) : options_(std::move(options)) {
  if (!dns::NeedsNameServer(options_.host)) return;
  resolver_ = std::make_unique<dns::BackgroundResolver>(
      dns::BackgroundResolver::Options{.host = options_.host}, /*on_lookup=*/nullptr);
}

RedisStore::~RedisStore() = default;

absl::Status RedisStore::Acquire(std::span<const LeaseRequest* const> requests,
                                 std::span<std::uint32_t> granted) {
  // A connection with replaced certificates proves nothing about the new ones.
  if (options_.tls != nullptr && options_.tls->Current() != tls_context_) connection_ = nullptr;
  absl::Status status = connection_ == nullptr ? Connect() : absl::OkStatus();
  if (status.ok()) status = ExecutePipeline(requests, granted);
  if (!status.ok()) connection_ = nullptr;
  return status;
}

absl::Status RedisStore::OpenConnectionTo(const std::string& host) {
  auto connection = RedisConnection::Open(
      host, options_.port,
      {.context = tls_context_,
       .server_name = options_.tls_server_name.empty() ? options_.host : options_.tls_server_name},
      options_.timeout);
  if (!connection.ok()) return connection.status();
  connection_ = *std::move(connection);
  return absl::OkStatus();
}

absl::Status RedisStore::OpenConnection() {
  if (options_.tls != nullptr) tls_context_ = options_.tls->Current();
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

absl::Status RedisStore::Authenticate() {
  absl::StatusOr<std::string> password = options_.password();
  if (!password.ok()) return password.status();
  const std::string& username = options_.username;
  absl::Status status = username.empty() ? connection_->Append({"AUTH", *password})
                                         : connection_->Append({"AUTH", username, *password});
  if (status.ok()) status = connection_->NextReply(ResponseDeadline()).status();
  // The rest of the message may repeat the password: `ERR unknown command 'AUTH', with args ...`
  if (!status.ok() && connection_->is_usable()) {
    const bool is_known = status.message().substr(0, 10) == "WRONGPASS ";
    return absl::UnavailableError(is_known ? "WRONGPASS: it refuses user or password"
                                           : "it does not take AUTH");
  }
  return status;
}

absl::Status RedisStore::Connect() {
  absl::Status status = OpenConnection();
  if (status.ok() && options_.password != nullptr) status = Authenticate();
  if (status.ok()) status = connection_->Append({"SCRIPT", "LOAD", kScript});
  if (!status.ok()) return status;
  const auto hash = connection_->NextReply(ResponseDeadline());
  if (!hash.ok()) return hash.status();
  if ((*hash)->str == nullptr) return absl::InternalError("SCRIPT LOAD gave no name");
  script_hash_ = (*hash)->str;
  return absl::OkStatus();
}

absl::Status RedisStore::ExecutePipeline(std::span<const LeaseRequest* const> requests,
                                         std::span<std::uint32_t> granted) {
  const RedisConnection::Deadline deadline = ResponseDeadline();
  if (requests.empty()) {
    // Not PING: a replica, a full Redis and one without enough replicas respond to it, and grant
    // nothing. This reports no use, requests no calls, and writes all the same.
    absl::Status status = connection_->Append(
        {"EVALSHA", script_hash_, "1", options_.key_prefix + kProbeKey, "1", "1", "1", "0", "0"});
    return status.ok() ? connection_->NextReply(deadline).status() : status;
  }
  for (const LeaseRequest* request : requests) {
    const StoreQuota& quota = request->quota;
    absl::Status status =
        connection_->Append({"EVALSHA", script_hash_, "1", options_.key_prefix + request->key,
                             std::to_string(quota.interval), std::to_string(quota.burst_tolerance),
                             std::to_string(quota.max_ahead), std::to_string(request->spent),
                             std::to_string(request->requested)});
    if (!status.ok()) return status;
  }
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const auto reply = connection_->NextReply(deadline);
    if (!reply.ok()) return reply.status();
    // Whatever answers in place of our script, no more calls are granted than were requested.
    const std::int64_t requested = requests[i]->requested;
    granted[i] =
        static_cast<std::uint32_t>(std::clamp<std::int64_t>((*reply)->integer, 0, requested));
  }
  return absl::OkStatus();
}

RedisConnection::Deadline RedisStore::ResponseDeadline() const {
  return std::chrono::steady_clock::now() + options_.timeout;
}

}  // namespace evalrun::ratelimit

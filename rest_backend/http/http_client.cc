// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/http/http_client.h"

#include <algorithm>
#include <new>
#include <stdexcept>
#include <utility>

#include "rest_backend/http/shard.h"
#include "rest_backend/http/transfer.h"

namespace evalrun::http {

using Clock = std::chrono::steady_clock;

HttpClient::HttpClient(HttpClientOptions options)
    : options_(std::move(options)), poll_(options_.tcp_user_timeout), share_(curl_share_init()) {
  if (share_ == nullptr) throw std::bad_alloc();
  // Without lock functions: the shards that share it run one at a time.
  for (const curl_lock_data data : {CURL_LOCK_DATA_DNS, CURL_LOCK_DATA_SSL_SESSION}) {
    const CURLSHcode code = curl_share_setopt(share_.get(), CURLSHOPT_SHARE, data);
    if (code == CURLSHE_NOMEM) throw std::bad_alloc();
    // A libcurl without TLS has no sessions to share.
    if (code != CURLSHE_OK && code != CURLSHE_NOT_BUILT_IN) {
      throw std::runtime_error(curl_share_strerror(code));
    }
  }
}

HttpClient::~HttpClient() {
  for (const auto& transfer : transfers_) {
    if (transfer->shard() != nullptr) transfer->shard()->Remove(transfer->easy());
  }
  // Before the sockets' epoll instance, which they call when they close their connections.
  shards_.clear();
  transfers_.clear();
}

Shard* HttpClient::ShardWithCapacity() {
  // The first with capacity: few shards stay in use, the others become idle and are closed.
  for (const auto& shard : shards_) {
    if (shard->HasCapacity()) return shard.get();
  }
  return shards_.emplace_back(std::make_unique<Shard>(&poll_, options_.max_idle_connections)).get();
}

Transfer* HttpClient::Send(const AttemptRequest& request, AttemptObserver* observer) {
  if (idle_transfers_.empty()) {
    transfers_.push_back(std::make_unique<Transfer>(options_, &poll_, share_.get()));
    idle_transfers_.push_back(transfers_.back().get());
  }
  Transfer* transfer = idle_transfers_.back();
  idle_transfers_.pop_back();
  Shard* shard = ShardWithCapacity();
  if (!transfer->Begin(request, observer, shard) || !shard->Add(transfer->easy())) {
    transfer->End();
    not_started_.push_back(transfer);
  }
  ++in_flight_;
  return transfer;
}

void HttpClient::Release(Transfer* transfer) {
  if (transfer->shard() != nullptr) transfer->shard()->Remove(transfer->easy());
  transfer->End();
  idle_transfers_.push_back(transfer);
  --in_flight_;
}

bool HttpClient::Abort(Transfer* transfer) {
  const bool may_have_been_sent = transfer->may_have_been_sent();
  std::erase(not_started_, transfer);
  Release(transfer);
  return may_have_been_sent;
}

void HttpClient::Expire(Transfer* transfer) {
  std::erase(not_started_, transfer);
  AttemptObserver* observer = transfer->observer();
  const deletion::AttemptResult result = transfer->ExpiredResult();
  observer->OnAttemptDone(result);
  Release(transfer);
}

std::size_t HttpClient::Poll() {
  ready_ = poll_.Ready();
  return ready_.size();
}

bool HttpClient::RunReady() {
  const Clock::time_point now = Clock::now();
  bool progress = CompleteNotStarted();
  // Before the timers, which begin attempts: those must not reuse a connection on which unexpected
  // bytes have arrived.
  for (const SocketPoll::Event& event : std::exchange(ready_, {})) {
    if (!poll_.HasInterest(event)) continue;
    event.shard->OnSocket(event.fd, event.curl_events);
    CompleteFinished(*event.shard);
    progress = true;
  }
  // By index: an observer may begin an attempt, and so add a shard.
  for (std::size_t i = 0; i < shards_.size(); ++i) {  // NOLINT(modernize-loop-convert)
    if (shards_[i]->OnTimer(now)) {
      CompleteFinished(*shards_[i]);
      progress = true;
    }
  }
  CloseIdleShards(now);
  return progress;
}

void HttpClient::CompleteFinished(Shard& shard) {
  while (const std::optional<Shard::FinishedTransfer> done = shard.NextFinishedTransfer()) {
    Transfer* transfer = Transfer::Of(done->easy);
    AttemptObserver* observer = transfer->observer();
    const deletion::AttemptResult result = transfer->Result(done->code);
    observer->OnAttemptDone(result);
    Release(transfer);
  }
}

bool HttpClient::CompleteNotStarted() {
  deletion::AttemptResult result;
  result.fault = deletion::Fault::kInternal;
  // Those that an observer adds meanwhile wait for the next time: otherwise one that retries at
  // once would keep this loop running. An observer may also abort others.
  const std::size_t count = not_started_.size();
  for (std::size_t i = 0; i < count && !not_started_.empty(); ++i) {
    Transfer* transfer = not_started_.front();
    not_started_.erase(not_started_.begin());
    transfer->observer()->OnAttemptDone(result);
    Release(transfer);
  }
  return count > 0;
}

void HttpClient::CloseIdleShards(Clock::time_point now) {
  // libcurl closes an idle connection only when the next request meets it.
  const std::size_t kept =
      std::max<std::size_t>(1, options_.max_idle_connections / Shard::kCapacity);
  while (shards_.size() > kept && shards_.back()->idle_since().has_value()) shards_.pop_back();
  std::erase_if(shards_, [&](const std::unique_ptr<Shard>& shard) {
    return shard->idle_since().has_value() &&
           now - *shard->idle_since() >= options_.idle_connection_age;
  });
}

std::optional<Clock::time_point> HttpClient::NextWakeUp() const {
  if (!not_started_.empty()) return Clock::now();
  std::optional<Clock::time_point> next;
  for (const auto& shard : shards_) {
    std::optional<Clock::time_point> due = shard->timer();
    if (shard->idle_since().has_value()) {
      const Clock::time_point close_at = *shard->idle_since() + options_.idle_connection_age;
      due = due.has_value() ? std::min(*due, close_at) : close_at;
    }
    if (due.has_value() && (!next.has_value() || *due < *next)) next = due;
  }
  return next;
}

}  // namespace evalrun::http

// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/http/http_client.h"

#include <algorithm>
#include <new>
#include <stdexcept>
#include <utility>

#include "rest_backend/dns/host_name.h"
#include "rest_backend/http/shard.h"
#include "rest_backend/http/transfer.h"

namespace evalrun::http {
namespace {

// Further ones are destroyed when they have finished: after a burst memory is given back.
constexpr std::size_t kMaxIdleTransfers = 64;

// How many abandoned attempts may wait for their responses, and how long: without a bound, callers
// that leave could have any number of requests at the upstream at a time.
constexpr std::size_t kMaxAbandoned = 256;
constexpr std::chrono::seconds kMaxAbandonedTime{1};

}  // namespace

using Clock = std::chrono::steady_clock;
using deletion::Fault;

HttpClient::HttpClient(HttpClientOptions options)
    : options_(std::move(options)),
      endpoint_(options_.proxy.empty() ? ParseOrigin(options_.origin) : ParseProxy(options_.proxy)),
      poll_(options_.tcp_user_timeout),
      share_(curl_share_init()) {
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
  if (!dns::NeedsNameServer(endpoint_.host)) return;
  resolver_ = std::make_unique<dns::BackgroundResolver>(
      dns::BackgroundResolver::Options{.host = endpoint_.host,
                                       .refresh_interval = options_.dns_cache_time,
                                       .look_up = options_.look_up},
      [this] { poll_.WakeUp(); });
}

HttpClient::~HttpClient() {
  resolver_ = nullptr;  // it wakes the others up
  for (const auto& [transfer, owner] : transfers_) {
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
    auto made = std::make_unique<Transfer>(options_, &poll_, share_.get());
    Transfer* const added = made.get();
    transfers_.emplace(added, std::move(made));
    idle_transfers_.push_back(added);
  }
  Transfer* transfer = idle_transfers_.back();
  idle_transfers_.pop_back();
  ++in_flight_;
  if (!transfer->Begin(request, observer)) {
    not_started_.push_back({transfer, Fault::kInternal});
  } else if (resolver_ == nullptr || addresses_ != nullptr) {
    Start(transfer, /*has_waited=*/false);
  } else if (IsLookupPending()) {
    waiting_.push_back(transfer);
  } else {
    // The last lookup has failed a moment ago.
    not_started_.push_back({transfer, Fault::kResolve});
  }
  return transfer;
}

void HttpClient::Start(Transfer* transfer, bool has_waited) {
  Shard* shard = ShardWithCapacity();
  if (!transfer->Enter(shard, addresses_, has_waited) || !shard->Add(transfer->easy())) {
    transfer->End();
    not_started_.push_back({transfer, Fault::kInternal});
  }
}

void HttpClient::Forget(Transfer* transfer) {
  if (transfer->shard() != nullptr) return;
  std::erase_if(not_started_,
                [&](const NotStarted& not_started) { return not_started.transfer == transfer; });
  std::erase(waiting_, transfer);
}

void HttpClient::Release(Transfer* transfer) {
  if (transfer->shard() != nullptr) transfer->shard()->Remove(transfer->easy());
  transfer->End();
  --in_flight_;
  if (idle_transfers_.size() < kMaxIdleTransfers) {
    idle_transfers_.push_back(transfer);
  } else {
    transfers_.erase(transfer);
  }
}

void HttpClient::Abandon(Transfer* transfer) {
  if (!transfer->may_have_been_sent() || abandoned_.size() == kMaxAbandoned) {
    Release(transfer);
    return;
  }
  transfer->Abandon();
  abandoned_.push_back({transfer, Clock::now() + kMaxAbandonedTime});
}

bool HttpClient::Abort(Transfer* transfer) {
  const bool may_have_been_sent = transfer->may_have_been_sent();
  Forget(transfer);
  Abandon(transfer);
  return may_have_been_sent;
}

void HttpClient::Expire(Transfer* transfer) {
  Forget(transfer);
  AttemptObserver* observer = transfer->observer();
  const deletion::AttemptResult result = transfer->ExpiredResult();
  observer->OnAttemptDone(result);
  Abandon(transfer);
}

std::size_t HttpClient::Poll() {
  ready_ = poll_.Ready();
  for (Shard* shard : poll_.TakeShardsWithEndedConnection()) shard->OnIdleConnectionEnded();
  return ready_.size();
}

bool HttpClient::RunReady() {
  const Clock::time_point now = Clock::now();
  bool progress = false;
  if (poll_.TakeWakeUp()) {
    OnLookup();
    progress = true;
  }
  progress = EndLateLookups(now) || progress;
  progress = CompleteNotStarted() || progress;
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
  progress = EndLateAbandoned(now) || progress;
  CloseIdleShards(now);
  return progress;
}

bool HttpClient::IsLookupPending() {
  // One may have ended a moment ago, with its wake-up still to come.
  return resolver_->RequestLookup() || resolver_->Current() != resolution_;
}

void HttpClient::OnLookup() {
  resolution_ = resolver_->Current();
  if (!resolution_->addresses.empty()) UseAddresses(resolution_->addresses);
  for (Transfer* transfer : std::exchange(waiting_, {})) {
    if (addresses_ != nullptr) {
      Start(transfer, /*has_waited=*/true);
    } else {
      not_started_.push_back({transfer, Fault::kResolve});
    }
  }
  if (options_.on_lookup) options_.on_lookup(endpoint_.host, *resolution_);
}

void HttpClient::UseAddresses(const std::vector<std::string>& addresses) {
  std::string entry = MakeResolveEntry(endpoint_, addresses);
  if (addresses_ != nullptr && addresses_->entry() == entry) return;
  // libcurl takes addresses into its cache when it begins a transfer. Those that were begun with
  // the old ones must not do so after one with the new ones.
  std::vector<Shard*> progressed;
  for (const auto& shard : shards_) {
    if (shard->OnTimer(Clock::now())) progressed.push_back(shard.get());
  }
  addresses_ = std::make_shared<const PinnedAddresses>(std::move(entry));
  for (Shard* shard : progressed) CompleteFinished(*shard);
}

bool HttpClient::EndLateLookups(Clock::time_point now) {
  bool any = false;
  while (!waiting_.empty() && now >= waiting_.front()->begun_at() + options_.connect_timeout) {
    Transfer* transfer = waiting_.front();
    waiting_.pop_front();
    transfer->observer()->OnAttemptDone(
        transfer->NotStartedResult(Fault::kResolve, "no response of a name server in time"));
    Release(transfer);
    any = true;
  }
  return any;
}

bool HttpClient::EndLateAbandoned(Clock::time_point now) {
  bool any = false;
  while (!abandoned_.empty() && now >= abandoned_.front().end) {
    Release(abandoned_.front().transfer);
    abandoned_.pop_front();
    any = true;
  }
  return any;
}

void HttpClient::CompleteFinished(Shard& shard) {
  while (const std::optional<Shard::FinishedTransfer> done = shard.NextFinishedTransfer()) {
    Transfer* transfer = Transfer::Of(done->easy);
    AttemptObserver* observer = transfer->observer();
    if (observer == nullptr) {
      std::erase_if(abandoned_, [transfer](const AbandonedAttempt& abandoned) {
        return abandoned.transfer == transfer;
      });
      Release(transfer);
      continue;
    }
    const deletion::AttemptResult result = transfer->Result(done->code);
    // The addresses may be outdated.
    const bool is_unreachable = result.fault == Fault::kConnect || result.fault == Fault::kTls;
    if (is_unreachable && resolver_ != nullptr) resolver_->RequestLookup();
    observer->OnAttemptDone(result);
    Release(transfer);
  }
}

bool HttpClient::CompleteNotStarted() {
  // Those that an observer adds meanwhile wait for the next time: otherwise one that retries at
  // once would keep this loop running. An observer may also abort others.
  const std::size_t count = not_started_.size();
  for (std::size_t i = 0; i < count && !not_started_.empty(); ++i) {
    const auto [transfer, fault] = not_started_.front();
    not_started_.erase(not_started_.begin());
    transfer->observer()->OnAttemptDone(transfer->NotStartedResult(
        fault,
        fault == Fault::kResolve ? std::string_view(resolution_->error) : std::string_view()));
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
  const auto wake_up_at = [&next](Clock::time_point time) {
    if (!next.has_value() || time < *next) next = time;
  };
  if (!waiting_.empty()) wake_up_at(waiting_.front()->begun_at() + options_.connect_timeout);
  if (!abandoned_.empty()) wake_up_at(abandoned_.front().end);
  for (const auto& shard : shards_) {
    if (shard->timer().has_value()) wake_up_at(*shard->timer());
    if (shard->idle_since().has_value()) {
      wake_up_at(*shard->idle_since() + options_.idle_connection_age);
    }
  }
  return next;
}

}  // namespace evalrun::http

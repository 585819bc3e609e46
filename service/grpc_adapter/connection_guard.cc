// SPDX-License-Identifier: Apache-2.0

#include "service/grpc_adapter/connection_guard.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <optional>
#include <utility>

#include <absl/status/status.h>

namespace evalrun::grpc_adapter {
namespace {

constexpr std::uint32_t kEvents = EPOLLIN | EPOLLET | EPOLLONESHOT;
constexpr std::size_t kMaxEvents = 256;

}  // namespace

absl::StatusOr<std::unique_ptr<ConnectionGuard>> ConnectionGuard::Start(
    const Options& options, const event_loop::EventLoop* loop, ConnectionReporter* reporter) {
  std::unique_ptr<ConnectionGuard> guard(new ConnectionGuard(options, loop, reporter));
  guard->epoll_ = net::UniqueFd(epoll_create1(EPOLL_CLOEXEC));
  if (!guard->epoll_.ok()) return absl::ErrnoToStatus(errno, "epoll_create1");
  guard->stop_event_ = net::UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!guard->stop_event_.ok()) return absl::ErrnoToStatus(errno, "eventfd");
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = guard->stop_event_.get();
  if (epoll_ctl(guard->epoll_.get(), EPOLL_CTL_ADD, guard->stop_event_.get(), &event) != 0) {
    return absl::ErrnoToStatus(errno, "epoll_ctl");
  }
  guard->thread_ = std::thread([guard = guard.get()] { guard->Run(); });
  return guard;
}

ConnectionGuard::~ConnectionGuard() {
  if (!thread_.joinable()) return;
  const std::uint64_t one = 1;
  // An eventfd that has been written once can be written again.
  if (write(stop_event_.get(), &one, sizeof(one)) == sizeof(one)) thread_.join();
}

void ConnectionGuard::Watch(std::shared_ptr<Connection> connection) {
  const int socket = connection->socket().fd();
  {
    const std::lock_guard lock(mutex_);
    watched_.insert_or_assign(
        socket, Watched{.connection = std::move(connection), .budget = ByteBudget(Clock::now())});
  }
  epoll_event event{};
  event.events = kEvents;
  event.data.fd = socket;
  // Without memory for it the connection is not guarded; gRPC's own registration fails as well.
  epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, socket, &event);
}

void ConnectionGuard::Run() {
  while (WaitForActivity()) {
    if (!active_.empty() && Clock::now() >= next_sample_) SampleActive();
  }
}

bool ConnectionGuard::WaitForActivity() {
  int timeout_ms = -1;
  if (!active_.empty()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(next_sample_ - Clock::now());
    timeout_ms = static_cast<int>(std::max<std::int64_t>(left.count(), 0));
  }
  std::array<epoll_event, kMaxEvents> events;
  const int count = epoll_wait(epoll_.get(), events.data(), kMaxEvents, timeout_ms);
  if (count < 0) return errno == EINTR;
  if (count > 0 && active_.empty()) next_sample_ = Clock::now() + kSampleInterval;
  for (int i = 0; i < count; ++i) {
    if (events[i].data.fd == stop_event_.get()) return false;
    active_.insert(events[i].data.fd);
  }
  return true;
}

void ConnectionGuard::SampleActive() {
  const Clock::time_point now = Clock::now();
  // A number may be in it for a connection that has been closed, and for the next one.
  const absl::flat_hash_set<int> sampled = std::exchange(active_, {});
  const std::lock_guard lock(mutex_);
  for (const int socket : sampled) {
    const auto found = watched_.find(socket);
    if (found == watched_.end()) continue;
    switch (Sample(&found->second, now)) {
      case State::kActive:
        active_.insert(socket);
        break;
      case State::kIdle:
        Rearm(socket);
        break;
      case State::kClosed:
        watched_.erase(found);
        break;
    }
  }
  CloseAboveTotal();
  next_sample_ = now + kSampleInterval;
}

void ConnectionGuard::CloseAboveTotal() {
  std::uint64_t total = 0;
  for (const int socket : active_) total += watched_.at(socket).counted_excess;
  while (total > options_.max_total_excess_bytes) {
    const auto most = std::ranges::max_element(
        active_, {}, [this](int socket) { return watched_.at(socket).counted_excess; });
    const auto found = watched_.find(*most);
    total -= found->second.counted_excess;
    Close(*found->second.connection);
    watched_.erase(found);
    active_.erase(most);
  }
}

void ConnectionGuard::Close(const Connection& connection) {
  if (connection.socket().Abort()) {
    reporter_.Report(ConnectionEnd::kUndeliveredBytes, connection.name().uri);
  }
}

ConnectionGuard::State ConnectionGuard::Sample(Watched* watched, Clock::time_point now) {
  Connection& connection = *watched->connection;
  const std::uint64_t credit = connection.credit();
  const std::uint64_t iterations = loop_.iterations();
  const bool loop_waits_for_grpc = iterations == std::exchange(watched->iterations, iterations);
  const bool has_delivered = credit != std::exchange(watched->credit, credit);
  if (has_delivered && watched->skipped_samples < kMaxSkippedSamples) {
    ++watched->skipped_samples;
    return State::kActive;
  }
  watched->skipped_samples = 0;
  watched->counted_excess = 0;
  const std::optional<std::uint64_t> read = connection.socket().BytesRead();
  if (!read.has_value()) return State::kClosed;
  const bool has_received = *read > watched->read;
  watched->read = std::max(watched->read, *read);
  const std::uint64_t excess = watched->budget.Update(*read, credit, now);
  std::uint64_t max_excess = options_.max_excess_bytes;
  if (has_received && !has_delivered) {
    max_excess = loop_waits_for_grpc ? options_.max_excess_bytes_at_once
                                     : options_.max_excess_bytes_without_calls;
    watched->counted_excess = excess - std::min(excess, options_.uncounted_bytes);
  }
  if (excess > max_excess) {
    Close(connection);
    return State::kClosed;
  }
  return has_received ? State::kActive : State::kIdle;
}

// By its number alone: when that belongs to another connection by now, that one is looked at once
// more than needed.
void ConnectionGuard::Rearm(int socket) const {
  epoll_event event{};
  event.events = kEvents;
  event.data.fd = socket;
  epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, socket, &event);
}

}  // namespace evalrun::grpc_adapter

// SPDX-License-Identifier: Apache-2.0

#include "tests/benchmark/load.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <deque>
#include <memory>
#include <queue>
#include <unordered_map>
#include <utility>
#include <vector>

#include <absl/strings/escaping.h>
#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>

#include "aymara/evals/v1/eval_run_service.pb.h"
#include "tests/benchmark/call_connection.h"
#include "tests/benchmark/latencies.h"

namespace evalrun::testing {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::duration_cast;
using std::chrono::microseconds;

// How many calls are started between two polls of the sockets.
constexpr int kMaxStartsPerIteration = 64;

std::string ParseErrorReason(const std::string& details) {
  std::string bytes;
  google::rpc::Status status;
  google::rpc::ErrorInfo info;
  if (!absl::Base64Unescape(details, &bytes) || !status.ParseFromString(bytes)) return "";
  for (const auto& any : status.details()) {
    if (any.UnpackTo(&info)) return info.reason();
  }
  return "";
}

class Load {
 public:
  explicit Load(LoadOptions options);
  ~Load() { close(epoll_fd_); }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  LoadStats Run();

 private:
  struct Call : StreamCall {
    Clock::time_point due;
    std::uint64_t number = 0;  // distinguishes timers of earlier uses
  };
  struct Timer {
    Clock::time_point when;
    Call* call;
    std::uint64_t number;
    CallOutcome end;
    bool operator>(const Timer& other) const { return when > other.when; }
  };
  struct Connection {
    std::unique_ptr<CallConnection> wire;
    std::size_t calls = 0;
    bool wants_write_events = false;
  };

  void Connect(Connection* connection);
  void Replace(Connection* connection);
  void StartDue(Clock::time_point now);
  void StartCall(Clock::time_point due, Clock::time_point now);
  void RunTimers(Clock::time_point now);
  void Finish(Call* call, CallOutcome end);
  void Flush(Connection* connection);
  void WaitForSockets(Clock::time_point until);
  [[nodiscard]] Clock::time_point NextDue(Clock::time_point now) const;
  [[nodiscard]] Connection* FindConnection(int fd);

  const LoadOptions options_;
  const std::string message_;
  const int epoll_fd_ = epoll_create1(EPOLL_CLOEXEC);
  const Clock::time_point start_ = Clock::now();
  const Clock::time_point end_ = start_ + options_.duration;
  std::vector<Connection> connections_;
  std::vector<Connection> draining_;  // until their calls have finished
  std::deque<Call> calls_;
  std::vector<Call*> idle_;
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
  std::size_t in_flight_ = 0;
  std::uint64_t replaced_ = 0;
  Latencies lags_;
  LoadStats stats_;
};

std::string Message(const std::string& eval_run_uuid) {
  aymara::evals::v1::DeleteEvalRunRequest request;
  request.set_eval_run_uuid(eval_run_uuid);
  return request.SerializeAsString();
}

Load::Load(LoadOptions options)
    : options_(std::move(options)), message_(Message(options_.eval_run_uuid)) {
  connections_.resize(static_cast<std::size_t>(options_.connections));
  for (Connection& connection : connections_) Connect(&connection);
}

void Load::Connect(Connection* connection) {
  connection->wire = std::make_unique<CallConnection>(
      options_.address, message_, options_.tls, [this](StreamCall* wire) {
        Finish(static_cast<Call*>(wire),
               wire->code >= 0 ? CallOutcome::kAnswered : CallOutcome::kStreamLost);
      });
  connection->calls = 0;
  connection->wants_write_events = true;
  epoll_event event{.events = EPOLLIN | EPOLLOUT, .data = {.fd = connection->wire->fd()}};
  epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, connection->wire->fd(), &event);
  ++stats_.connections;
}

// The calls of a connection that is cut end here; any other connection is kept until its calls have
// finished.
void Load::Replace(Connection* connection) {
  if (options_.cut_connections && ++replaced_ % 2 == 0) {
    connection->wire->Flush();  // so that the last call is on the wire
    for (Call& call : calls_) {
      if (call.connection != connection->wire.get()) continue;
      call.connection = nullptr;
      Finish(&call, CallOutcome::kConnectionCut);
    }
  } else {
    draining_.push_back(std::move(*connection));
  }
  Connect(connection);
}

Clock::time_point Load::NextDue(Clock::time_point now) const {
  if (options_.concurrency > 0) {
    return in_flight_ < options_.concurrency ? now : end_;
  }
  const auto seconds = static_cast<double>(stats_.calls) / options_.calls_per_second;
  return start_ + duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

void Load::StartDue(Clock::time_point now) {
  for (int i = 0; i < kMaxStartsPerIteration; ++i) {
    const Clock::time_point due = NextDue(now);
    if (due > now || due >= end_) return;
    StartCall(due, now);
  }
}

void Load::StartCall(Clock::time_point due, Clock::time_point now) {
  if (idle_.empty()) idle_.push_back(&calls_.emplace_back());
  Call* call = idle_.back();
  idle_.pop_back();
  const CallPlan plan = options_.plan(stats_.calls);
  Connection& connection = connections_[stats_.calls % connections_.size()];
  call->due = due;
  call->number = stats_.calls++;
  call->deadline = due + plan.timeout;
  call->caller = plan.caller;
  ++in_flight_;
  lags_.Add(duration_cast<microseconds>(now - due));
  timers_.push({call->deadline + options_.patience, call, call->number, CallOutcome::kTimedOut});
  if (plan.cancel_after.has_value()) {
    timers_.push({due + *plan.cancel_after, call, call->number, CallOutcome::kCancelled});
  }
  if (connection.wire->is_closed()) Connect(&connection);
  connection.wire->Start(call);
  if (++connection.calls == options_.calls_per_connection) Replace(&connection);
}

void Load::RunTimers(Clock::time_point now) {
  while (!timers_.empty() && timers_.top().when <= now) {
    const Timer timer = timers_.top();
    timers_.pop();
    if (timer.call->number != timer.number || timer.call->connection == nullptr) continue;
    timer.call->connection->Cancel(timer.call);
    Finish(timer.call, timer.end);
  }
}

void Load::Finish(Call* call, CallOutcome end) {
  const auto now = Clock::now();
  --in_flight_;
  idle_.push_back(call);
  options_.on_result({.number = call->number,
                      .end = end,
                      .was_sent = call->stream != 0,
                      .code = call->code,
                      .reason = call->details.empty() ? "" : ParseErrorReason(call->details),
                      .due = duration_cast<microseconds>(call->due - start_),
                      .duration = duration_cast<microseconds>(now - call->due)});
}

void Load::Flush(Connection* connection) {
  if (connection->wire->is_closed()) return;
  const bool wants = connection->wire->Flush();
  if (wants == connection->wants_write_events) return;
  connection->wants_write_events = wants;
  epoll_event event{};
  event.events = EPOLLIN;
  if (wants) event.events |= EPOLLOUT;
  event.data.fd = connection->wire->fd();
  epoll_ctl(epoll_fd_, EPOLL_CTL_MOD, connection->wire->fd(), &event);
}

Load::Connection* Load::FindConnection(int fd) {
  for (std::vector<Connection>* list : {&connections_, &draining_}) {
    for (Connection& connection : *list) {
      if (connection.wire->fd() == fd) return &connection;
    }
  }
  return nullptr;
}

void Load::WaitForSockets(Clock::time_point until) {
  const auto wait = std::max<Clock::duration>(until - Clock::now(), Clock::duration(0));
  const auto nanoseconds = duration_cast<std::chrono::nanoseconds>(wait).count();
  const timespec timeout = {.tv_sec = nanoseconds / 1'000'000'000,
                            .tv_nsec = nanoseconds % 1'000'000'000};
  std::array<epoll_event, 64> events{};
  const int count = epoll_pwait2(epoll_fd_, events.data(), events.size(), &timeout, nullptr);
  for (int i = 0; i < count; ++i) {
    Connection* connection = FindConnection(events[static_cast<std::size_t>(i)].data.fd);
    if (connection == nullptr || connection->wire->is_closed()) continue;
    if (!connection->wire->Read()) {
      epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, connection->wire->fd(), nullptr);
    }
  }
}

LoadStats Load::Run() {
  for (;;) {
    const Clock::time_point now = Clock::now();
    StartDue(now);
    RunTimers(now);
    for (Connection& connection : connections_) Flush(&connection);
    for (Connection& connection : draining_) Flush(&connection);
    std::erase_if(draining_, [](const Connection& connection) {
      return connection.wire->is_closed() || connection.wire->pending() == 0;
    });
    if (now >= end_ && in_flight_ == 0) break;
    Clock::time_point next = now < end_ ? std::min(NextDue(now), end_) : Clock::time_point::max();
    if (!timers_.empty()) next = std::min(next, timers_.top().when);
    WaitForSockets(std::min(next, now + std::chrono::milliseconds(100)));
  }
  stats_.max_lag = lags_.Quantile(1);
  stats_.p99_lag = lags_.Quantile(0.99);
  return stats_;
}

}  // namespace

LoadStats RunLoad(const LoadOptions& options) { return Load(options).Run(); }

}  // namespace evalrun::testing

// SPDX-License-Identifier: Apache-2.0

#include "service/grpc_adapter/connection_reporter.h"

#include <string>
#include <utility>

#include <absl/strings/str_cat.h>

namespace evalrun::grpc_adapter {
namespace {

constexpr auto kMinEventInterval = std::chrono::seconds(10);

}  // namespace

void ConnectionReporter::Report(ConnectionEnd end, std::string_view peer) {
  std::uint64_t since_last_event = 0;
  {
    const std::lock_guard lock(mutex_);
    Cause& cause = causes_[static_cast<std::size_t>(end)];
    ++cause.count;
    const Clock::time_point now = Clock::now();
    if (cause.reported_at.has_value() && now - *cause.reported_at < kMinEventInterval) return;
    cause.reported_at = now;
    since_last_event = cause.count - std::exchange(cause.reported, cause.count);
  }
  if (events_ == nullptr) return;
  events_->Write(
      spdlog::level::warn, IsRejection(end) ? "connection_rejected" : "connection_closed",
      {{"cause", ToString(end)}, {"peer", peer}, {"count", absl::StrCat(since_last_event)}});
}

std::uint64_t ConnectionReporter::count(ConnectionEnd end) const {
  const std::lock_guard lock(mutex_);
  return causes_[static_cast<std::size_t>(end)].count;
}

std::uint64_t ConnectionReporter::total() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t total = 0;
  for (const Cause& cause : causes_) total += cause.count;
  return total;
}

}  // namespace evalrun::grpc_adapter

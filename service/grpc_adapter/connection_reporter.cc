// SPDX-License-Identifier: Apache-2.0

#include "service/grpc_adapter/connection_reporter.h"

#include <optional>

#include <absl/strings/str_cat.h>

namespace evalrun::grpc_adapter {

void ConnectionReporter::Report(ConnectionEnd end, std::string_view peer) {
  counts_[static_cast<std::size_t>(end)].fetch_add(1, std::memory_order_relaxed);
  const std::optional<std::uint64_t> suppressed =
      throttle_.Admit(ToString(end), observability::EventThrottle::Clock::now());
  if (!suppressed.has_value() || events_ == nullptr) return;
  events_->Write(
      spdlog::level::warn, IsRejection(end) ? "connection_rejected" : "connection_closed",
      {{"cause", ToString(end)}, {"peer", peer}, {"count", absl::StrCat(*suppressed + 1)}});
}

std::uint64_t ConnectionReporter::count(ConnectionEnd end) const {
  return counts_[static_cast<std::size_t>(end)].load(std::memory_order_relaxed);
}

}  // namespace evalrun::grpc_adapter

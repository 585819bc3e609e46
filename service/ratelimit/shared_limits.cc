// SPDX-License-Identifier: Apache-2.0

#include "service/ratelimit/shared_limits.h"

#include <string_view>
#include <utility>

namespace evalrun::ratelimit {

SharedLimits::SharedLimits(RedisOptions options, std::string address,
                           const observability::EventLog* events, prometheus::Registry* registry)
    : address_(std::move(address)),
      events_(*events),
      up_(prometheus::BuildGauge()
              .Name("gateway_limiter_store_up")
              .Help("1 while the store of the shared limits grants leases.")
              .Register(*registry)
              .Add({})),
      store_(std::move(options)),
      thread_(&mailbox_, &store_, [this](const absl::Status& state) { OnChange(state); }) {}

void SharedLimits::OnChange(const absl::Status& state) {
  up_.Set(state.ok() ? 1 : 0);
  if (state.ok()) {
    events_.Write(spdlog::level::info, "limits_store_up", {{"address", address_}});
  } else {
    const std::string_view reason(state.message().data(), state.message().size());
    events_.Write(spdlog::level::warn, "limits_store_down",
                  {{"address", address_}, {"reason", reason}});
  }
}

}  // namespace evalrun::ratelimit

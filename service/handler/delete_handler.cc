// SPDX-License-Identifier: Apache-2.0

#include "service/handler/delete_handler.h"

#include <utility>

namespace evalrun::handler {

DeleteHandler::DeleteHandler(DeleteOptions options, const Environment& environment,
                             std::unique_ptr<ratelimit::Limiter> limiter, LiveConfig live_config)
    : options_(std::move(options)),
      environment_(environment),
      limiter_(std::move(limiter)),
      admission_(options_.admission) {
  SetLiveConfig(std::move(live_config));
}

void DeleteHandler::SetLiveConfig(LiveConfig live_config) {
  const std::shared_ptr<const authz::KeyRing> old_keys =
      std::exchange(live_config_, std::move(live_config)).keys;
  if (old_keys != nullptr) {
    // What the upstream asked of the old key does not concern the new one.
    for (const std::string& name : live_config_.keys->KeysChangedSince(*old_keys)) {
      admission_.retry_after_gate(name).Open();
    }
  }
  limiter_->SetRules(live_config_.rules, live_config_.replicas);
}

void DeleteHandler::OnRateLimited(const authz::UpstreamKey& api_key,
                                  std::chrono::milliseconds retry_after) {
  if (!live_config_.keys->Contains(api_key)) return;
  admission_.retry_after_gate(api_key.name()).OnRateLimited(clock().SteadyNow(), retry_after);
}

}  // namespace evalrun::handler

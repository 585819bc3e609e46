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
  live_config_ = std::move(live_config);
  limiter_->SetRules(live_config_.rules, live_config_.replicas);
}

}  // namespace evalrun::handler

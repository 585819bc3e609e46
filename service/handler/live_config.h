// SPDX-License-Identifier: Apache-2.0
//
// File: live_config.h
//
// What a reload changes for calls.
#ifndef EVALRUN_SERVICE_HANDLER_LIVE_CONFIG_H_
#define EVALRUN_SERVICE_HANDLER_LIVE_CONFIG_H_

#include <cstdint>
#include <memory>

#include "service/authz/key_ring.h"
#include "service/authz/policy.h"
#include "service/authz/protected_runs.h"
#include "service/ratelimit/rule_set.h"

namespace evalrun::handler {

// Replaced as a whole, never modified. No pointer is null but `protected_runs`.
struct LiveConfig {
  std::shared_ptr<const authz::AccessPolicy> policy;
  std::shared_ptr<const authz::KeyRing> keys;
  std::shared_ptr<const ratelimit::RuleSet> rules;
  std::shared_ptr<const authz::ProtectedRuns> protected_runs;  // null: none
  std::int64_t replicas = 1;      // gateways that the limits hold for together
  bool deletions_enabled = true;  // false: no attempt is started any more
};

}  // namespace evalrun::handler

#endif  // EVALRUN_SERVICE_HANDLER_LIVE_CONFIG_H_

// SPDX-License-Identifier: Apache-2.0
//
// File: admin_sources.h
//
// Where the admin port gets what it says: from the parts of the running gateway.
#ifndef EVALRUN_SERVICE_ADMIN_SOURCES_H_
#define EVALRUN_SERVICE_ADMIN_SOURCES_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include <spdlog/logger.h>

#include "service/admin/admin_server.h"
#include "service/atomic_shared_ptr.h"
#include "service/grpc_adapter/grpc_server.h"
#include "service/observability/call_history.h"
#include "service/observability/event_log.h"
#include "service/observability/metrics.h"
#include "service/observability/process_metrics.h"
#include "service/observability/recent_errors.h"
#include "service/observability/slowest_calls.h"
#include "service/observability/top_callers.h"

namespace evalrun::service {

// All outlive the admin server.
struct RunningGateway {
  const AtomicSharedPtr<std::string>* shown_config = nullptr;  // what is in force, secrets masked
  std::string upstream = {};                                   // the origin of its URL
  const std::atomic<std::uint32_t>* replicas = nullptr;        // `limits.replicas` in force
  grpc_adapter::GrpcServer* server = nullptr;
  observability::Metrics* metrics = nullptr;
  observability::ProcessMetrics* process = nullptr;
  const observability::RecentErrors* errors = nullptr;
  const observability::TopCallers* top_callers = nullptr;
  const observability::SlowestCalls* slowest_calls = nullptr;
  const observability::CallHistory* history = nullptr;
  spdlog::logger* event_logger = nullptr;           // whose level is shown and changed
  const observability::EventLog* events = nullptr;  // which writes to it
  const std::atomic<bool>* draining = nullptr;
  // An event loop that is later than this is stuck, and the process unhealthy.
  std::chrono::nanoseconds max_event_loop_lag{0};
};

[[nodiscard]] admin::AdminSources MakeAdminSources(const RunningGateway& gateway);

// The labels of gateway_build_info: versions, and whether the gRPC hooks are active.
[[nodiscard]] std::map<std::string, std::string> BuildLabels(const grpc_adapter::GrpcHooks& hooks);

}  // namespace evalrun::service

#endif  // EVALRUN_SERVICE_ADMIN_SOURCES_H_

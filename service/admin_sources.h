// SPDX-License-Identifier: Apache-2.0
//
// File: admin_sources.h
//
// Where the admin port gets what it says: from the parts of the running gateway.
#ifndef EVALRUN_SERVICE_ADMIN_SOURCES_H_
#define EVALRUN_SERVICE_ADMIN_SOURCES_H_

#include <atomic>
#include <chrono>
#include <map>
#include <string>

#include <spdlog/logger.h>

#include "service/admin/admin_server.h"
#include "service/atomic_shared_ptr.h"
#include "service/grpc_adapter/grpc_server.h"
#include "service/observability/event_log.h"
#include "service/observability/metrics.h"
#include "service/observability/process_metrics.h"
#include "service/observability/recent_errors.h"

namespace evalrun::service {

// All outlive the admin server.
struct RunningGateway {
  const AtomicSharedPtr<std::string>* shown_config = nullptr;  // what is in force, secrets masked
  grpc_adapter::GrpcServer* server = nullptr;
  observability::Metrics* metrics = nullptr;
  observability::ProcessMetrics* process = nullptr;
  const observability::RecentErrors* errors = nullptr;
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

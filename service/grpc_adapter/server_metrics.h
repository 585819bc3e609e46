// SPDX-License-Identifier: Apache-2.0
//
// File: server_metrics.h
//
// What Prometheus sees of the running server: connections, event loop, admission and rate limits.
#ifndef EVALRUN_SERVICE_GRPC_ADAPTER_SERVER_METRICS_H_
#define EVALRUN_SERVICE_GRPC_ADAPTER_SERVER_METRICS_H_

#include <vector>

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

namespace evalrun::grpc_adapter {

class GrpcServer;

// Thread-safe. Collect() takes a tenth of a second at most, also when the event loop is stuck.
class ServerMetrics final : public prometheus::Collectable {
 public:
  // `server` outlives this object.
  explicit ServerMetrics(GrpcServer* server) : server_(*server) {}

  [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  GrpcServer& server_;
};

}  // namespace evalrun::grpc_adapter

#endif  // EVALRUN_SERVICE_GRPC_ADAPTER_SERVER_METRICS_H_

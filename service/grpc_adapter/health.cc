// SPDX-License-Identifier: Apache-2.0

#include "service/grpc_adapter/health.h"

#include "service/grpc_adapter/service_names.h"

namespace evalrun::grpc_adapter {

HealthStatus GetHealthStatus(std::string_view service, bool serving) {
  using Response = grpc::health::v1::HealthCheckResponse;
  if (!service.empty() && service != kEvalRunServiceName) return Response::SERVICE_UNKNOWN;
  return serving ? Response::SERVING : Response::NOT_SERVING;
}

}  // namespace evalrun::grpc_adapter

#include "service/rpc/health.h"

#include "service/rpc/service_names.h"

namespace evalrun::service {

HealthStatus HealthOf(std::string_view service, bool serving) {
  using Response = grpc::health::v1::HealthCheckResponse;
  if (!service.empty() && service != kEvalRunServiceName) return Response::SERVICE_UNKNOWN;
  return serving ? Response::SERVING : Response::NOT_SERVING;
}

}  // namespace evalrun::service

// SPDX-License-Identifier: Apache-2.0

#include "service/grpc_adapter/health.h"

#include <gtest/gtest.h>

namespace evalrun::grpc_adapter {
namespace {

using Response = grpc::health::v1::HealthCheckResponse;

TEST(HealthTest, ServerAndServiceShareOneStatus) {
  for (const char* service : {"", "aymara.evals.v1.EvalRunService"}) {
    EXPECT_EQ(GetHealthStatus(service, true), Response::SERVING) << service;
    EXPECT_EQ(GetHealthStatus(service, false), Response::NOT_SERVING) << service;
  }
}

TEST(HealthTest, OtherNamesAreServiceUnknown) {
  for (const char* service : {"aymara.evals.v1", "aymara.evals.v1.EvalRunService/DeleteEvalRun",
                              "AYMARA.EVALS.V1.EVALRUNSERVICE", "grpc.health.v1.Health"}) {
    EXPECT_EQ(GetHealthStatus(service, true), Response::SERVICE_UNKNOWN) << service;
  }
}

}  // namespace
}  // namespace evalrun::grpc_adapter

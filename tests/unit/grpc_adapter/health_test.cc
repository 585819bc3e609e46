#include "service/grpc_adapter/health.h"

#include <gtest/gtest.h>

namespace evalrun::grpc_adapter {
namespace {

using Response = grpc::health::v1::HealthCheckResponse;

TEST(HealthTest, TheServerAndItsServiceServeOrDoNotTogether) {
  for (const char* service : {"", "aymara.evals.v1.EvalRunService"}) {
    EXPECT_EQ(HealthOf(service, true), Response::SERVING) << service;
    EXPECT_EQ(HealthOf(service, false), Response::NOT_SERVING) << service;
  }
}

TEST(HealthTest, NothingElseIsKnown) {
  for (const char* service : {"aymara.evals.v1", "aymara.evals.v1.EvalRunService/DeleteEvalRun",
                              "AYMARA.EVALS.V1.EVALRUNSERVICE", "grpc.health.v1.Health"}) {
    EXPECT_EQ(HealthOf(service, true), Response::SERVICE_UNKNOWN) << service;
  }
}

}  // namespace
}  // namespace evalrun::grpc_adapter

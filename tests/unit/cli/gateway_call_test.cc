// SPDX-License-Identifier: Apache-2.0

#include "service/cli/gateway_call.h"

#include <optional>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "service/cli/run_deletes.h"
#include "tests/unit/cli/scripted_gateway.h"

namespace evalrun::cli {
namespace {

using aymara::evals::v1::DeleteEvalRunRequest;
using testing::HasSubstr;

DeleteRequest TestRequest() {
  DeleteRequest request;
  request.eval_run_uuid = "run";
  return request;
}

grpc::Status Ok(grpc::ServerContext* /*context*/, const DeleteEvalRunRequest& /*request*/) {
  return grpc::Status::OK;
}

// One call, made as the program makes it.
DeleteResult Call(const Connection& connection, const DeleteRequest& request) {
  const auto channel = OpenChannel(connection);
  EXPECT_TRUE(channel.ok());
  std::optional<DeleteResult> report;
  DeleteSchedule schedule({.retry_rejected = false}, 1);
  const StopInfo end = RunDeletes(*channel, connection, request, {request.eval_run_uuid}, &schedule,
                                  {.before_send = [](std::size_t) { return true; },
                                   .on_response =
                                       [&report](std::size_t, const DeleteResult& response, bool) {
                                         report = response;
                                         return true;
                                       },
                                   .tick = [](const DeleteSchedule&) {},
                                   .interrupt = [] { return Interrupt::kNone; }});
  if (end.reason == StopReason::kNoConnection) {
    return MakeConnectFailure(request, connection, end.message);
  }
  return report.value();
}

HealthCheckResult Health(const Connection& connection) {
  const auto channel = OpenChannel(connection);
  EXPECT_TRUE(channel.ok());
  return CallHealth(*channel, connection);
}

TEST(CallDeleteTest, SendsTheRequest) {
  DeleteEvalRunRequest received;
  std::string request_id;
  ScriptedGateway gateway([&](grpc::ServerContext* context, const DeleteEvalRunRequest& request) {
    received = request;
    const auto it = context->client_metadata().find("x-request-id");
    if (it != context->client_metadata().end()) {
      request_id = std::string(it->second.data(), it->second.size());
    }
    return grpc::Status::OK;
  });

  EXPECT_TRUE(Call(gateway.connection, {"run", "workspace.x", true, "me-1"}).gone());
  EXPECT_EQ(received.eval_run_uuid(), "run");
  EXPECT_EQ(received.workspace_uuid(), "workspace.x");
  EXPECT_TRUE(received.allow_missing());
  EXPECT_EQ(request_id, "me-1");

  EXPECT_TRUE(Call(gateway.connection, {"run", std::nullopt, false, ""}).gone());
  EXPECT_FALSE(received.has_workspace_uuid());
  EXPECT_FALSE(received.allow_missing());

  EXPECT_TRUE(Call(gateway.connection, {"run", "", false, ""}).gone());
  EXPECT_TRUE(received.has_workspace_uuid());
}

TEST(CallDeleteTest, ReadsMetadataOfOkResponse) {
  ScriptedGateway gateway([](grpc::ServerContext* context, const DeleteEvalRunRequest&) {
    context->AddInitialMetadata("x-request-id", "abc");
    context->AddTrailingMetadata("evalrun-deletion", "presumed");
    return grpc::Status::OK;
  });
  const DeleteResult report = Call(gateway.connection, TestRequest());
  EXPECT_TRUE(report.gone());
  EXPECT_EQ(report.deletion, "presumed");
  EXPECT_EQ(report.request_id, "abc");
}

TEST(CallDeleteTest, ReadsDetailsOfError) {
  ScriptedGateway gateway([](grpc::ServerContext* context, const DeleteEvalRunRequest&) {
    context->AddTrailingMetadata("x-request-id", "abc");
    return ErrorWithDetails(grpc::StatusCode::ABORTED, "RESOURCE_CONFLICT", "not_performed");
  });
  const DeleteResult report = Call(gateway.connection, TestRequest());
  EXPECT_EQ(report.code, absl::StatusCode::kAborted);
  EXPECT_EQ(report.message, "as scripted");
  EXPECT_EQ(report.request_id, "abc");
  EXPECT_EQ(report.reason, "RESOURCE_CONFLICT");
  EXPECT_EQ(report.deletion, "not_performed");
}

TEST(CallDeleteTest, TimeoutIsUnknown) {
  ScriptedGateway gateway([](grpc::ServerContext* context, const DeleteEvalRunRequest&) {
    while (!context->IsCancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return grpc::Status::OK;
  });
  gateway.connection.timeout = std::chrono::milliseconds(300);
  const DeleteResult report = Call(gateway.connection, TestRequest());
  EXPECT_EQ(report.code, absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(report.deletion, "unknown");
  EXPECT_EQ(gateway.calls, 1);
}

TEST(CallDeleteTest, ConnectFailureIsNotPerformedAndFailsFast) {
  std::string server;
  {
    const ScriptedGateway stopped(Ok);
    server = stopped.connection.server;
  }
  const Connection connection{server, std::chrono::seconds(60)};
  const auto start = std::chrono::steady_clock::now();
  const DeleteResult report = Call(connection, TestRequest());
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));
  EXPECT_EQ(report.code, absl::StatusCode::kUnavailable);
  EXPECT_EQ(report.reason, kConnectFailed);
  EXPECT_EQ(report.deletion, "not_performed");
  EXPECT_THAT(report.message, HasSubstr("refused"));
}

TEST(CallHealthTest, Serving) {
  const ScriptedGateway gateway(Ok, /*health=*/1);
  const HealthCheckResult report = Health(gateway.connection);
  EXPECT_TRUE(report.serving);
  EXPECT_THAT(report.explanation, HasSubstr("is serving"));
}

TEST(CallHealthTest, NotServing) {
  const ScriptedGateway gateway(Ok, /*health=*/2);
  const HealthCheckResult report = Health(gateway.connection);
  EXPECT_FALSE(report.serving);
  EXPECT_THAT(report.explanation, HasSubstr("is not serving"));
}

TEST(CallHealthTest, NotAGateway) {
  const ScriptedGateway gateway(Ok);
  const HealthCheckResult report = Health(gateway.connection);
  EXPECT_FALSE(report.serving);
  EXPECT_THAT(report.explanation, HasSubstr("not the gateway"));
}

}  // namespace
}  // namespace evalrun::cli

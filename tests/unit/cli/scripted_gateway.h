// SPDX-License-Identifier: Apache-2.0
//
// File: scripted_gateway.h
//
// A gRPC server with scripted responses, in the test's process.
#ifndef EVALRUN_TESTS_UNIT_CLI_SCRIPTED_GATEWAY_H_
#define EVALRUN_TESTS_UNIT_CLI_SCRIPTED_GATEWAY_H_

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <google/protobuf/wrappers.pb.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include "aymara/evals/v1/eval_run_service.grpc.pb.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "service/cli/delete_result.h"

namespace evalrun::cli {

// Responds to DeleteEvalRun as scripted, and to the health check with a configurable status.
class ScriptedGateway final : public aymara::evals::v1::EvalRunService::Service {
 public:
  using Handler = std::function<grpc::Status(grpc::ServerContext*,
                                             const aymara::evals::v1::DeleteEvalRunRequest&)>;

  explicit ScriptedGateway(Handler response, unsigned health = 0) : handler_(std::move(response)) {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(this);
    if (health > 0) {
      health_.status = health;
      builder.RegisterCallbackGenericService(&health_);
    }
    server_ = builder.BuildAndStart();
    connection.server = "127.0.0.1:" + std::to_string(port);
    connection.timeout = std::chrono::seconds(20);
  }

  grpc::Status DeleteEvalRun(grpc::ServerContext* context,
                             const aymara::evals::v1::DeleteEvalRunRequest* request,
                             google::protobuf::Empty* /*response*/) override {
    ++calls;
    return handler_(context, *request);
  }

  Connection connection;
  std::atomic<int> calls = 0;

 private:
  // Responds to every method with one message that has the enum as its field 1.
  struct Health : grpc::CallbackGenericService {
    struct Reactor : grpc::ServerGenericBidiReactor {
      explicit Reactor(unsigned status) {
        google::protobuf::UInt32Value message;
        message.set_value(status);
        const grpc::Slice slice(message.SerializeAsString());
        response = grpc::ByteBuffer(&slice, 1);
        StartWriteAndFinish(&response, grpc::WriteOptions(), grpc::Status::OK);
      }
      void OnDone() override { delete this; }
      grpc::ByteBuffer response;
    };
    grpc::ServerGenericBidiReactor* CreateReactor(
        grpc::GenericCallbackServerContext* /*context*/) override {
      return new Reactor(status);
    }
    unsigned status = 0;
  };

  Handler handler_;
  Health health_;
  std::unique_ptr<grpc::Server> server_;
};

// An error with details, as the gateway returns it.
inline grpc::Status ErrorWithDetails(grpc::StatusCode code, const std::string& reason,
                                     const std::string& deletion, int retry_after_ms = -1) {
  google::rpc::ErrorInfo info;
  info.set_reason(reason);
  info.set_domain("evalrun-gateway");
  (*info.mutable_metadata())["deletion"] = deletion;
  google::rpc::Status status;
  status.set_code(code);
  EXPECT_TRUE(status.add_details()->PackFrom(info));
  if (retry_after_ms >= 0) {
    google::rpc::RetryInfo retry;
    retry.mutable_retry_delay()->set_seconds(retry_after_ms / 1000);
    retry.mutable_retry_delay()->set_nanos(retry_after_ms % 1000 * 1'000'000);
    EXPECT_TRUE(status.add_details()->PackFrom(retry));
  }
  return {code, "as scripted", status.SerializeAsString()};
}

}  // namespace evalrun::cli

#endif  // EVALRUN_TESTS_UNIT_CLI_SCRIPTED_GATEWAY_H_

#include "service/cli/gateway_call.h"

#include <atomic>
#include <functional>
#include <string>

#include <gmock/gmock.h>
#include <google/protobuf/wrappers.pb.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include "aymara/evals/v1/eval_run_service.grpc.pb.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace evalrun::cli {
namespace {

using aymara::evals::v1::DeleteEvalRunRequest;
using aymara::evals::v1::EvalRunService;
using testing::HasSubstr;

DeleteRequest ARun() {
  DeleteRequest request;
  request.eval_run_uuid = "run";
  return request;
}

// Answers DeleteEvalRun as the test says, and the health check with a status of its choice.
class ScriptedGateway final : public EvalRunService::Service {
 public:
  using Answer = std::function<grpc::Status(grpc::ServerContext*, const DeleteEvalRunRequest&)>;

  explicit ScriptedGateway(Answer answer, unsigned health = 0) : answer_(std::move(answer)) {
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

  grpc::Status DeleteEvalRun(grpc::ServerContext* context, const DeleteEvalRunRequest* request,
                             google::protobuf::Empty* /*response*/) override {
    ++calls;
    return answer_(context, *request);
  }

  Connection connection;
  std::atomic<int> calls = 0;

 private:
  // One response message with the enum as its field 1, whatever is called.
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

  Answer answer_;
  Health health_;
  std::unique_ptr<grpc::Server> server_;
};

grpc::Status Ok(grpc::ServerContext* /*context*/, const DeleteEvalRunRequest& /*request*/) {
  return grpc::Status::OK;
}

DeleteReport Call(const ScriptedGateway& gateway, const DeleteRequest& request) {
  return CallDelete(OpenChannel(gateway.connection), gateway.connection, request);
}

TEST(CallDeleteTest, SendsWhatWasAsked) {
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

  EXPECT_TRUE(Call(gateway, {"run", "workspace.x", true, "me-1"}).gone());
  EXPECT_EQ(received.eval_run_uuid(), "run");
  EXPECT_EQ(received.workspace_uuid(), "workspace.x");
  EXPECT_TRUE(received.allow_missing());
  EXPECT_EQ(request_id, "me-1");

  EXPECT_TRUE(Call(gateway, {"run", std::nullopt, false, ""}).gone());
  EXPECT_FALSE(received.has_workspace_uuid());
  EXPECT_FALSE(received.allow_missing());

  EXPECT_TRUE(Call(gateway, {"run", "", false, ""}).gone());
  EXPECT_TRUE(received.has_workspace_uuid());
}

TEST(CallDeleteTest, ReadsTheMetadataOfAnOkAnswer) {
  ScriptedGateway gateway([](grpc::ServerContext* context, const DeleteEvalRunRequest&) {
    context->AddInitialMetadata("x-request-id", "abc");
    context->AddTrailingMetadata("evalrun-deletion", "presumed");
    return grpc::Status::OK;
  });
  const DeleteReport report = Call(gateway, ARun());
  EXPECT_TRUE(report.gone());
  EXPECT_EQ(report.deletion, "presumed");
  EXPECT_EQ(report.request_id, "abc");
}

TEST(CallDeleteTest, ReadsTheDetailsOfAnError) {
  ScriptedGateway gateway([](grpc::ServerContext*, const DeleteEvalRunRequest&) {
    google::rpc::ErrorInfo info;
    info.set_reason("RESOURCE_CONFLICT");
    (*info.mutable_metadata())["deletion"] = "not_performed";
    google::rpc::Status status;
    status.set_code(grpc::StatusCode::ABORTED);
    status.add_details()->PackFrom(info);
    return grpc::Status(grpc::StatusCode::ABORTED, "processing", status.SerializeAsString());
  });
  const DeleteReport report = Call(gateway, ARun());
  EXPECT_EQ(report.code, absl::StatusCode::kAborted);
  EXPECT_EQ(report.message, "processing");
  EXPECT_EQ(report.reason, "RESOURCE_CONFLICT");
  EXPECT_EQ(report.deletion, "not_performed");
}

TEST(CallDeleteTest, AnAnswerThatNeverComesIsUnknown) {
  ScriptedGateway gateway([](grpc::ServerContext* context, const DeleteEvalRunRequest&) {
    while (!context->IsCancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return grpc::Status::OK;
  });
  gateway.connection.timeout = std::chrono::milliseconds(300);
  const DeleteReport report = Call(gateway, ARun());
  EXPECT_EQ(report.code, absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(report.deletion, "unknown");
  EXPECT_EQ(gateway.calls, 1);
}

TEST(CallDeleteTest, NoConnectionMeansNotPerformedAndIsSaidAtOnce) {
  std::string server;
  {
    const ScriptedGateway stopped(Ok);
    server = stopped.connection.server;
  }
  const Connection connection{server, std::chrono::seconds(60)};
  const auto start = std::chrono::steady_clock::now();
  const DeleteReport report = CallDelete(OpenChannel(connection), connection, ARun());
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));
  EXPECT_EQ(report.code, absl::StatusCode::kUnavailable);
  EXPECT_EQ(report.reason, kConnectFailed);
  EXPECT_EQ(report.deletion, "not_performed");
  EXPECT_THAT(report.message, HasSubstr("refused"));
}

TEST(CallHealthTest, Serving) {
  const ScriptedGateway gateway(Ok, /*health=*/1);
  const HealthReport report = CallHealth(OpenChannel(gateway.connection), gateway.connection);
  EXPECT_TRUE(report.serving);
  EXPECT_THAT(report.explanation, HasSubstr("is serving"));
}

TEST(CallHealthTest, NotServing) {
  const ScriptedGateway gateway(Ok, /*health=*/2);
  const HealthReport report = CallHealth(OpenChannel(gateway.connection), gateway.connection);
  EXPECT_FALSE(report.serving);
  EXPECT_THAT(report.explanation, HasSubstr("is not serving"));
}

TEST(CallHealthTest, SomethingElse) {
  const ScriptedGateway gateway(Ok);
  const HealthReport report = CallHealth(OpenChannel(gateway.connection), gateway.connection);
  EXPECT_FALSE(report.serving);
  EXPECT_THAT(report.explanation, HasSubstr("not the gateway"));
}

}  // namespace
}  // namespace evalrun::cli

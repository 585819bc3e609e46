// SPDX-License-Identifier: Apache-2.0
//
// What a gateway serves besides the one method: health, reflection, metrics.
#include <chrono>
#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/gateway_process.h"
#include "tests/support/matchers.h"
#include "tests/support/raw_stream.h"
#include "tests/support/scripts.h"

namespace evalrun::testing {
namespace {

using namespace std::string_literals;
using grpc::StatusCode;
using ::testing::HasSubstr;

const std::string kService = "aymara.evals.v1.EvalRunService";
const std::vector<std::string> kMethodLabels = {
    "grpc_type=\"unary\"", "grpc_service=\"" + kService + "\"", "grpc_method=\"DeleteEvalRun\""};

class ServiceTest : public ::testing::Test {
 protected:
  ScriptedUpstream upstream_{
      InOrder({Respond(HttpReply(204)), Respond(ApiErrorReply(404, "resource.not_found"))})};
  GatewayProcess gateway_{{.upstream = upstream_.url()}};
  DeleteClient client_{gateway_.grpc_address()};

  std::optional<double> OfMethod(const std::string& name, const std::string& label = "") {
    std::vector<std::string> labels = kMethodLabels;
    if (!label.empty()) labels.push_back(label);
    return gateway_.Metric(name, labels);
  }
};

// A grpc.health.v1.HealthCheckRequest for this service.
std::string HealthCheck(const std::string& service) {
  return "\x0a"s + static_cast<char>(service.size()) + service;
}

TEST_F(ServiceTest, ReportsHealthOfServerAndService) {
  const std::string check = "/grpc.health.v1.Health/Check";
  EXPECT_EQ(client_.CallRaw(check, "").response, "\x08\x01");
  EXPECT_EQ(client_.CallRaw(check, HealthCheck(kService)).response, "\x08\x01");
  EXPECT_THAT(client_.CallRaw(check, HealthCheck("no.Such")), HasCode(StatusCode::NOT_FOUND));
}

TEST_F(ServiceTest, RejectsMalformedHealthRequests) {
  for (const char* method : {"/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"}) {
    EXPECT_THAT(client_.CallRaw(method, "\xff\xff"), HasCode(StatusCode::INVALID_ARGUMENT))
        << method;
  }
  EXPECT_EQ(client_.CallRaw("/grpc.health.v1.Health/Check", "").response, "\x08\x01");
}

TEST_F(ServiceTest, HealthWatchOfUnknownServiceStaysOpen) {
  RawStream stranger(client_.channel(), "/grpc.health.v1.Health/Watch", HealthCheck("no.Such"));
  RawStream service(client_.channel(), "/grpc.health.v1.Health/Watch", HealthCheck(kService));
  EXPECT_EQ(stranger.Read(), "\x08\x03") << "SERVICE_UNKNOWN";
  EXPECT_EQ(service.Read(), "\x08\x01") << "SERVING";
  gateway_.process().Signal(SIGTERM);
  EXPECT_EQ(stranger.Read(), std::nullopt) << "the stream stays open until the server exits";
}

TEST_F(ServiceTest, ServesMoreHealthWatchesThanRequestedCalls) {
  std::vector<std::unique_ptr<RawStream>> watches;
  for (int i = 0; i < 100; ++i) {
    watches.push_back(
        std::make_unique<RawStream>(client_.channel(), "/grpc.health.v1.Health/Watch", ""));
  }
  for (const auto& watch : watches) ASSERT_EQ(watch->Read(), "\x08\x01");
  watches.clear();
  EXPECT_EQ(client_.CallRaw("/grpc.health.v1.Health/Check", "").response, "\x08\x01");
}

TEST(PollerTest, IgnoresGrpcPollStrategyVariable) {
  ScriptedUpstream upstream(InOrder({Respond(HttpReply(204)), Respond(HttpReply(204))}));
  const GatewayProcess gateway(
      {.upstream = upstream.url(), .env = {{"GRPC_POLL_STRATEGY", "poll"}}});
  DeleteClient client(gateway.grpc_address());
  EXPECT_THAT(client.Delete(), HasCode(StatusCode::OK));
  // On an established connection, only the response wakes the gateway.
  EXPECT_THAT(client.Delete({.timeout = std::chrono::milliseconds(1500)}), HasCode(StatusCode::OK));
}

TEST_F(ServiceTest, StaysHealthyWhenTheUpstreamIsDown) {
  const RefusingPort nobody;
  GatewayProcess gateway({.upstream = nobody.url()});
  const DeleteClient client(gateway.grpc_address());
  EXPECT_THAT(client.Delete(), HasCode(StatusCode::UNAVAILABLE));
  EXPECT_EQ(client.CallRaw("/grpc.health.v1.Health/Check", "").response, "\x08\x01");
  EXPECT_EQ(gateway.Get("/readyz").status, 200);
}

TEST_F(ServiceTest, ReflectionListsTheServices) {
  // ServerReflectionRequest{list_services: ""}
  RawStream stream(client_.channel(),
                   "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", "\x3a\0"s);
  const auto services = stream.Read();
  ASSERT_TRUE(services.has_value());
  EXPECT_THAT(*services, HasSubstr(kService));
  EXPECT_THAT(*services, HasSubstr("grpc.health.v1.Health"));
}

TEST_F(ServiceTest, ReflectionDescribesTheServiceInBothVersions) {
  for (const std::string version : {"v1", "v1alpha"}) {
    // ServerReflectionRequest{file_containing_symbol: kService}
    RawStream stream(client_.channel(),
                     "/grpc.reflection." + version + ".ServerReflection/ServerReflectionInfo",
                     "\x22"s + static_cast<char>(kService.size()) + kService);
    const auto file = stream.Read();
    ASSERT_TRUE(file.has_value()) << version;
    EXPECT_THAT(*file, HasSubstr("DeleteEvalRunRequest"));
    EXPECT_THAT(*file, HasSubstr("allow_missing"));
  }
}

TEST_F(ServiceTest, CountsUnknownMethods) {
  const std::vector<std::string> labels = {"grpc_service=\"unknown\"", "grpc_method=\"unknown\""};
  EXPECT_EQ(gateway_.Metric("grpc_server_started_total", labels), 0);
  EXPECT_THAT(client_.CallRaw("/aymara.evals.v1.EvalRunService/DeleteEverything", ""),
              HasCode(StatusCode::UNIMPLEMENTED));
  EXPECT_THAT(client_.CallRaw("/no.Such/Thing", ""), HasCode(StatusCode::UNIMPLEMENTED));
  EXPECT_EQ(gateway_.Metric("grpc_server_started_total", labels), 2);
  EXPECT_EQ(gateway_.Metric("grpc_server_handled_total", labels), 2);
}

TEST_F(ServiceTest, ServesHealthzAndReadyz) {
  EXPECT_EQ(gateway_.Get("/healthz").status, 200);
  EXPECT_EQ(gateway_.Get("/readyz").status, 200);
  EXPECT_EQ(gateway_.Get("/nothing").status, 404);
}

TEST_F(ServiceTest, ExposesStandardMetricsBeforeTheFirstCall) {
  EXPECT_EQ(OfMethod("grpc_server_started_total"), 0);
  EXPECT_EQ(OfMethod("grpc_server_msg_received_total"), 0);
  EXPECT_EQ(OfMethod("grpc_server_msg_sent_total"), 0);
  EXPECT_EQ(OfMethod("grpc_server_handling_seconds_count"), 0);
  EXPECT_EQ(OfMethod("grpc_server_handling_seconds_sum"), 0);
  EXPECT_EQ(OfMethod("grpc_server_handling_seconds_bucket", "le=\"+Inf\""), 0);
  for (const char* code :
       {"OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound",
        "AlreadyExists", "PermissionDenied", "ResourceExhausted", "FailedPrecondition", "Aborted",
        "OutOfRange", "Unimplemented", "Internal", "Unavailable", "DataLoss", "Unauthenticated"}) {
    EXPECT_EQ(OfMethod("grpc_server_handled_total", "grpc_code=\""s + code + "\""), 0) << code;
  }
  for (const char* word : {"performed", "presumed", "absent", "not_performed", "unknown"}) {
    EXPECT_EQ(gateway_.Metric("gateway_deletions_total", {"deletion=\""s + word + "\""}), 0)
        << word;
  }
}

TEST_F(ServiceTest, MetricsCountCalls) {
  EXPECT_THAT(client_.Delete(), HasCode(StatusCode::OK));
  EXPECT_THAT(client_.Delete(), HasCode(StatusCode::NOT_FOUND));
  EXPECT_THAT(client_.Delete({.eval_run_uuid = ".."}), HasCode(StatusCode::INVALID_ARGUMENT));
  EXPECT_EQ(OfMethod("grpc_server_started_total"), 3);
  EXPECT_EQ(OfMethod("grpc_server_handled_total", "grpc_code=\"OK\""), 1);
  EXPECT_EQ(OfMethod("grpc_server_handled_total", "grpc_code=\"NotFound\""), 1);
  EXPECT_EQ(OfMethod("grpc_server_handled_total", "grpc_code=\"InvalidArgument\""), 1);
  EXPECT_EQ(OfMethod("grpc_server_handling_seconds_count"), 3);
  EXPECT_EQ(gateway_.Metric("gateway_deletions_total", {"deletion=\"performed\""}), 1);
  EXPECT_EQ(gateway_.Metric("gateway_deletions_total", {"deletion=\"absent\""}), 1);
  EXPECT_EQ(gateway_.Metric("gateway_deletions_total", {"deletion=\"not_performed\""}), 1);
}

TEST_F(ServiceTest, FailsToStartWithoutAKeyAndSaysHowToSetOne) {
  ChildProcess::Options command = GatewayProcess::MakeCommand({.upstream = upstream_.url()});
  command.env.erase("AYMARA_AI_API_KEY");
  command.unset_env.push_back("AYMARA_AI_API_KEY");
  ChildProcess gateway(command);
  const auto exit = gateway.WaitForExit();
  ASSERT_TRUE(exit.has_value());
  EXPECT_NE(exit->code, 0);
  EXPECT_THAT(gateway.all_output(), HasSubstr("AYMARA_AI_API_KEY"));
  EXPECT_THAT(gateway.all_output(), HasSubstr("api-key-file"));
}

TEST_F(ServiceTest, NamesAPortThatIsInUse) {
  // If a flag is given twice, the last one counts.
  ChildProcess gateway(GatewayProcess::MakeCommand(
      {.upstream = upstream_.url(), .flags = {"--listen", gateway_.grpc_address()}}));
  const auto exit = gateway.WaitForExit();
  ASSERT_TRUE(exit.has_value());
  EXPECT_NE(exit->code, 0);
  EXPECT_THAT(gateway.all_output(), HasSubstr(gateway_.grpc_address()));
}

}  // namespace
}  // namespace evalrun::testing

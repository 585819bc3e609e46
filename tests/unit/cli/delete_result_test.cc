// SPDX-License-Identifier: Apache-2.0

#include "service/cli/delete_result.h"

#include <gmock/gmock.h>
#include <google/protobuf/struct.pb.h>
#include <gtest/gtest.h>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace evalrun::cli {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;

DeleteRequest TestRequest() {
  DeleteRequest request;
  request.eval_run_uuid = "run";
  return request;
}

DeleteResult Read(const RpcResponse& reply) { return ParseResponse(TestRequest(), {}, reply); }

DeleteResult ReadRetryDelay(std::int64_t seconds, std::int32_t nanos) {
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_seconds(seconds);
  retry.mutable_retry_delay()->set_nanos(nanos);
  google::rpc::Status status;
  EXPECT_TRUE(status.add_details()->PackFrom(retry));
  return Read({absl::StatusCode::kUnavailable, "", status.SerializeAsString(), "", ""});
}

TEST(ParseResponseTest, OkDefaultsToPerformed) {
  const DeleteResult performed = Read({absl::StatusCode::kOk, "", "", "", "id"});
  EXPECT_TRUE(performed.gone());
  EXPECT_EQ(performed.deletion, "performed");
  EXPECT_EQ(performed.request_id, "id");

  const DeleteResult absent = Read({absl::StatusCode::kOk, "", "", "absent", ""});
  EXPECT_TRUE(absent.gone());
  EXPECT_EQ(absent.deletion, "absent");
}

TEST(ParseResponseTest, ParsesEveryDetail) {
  google::rpc::Status status;
  google::rpc::ErrorInfo info;
  info.set_reason("RESOURCE_NOT_FOUND");
  info.set_domain("api.aymara.ai");
  (*info.mutable_metadata())["deletion"] = "absent";
  (*info.mutable_metadata())["sends"] = "2";
  (*info.mutable_metadata())["http_status"] = "404";
  (*info.mutable_metadata())["upstream_code"] = "resource.not_found";
  (*info.mutable_metadata())["upstream_request_id"] = "up-1";
  (*info.mutable_metadata())["limited_by"] = "per-caller";
  (*info.mutable_metadata())["caller"] = "dns:me";
  (*info.mutable_metadata())["of a newer gateway"] = "ignored";
  EXPECT_TRUE(status.add_details()->PackFrom(info));
  google::rpc::RequestInfo request_info;
  request_info.set_request_id("from-details");
  EXPECT_TRUE(status.add_details()->PackFrom(request_info));
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_seconds(1);
  retry.mutable_retry_delay()->set_nanos(500'000'000);
  EXPECT_TRUE(status.add_details()->PackFrom(retry));
  google::rpc::BadRequest bad_request;
  for (const char* field : {"a", "b"}) {
    auto* violation = bad_request.add_field_violations();
    violation->set_field(field);
    violation->set_description("wrong");
  }
  EXPECT_TRUE(status.add_details()->PackFrom(bad_request));
  google::rpc::QuotaFailure quota;
  quota.add_violations()->set_subject("caller:me");
  quota.mutable_violations(0)->set_description("a call every 1s");
  EXPECT_TRUE(status.add_details()->PackFrom(quota));
  google::rpc::ResourceInfo resource;
  resource.set_resource_type("eval run");
  resource.set_resource_name("run");
  resource.set_description("gone");
  EXPECT_TRUE(status.add_details()->PackFrom(resource));
  google::protobuf::Struct upstream_details;
  (*upstream_details.mutable_fields())["limit"].set_number_value(5);
  EXPECT_TRUE(status.add_details()->PackFrom(upstream_details));
  google::rpc::Help unknown_to_us;
  EXPECT_TRUE(status.add_details()->PackFrom(unknown_to_us));

  const DeleteResult report =
      Read({absl::StatusCode::kNotFound, "message", status.SerializeAsString(), "", "from-header"});
  EXPECT_FALSE(report.gone());
  EXPECT_TRUE(report.has_details);
  EXPECT_EQ(report.message, "message");
  EXPECT_EQ(report.deletion, "absent");
  EXPECT_EQ(report.reason, "RESOURCE_NOT_FOUND");
  EXPECT_EQ(report.domain, "api.aymara.ai");
  EXPECT_EQ(report.attempts, "2");
  EXPECT_EQ(report.http_status, "404");
  EXPECT_EQ(report.upstream_code, "resource.not_found");
  EXPECT_EQ(report.upstream_request_id, "up-1");
  EXPECT_EQ(report.request_id, "from-details");
  EXPECT_EQ(report.retry_after, milliseconds(1500));
  EXPECT_THAT(report.field_violations,
              ElementsAre(FieldViolation{"a", "wrong"}, FieldViolation{"b", "wrong"}));
  EXPECT_EQ(report.limited_by, "per-caller");
  EXPECT_EQ(report.caller, "dns:me");
  EXPECT_THAT(report.quota_violations, ElementsAre(QuotaViolation{"caller:me", "a call every 1s"}));
  EXPECT_EQ(report.resource, (Resource{"eval run", "run", "gone"}));
  EXPECT_EQ(report.upstream_details, R"({"limit":5})");
}

TEST(ParseResponseTest, ErrorWithoutDeletionIsUnknown) {
  for (const std::string& details : {std::string(), std::string("\xff\xff nonsense")}) {
    const DeleteResult report = Read({absl::StatusCode::kUnavailable, "lost", details, "", "id"});
    EXPECT_FALSE(report.gone());
    EXPECT_FALSE(report.has_details);
    EXPECT_EQ(report.deletion, "unknown");
    EXPECT_EQ(report.request_id, "id");
    EXPECT_EQ(report.retry_after, std::nullopt);
  }
}

// A proxy could add the metadata of an OK response to an error.
TEST(ParseResponseTest, IgnoresTrailingMetadataOfAnError) {
  EXPECT_EQ(Read({absl::StatusCode::kInternal, "", "", "performed", ""}).deletion, "unknown");
}

TEST(ParseResponseTest, ParsesRetryDelays) {
  EXPECT_EQ(ReadRetryDelay(0, 0).retry_after, milliseconds(0));
  EXPECT_EQ(ReadRetryDelay(0, 1).retry_after, milliseconds(1));
  EXPECT_EQ(ReadRetryDelay(-5, -1).retry_after, milliseconds(0));
  constexpr milliseconds kMax = std::chrono::years(1) + std::chrono::seconds(1);
  EXPECT_EQ(ReadRetryDelay(10'000'000'000, INT32_MAX).retry_after, kMax);
  EXPECT_EQ(ReadRetryDelay(INT64_MAX, INT32_MAX).retry_after, kMax);
}

TEST(MakeConnectFailureTest, IsNotPerformed) {
  const DeleteResult report = MakeConnectFailure(TestRequest(), {}, "refused");
  EXPECT_FALSE(report.gone());
  EXPECT_EQ(report.code, absl::StatusCode::kUnavailable);
  EXPECT_EQ(report.deletion, "not_performed");
  EXPECT_EQ(report.reason, kConnectFailed);
}

}  // namespace
}  // namespace evalrun::cli

// SPDX-License-Identifier: Apache-2.0
//
// The fields of the access log are a contract: announce changes to its users.
#include "service/observability/access_log.h"

#include <algorithm>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <spdlog/sinks/ostream_sink.h>

#include "service/observability/status_code_name.h"

namespace evalrun::observability {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> FieldNames(const CallRecord& record) {
  std::string buffer;
  const auto line = nlohmann::ordered_json::parse(
      FormatAccessLine(record, std::chrono::system_clock::time_point(), &buffer));
  std::vector<std::string> names;
  for (const auto& [name, value] : line.items()) names.push_back(name);
  return names;
}

TEST(AccessLineTest, WritesAllFieldsOfACompleteRecord) {
  EXPECT_THAT(
      FieldNames({.request_id = "r",
                  .trace_id = "t",
                  .peer = "ipv4:10.0.0.1:40000",
                  .caller = "c",
                  .eval_run_uuid = "e",
                  .workspace_uuid = "w",
                  .upstream_key = "k",
                  .authorization = authz::AccessDecision::kDryRunDenied,
                  .code = absl::StatusCode::kNotFound,
                  .reason = "R",
                  .certainty = deletion::Certainty::kAbsent,
                  .attempts = 1,
                  .retry_stop = deletion::RetryStop::kBudget,
                  .limited_by = "l",
                  .would_be_limited_by = "s",
                  .suppressed_duplicates = 1,
                  .http_status = 404,
                  .proxy_status = 502,
                  .upstream_code = "c",
                  .upstream_request_id = "u"}),
      ElementsAre("time", "level", "event", "request_id", "trace_id", "network.peer.address",
                  "network.peer.port", "caller", "rpc.method", "eval_run_uuid", "workspace_uuid",
                  "authorization", "upstream_key", "rpc.response.status_code", "reason", "deletion",
                  "sends", "retry_stopped", "limited_by", "would_be_limited_by",
                  "http.response.status_code", "upstream.proxy_status", "upstream_code",
                  "upstream_request_id", "rpc.request.size", "http.response.body.size", "duration",
                  "upstream.connect_duration", "upstream.first_byte_duration", "upstream.duration",
                  "upstream.connection_reused", "resends_stopped"));
}

TEST(AccessLineTest, WritesFieldsOfACallWithoutAttempts) {
  EXPECT_THAT(FieldNames({.request_id = "r", .code = absl::StatusCode::kOk}),
              ElementsAre("time", "level", "event", "request_id", "network.peer.address", "caller",
                          "rpc.method", "eval_run_uuid", "rpc.response.status_code", "deletion",
                          "sends", "rpc.request.size", "duration"));
}

class SampledLogTest : public ::testing::Test {
 protected:
  // The number of lines written for a hundred calls with this code.
  std::size_t CountLines(absl::StatusCode code, const AccessLogOptions& options) {
    std::ostringstream lines;
    auto logger = std::make_shared<spdlog::logger>(
        "test", std::make_shared<spdlog::sinks::ostream_sink_st>(lines));
    logger->set_pattern("%v");
    AccessLog log(logger, options, &recent_);
    for (int i = 0; i < 100; ++i) log.Write({.code = code}, {});
    return static_cast<std::size_t>(std::ranges::count(lines.str(), '\n'));
  }

  RecentErrors recent_;
};

TEST_F(SampledLogTest, WritesTheConfiguredPercentageOfOkCalls) {
  for (const int percent : {0, 1, 10, 33, 50, 99, 100}) {
    EXPECT_EQ(CountLines(absl::StatusCode::kOk, {.ok_sample_percent = percent}),
              static_cast<std::size_t>(percent));
  }
}

TEST_F(SampledLogTest, WritesEveryCallThatFailed) {
  for (int code = 1; code < kStatusCodeCount; ++code) {
    EXPECT_EQ(CountLines(static_cast<absl::StatusCode>(code), {.ok_sample_percent = 0}), 100u)
        << code;
  }
}

TEST_F(SampledLogTest, RecordsRecentErrorsWhenDisabled) {
  const AccessLogOptions off = {.enabled = false};
  EXPECT_EQ(CountLines(absl::StatusCode::kOk, off), 0u);
  EXPECT_EQ(CountLines(absl::StatusCode::kNotFound, off), 0u);
  EXPECT_TRUE(recent_.LatestFirst({}).empty());
  EXPECT_EQ(CountLines(absl::StatusCode::kUnavailable, off), 0u);
  ASSERT_EQ(recent_.LatestFirst({}).size(), 1u);
  EXPECT_EQ(recent_.LatestFirst({}).front().count, 100u);
}

TEST(RejectionLogTest, CapsRateLimitedCallsAtOneHundredPerSecond) {
  std::ostringstream lines;
  auto logger = std::make_shared<spdlog::logger>(
      "test", std::make_shared<spdlog::sinks::ostream_sink_st>(lines));
  logger->set_pattern("%v");
  AccessLog log(logger, {}, nullptr);
  const std::chrono::system_clock::time_point start{std::chrono::seconds(1000)};
  const CallRecord refused = {.code = absl::StatusCode::kResourceExhausted, .limited_by = "l"};
  const auto written = [&] { return std::ranges::count(lines.str(), '\n'); };

  for (int i = 0; i < 500; ++i) log.Write(refused, start + std::chrono::milliseconds(i));
  EXPECT_EQ(written(), 100);
  EXPECT_EQ(log.rejections_omitted(), 400u);
  log.Write({.code = absl::StatusCode::kResourceExhausted}, start + std::chrono::milliseconds(600));
  log.Write({.would_be_limited_by = "l"}, start + std::chrono::milliseconds(600));
  EXPECT_EQ(written(), 102) << "other lines are always written";
  log.Write(refused, start + std::chrono::seconds(1));
  EXPECT_EQ(written(), 103);
  EXPECT_EQ(log.rejections_omitted(), 400u);
}

TEST(SeverityTest, DependsOnWhoMustAct) {
  using absl::StatusCode;
  using deletion::Certainty;
  struct {
    StatusCode code;
    const char* reason;
    Certainty certainty;
    spdlog::level::level_enum level;
  } const cases[] = {
      {StatusCode::kOk, "", Certainty::kPerformed, spdlog::level::info},
      {StatusCode::kOk, "", Certainty::kPresumed, spdlog::level::info},
      {StatusCode::kInvalidArgument, "INVALID_FIELD", Certainty::kNotPerformed,
       spdlog::level::info},
      {StatusCode::kNotFound, "RESOURCE_NOT_FOUND", Certainty::kAbsent, spdlog::level::info},
      {StatusCode::kUnavailable, "UPSTREAM_UNRECOGNIZED_404", Certainty::kNotPerformed,
       spdlog::level::err},
      {StatusCode::kPermissionDenied, "AUTH_X", Certainty::kNotPerformed, spdlog::level::err},
      {StatusCode::kCancelled, "CALL_CANCELLED", Certainty::kUnknown, spdlog::level::warn},
      {StatusCode::kUnavailable, "UPSTREAM_UNAVAILABLE", Certainty::kNotPerformed,
       spdlog::level::warn},
      {StatusCode::kDeadlineExceeded, "UPSTREAM_TIMEOUT", Certainty::kUnknown, spdlog::level::warn},
      {StatusCode::kUnauthenticated, "AUTH_INVALID_KEY", Certainty::kNotPerformed,
       spdlog::level::err},
      {StatusCode::kUnimplemented, "UPSTREAM_UNIMPLEMENTED", Certainty::kNotPerformed,
       spdlog::level::err},
      {StatusCode::kInternal, "UPSTREAM_REFUSED", Certainty::kNotPerformed, spdlog::level::err},
      {StatusCode::kUnknown, "UPSTREAM_UNEXPECTED_RESPONSE", Certainty::kUnknown,
       spdlog::level::err},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(ToSeverity({.code = c.code, .reason = c.reason, .certainty = c.certainty}), c.level)
        << c.code << " " << c.reason;
  }
}

}  // namespace
}  // namespace evalrun::observability

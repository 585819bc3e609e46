// SPDX-License-Identifier: Apache-2.0
//
// What calls share, and what a reload changes for them: the order in which a call is looked at, the
// policy, the limits and the API keys.
#include "service/handler/delete_handler.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/handler/call_testing.h"

namespace evalrun::handler {
namespace {

using namespace std::chrono_literals;
using deletion::Certainty;
using ::testing::Contains;
using ::testing::ElementsAre;

using DeleteHandlerTest = CallTest;

std::string ToUpper(std::string text) {
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return text;
}

std::shared_ptr<const authz::AccessPolicy> NobodyMay() {
  std::vector<authz::Scope> allowed;
  allowed.emplace_back(std::vector<std::string>{"dns:nobody"}, std::vector<std::string>{"*"});
  return std::make_shared<const authz::AccessPolicy>(std::move(allowed), /*dry_run=*/false);
}

std::shared_ptr<const authz::ProtectedRuns> Protect(std::string_view id) {
  authz::ProtectedRuns::Builder builder;
  builder.Add(id);
  return std::make_shared<const authz::ProtectedRuns>(std::move(builder).Build());
}

// Each call of this test is wrong in every way that is looked at later, too.
TEST_F(DeleteHandlerTest, LooksAtMessageStopPolicyProtectionLimitsAdmissionDeadlineInThisOrder) {
  options_.admission.max_in_flight = 1;
  TestCall& admitted = NewCall();
  Start(&admitted);
  ASSERT_TRUE(admitted.attempts.is_under_way());

  live_config_.rules = MakeRule(ratelimit::LimitedBy::kCaller, 1);
  handler().SetLiveConfig(live_config_);
  TestCall& call = NewCall();
  Start(&call, -1s);  // uses up the limit
  EXPECT_EQ(observer_.last().reason, "IN_FLIGHT_CAP");
  Start(&call, -1s);
  EXPECT_EQ(observer_.last().reason, "RATE_LIMITED");
  EXPECT_EQ(observer_.last().limited_by, "a-limit");
  EXPECT_EQ(observer_.last().authorization, authz::AccessDecision::kNone);

  live_config_.protected_runs = Protect(kRun);
  handler().SetLiveConfig(live_config_);
  Start(&call, -1s);
  EXPECT_EQ(observer_.last().reason, "RUN_PROTECTED");
  EXPECT_EQ(observer_.last().upstream_key, "") << "no key is looked for before that";
  live_config_.policy = NobodyMay();
  handler().SetLiveConfig(live_config_);
  Start(&call, -1s);
  EXPECT_EQ(observer_.last().reason, "CALLER_NOT_ALLOWED")
      << "only callers that may delete the run learn that it is protected";
  EXPECT_EQ(observer_.last().authorization, authz::AccessDecision::kDenied);
  EXPECT_EQ(observer_.last().upstream_key, "") << "no key is looked for before that";
  live_config_.deletions_enabled = false;
  handler().SetLiveConfig(live_config_);
  Start(&call, -1s);
  EXPECT_EQ(observer_.last().reason, "DELETIONS_STOPPED");
  EXPECT_EQ(observer_.last().authorization, authz::AccessDecision::kNone);
  Start(&call, -1s, MakeMessage("../v2"));
  EXPECT_EQ(observer_.last().reason, "INVALID_FIELD");
  EXPECT_EQ(observer_.last().authorization, authz::AccessDecision::kNone);
  Start(&call, -1s, "\xFF");
  EXPECT_EQ(observer_.last().reason, "MALFORMED_MESSAGE");
  EXPECT_EQ(handler().limiter().counts(0).denied, 1u) << "others never reached the limits";
  EXPECT_THAT(observer_.rejected, ElementsAre(deletion::RejectReason::kInFlightCap));

  admitted.attempts.Finish(HttpResponse(204));
  handler().SetLiveConfig(MakeLiveConfig());
  Start(&call, -1s);
  EXPECT_EQ(observer_.last().reason, "DEADLINE_TOO_SHORT");
  EXPECT_TRUE(call.attempts.started().empty());
  EXPECT_EQ(call.writer.written().size(), 8u) << "each was answered";
  for (const WrittenResponse& response : call.writer.written()) {
    EXPECT_NE(response.code, absl::StatusCode::kOk);
  }
}

TEST_F(DeleteHandlerTest, RejectedCallsCertainlyDidNothingUnlessTheCallerRetries) {
  live_config_.policy = NobodyMay();
  Start(&call());
  EXPECT_EQ(observer_.last().certainty, Certainty::kNotPerformed);
  Start(&call(), 5s, MakeMessage(), FakeMetadata{{"grpc-previous-rpc-attempts", "1"}});
  EXPECT_EQ(observer_.last().certainty, Certainty::kUnknown);
}

TEST_F(DeleteHandlerTest, StoppedDeletionsAreNotStarted) {
  live_config_.deletions_enabled = false;
  Start(&call());
  EXPECT_TRUE(call().attempts.started().empty());
  EXPECT_EQ(call().writer.last().code, absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(call().writer.last().reason, "DELETIONS_STOPPED");
  EXPECT_EQ(call().writer.last().trailing_metadata.at("grpc-retry-pushback-ms"), "-1");
  EXPECT_EQ(observer_.last().certainty, Certainty::kNotPerformed);
  Start(&call(), 5s, MakeMessage(), FakeMetadata{{"grpc-previous-rpc-attempts", "1"}});
  EXPECT_EQ(observer_.last().certainty, Certainty::kUnknown);

  live_config_.deletions_enabled = true;
  handler().SetLiveConfig(live_config_);
  Start(&call());
  EXPECT_TRUE(call().attempts.is_under_way());
  call().attempts.Finish(HttpResponse(204));
  EXPECT_EQ(observer_.last().code, absl::StatusCode::kOk);
}

TEST_F(DeleteHandlerTest, StoppedDeletionsAreNotRetried) {
  const struct {
    deletion::AttemptResult first;
    Certainty certainty;
  } kCases[] = {{ConnectFailed(), Certainty::kNotPerformed},
                {ConnectionLost(), Certainty::kUnknown}};
  for (const auto& [first, certainty] : kCases) {
    live_config_.deletions_enabled = true;
    handler().SetLiveConfig(live_config_);
    Start(&call());
    call().attempts.Finish(first);
    const std::size_t attempts = call().attempts.started().size();
    live_config_.deletions_enabled = false;
    handler().SetLiveConfig(live_config_);
    call().timer.FireWhenDue(&clock_);
    EXPECT_EQ(call().attempts.started().size(), attempts);
    EXPECT_EQ(call().writer.last().code, absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(call().writer.last().reason, "DELETIONS_STOPPED");
    EXPECT_EQ(call().writer.last().trailing_metadata.at("grpc-retry-pushback-ms"), "-1");
    EXPECT_EQ(observer_.last().certainty, certainty);
    EXPECT_EQ(observer_.last().attempts, 1);
  }
}

TEST_F(DeleteHandlerTest, ProtectedRunsAreNotDeleted) {
  live_config_.protected_runs = Protect(std::string("score_run.") + kRun);
  for (const std::string& spelling :
       {std::string(kRun), "eval_run." + std::string(kRun), ToUpper(kRun)}) {
    Start(&call(), 5s, MakeMessage(spelling));
    EXPECT_EQ(call().writer.last().code, absl::StatusCode::kFailedPrecondition) << spelling;
    EXPECT_EQ(call().writer.last().reason, "RUN_PROTECTED") << spelling;
    EXPECT_EQ(call().writer.last().trailing_metadata.at("grpc-retry-pushback-ms"), "-1");
    EXPECT_EQ(call().writer.last().trailing_metadata.at("x-envoy-ratelimited"), "true");
    EXPECT_EQ(observer_.last().certainty, Certainty::kNotPerformed);
    EXPECT_TRUE(observer_.last().run_protected);
  }
  Start(&call(), 5s, MakeMessage(), FakeMetadata{{"grpc-previous-rpc-attempts", "1"}});
  EXPECT_EQ(observer_.last().certainty, Certainty::kUnknown) << "it may be too late";
  EXPECT_TRUE(call().attempts.started().empty());

  Start(&call(), 5s, MakeMessage(kWorkspace));  // another run
  call().attempts.Finish(HttpResponse(204));
  EXPECT_EQ(observer_.last().code, absl::StatusCode::kOk);
  EXPECT_FALSE(observer_.last().run_protected);
}

TEST_F(DeleteHandlerTest, RunsThatWereProtectedMeanwhileAreNotRetried) {
  Start(&call());
  call().attempts.Finish(ConnectFailed());
  live_config_.protected_runs = Protect(kRun);
  handler().SetLiveConfig(live_config_);
  call().timer.FireWhenDue(&clock_);
  EXPECT_EQ(call().attempts.started().size(), 1u);
  EXPECT_EQ(call().writer.last().reason, "RUN_PROTECTED");
  EXPECT_EQ(observer_.last().certainty, Certainty::kNotPerformed);
  EXPECT_EQ(observer_.last().attempts, 1);
  EXPECT_TRUE(observer_.last().run_protected);
}

TEST_F(DeleteHandlerTest, AttemptUnderWayIsCompletedAfterTheStop) {
  Start(&call());
  live_config_.deletions_enabled = false;
  handler().SetLiveConfig(live_config_);
  call().attempts.Finish(HttpResponse(204));
  EXPECT_EQ(observer_.last().code, absl::StatusCode::kOk);
  EXPECT_EQ(observer_.last().certainty, Certainty::kPerformed);
}

TEST_F(DeleteHandlerTest, RunningCallKeepsItsKey) {
  const std::weak_ptr<const authz::UpstreamKey> old_key = live_config_.keys->Select("", "");
  Start(&call());
  EXPECT_THAT(call().attempts.started().back().headers, Contains("x-api-key: secret"));

  live_config_ = MakeLiveConfig("another");
  handler().SetLiveConfig(live_config_);
  call().attempts.Finish(HttpResponse(503));
  call().timer.FireWhenDue(&clock_);
  EXPECT_THAT(call().attempts.started().back().headers, Contains("x-api-key: secret"));
  TestCall& later = NewCall();
  Start(&later);
  EXPECT_THAT(later.attempts.started().back().headers, Contains("x-api-key: another"));

  EXPECT_FALSE(old_key.expired());
  call().attempts.Finish(HttpResponse(204));
  EXPECT_TRUE(old_key.expired()) << "nobody needs it any more: it must be wiped";
  later.attempts.Finish(HttpResponse(204));
}

TEST_F(DeleteHandlerTest, NewRulesHoldForRetriesToo) {
  Start(&call());
  call().attempts.Finish(HttpResponse(503));
  live_config_.rules = MakeRule(ratelimit::LimitedBy::kUpstreamKey, 1);
  handler().SetLiveConfig(live_config_);
  TestCall& other = NewCall();
  Start(&other);  // uses up the limit
  other.attempts.Finish(HttpResponse(204));
  call().timer.FireWhenDue(&clock_);
  EXPECT_EQ(observer_.last().retry_stop, deletion::RetryStop::kRateLimit);
}

TEST_F(DeleteHandlerTest, LimitIsSharedByReplicas) {
  live_config_.rules = MakeRule(ratelimit::LimitedBy::kCaller, 4);
  live_config_.replicas = 4;
  Start(&call());
  call().attempts.Finish(HttpResponse(204));
  Start(&call());
  EXPECT_EQ(observer_.last().reason, "RATE_LIMITED");
}

TEST_F(DeleteHandlerTest, ShadowRuleRejectsNobody) {
  live_config_.rules = MakeRule(ratelimit::LimitedBy::kCaller, 1, /*shadow=*/true);
  for (int i = 0; i < 2; ++i) {
    Start(&call());
    call().attempts.Finish(HttpResponse(204));
  }
  EXPECT_EQ(observer_.completed[0].would_be_limited_by, "");
  EXPECT_EQ(observer_.completed[1].would_be_limited_by, "a-limit");
  EXPECT_EQ(observer_.completed[1].limited_by, "");
  EXPECT_EQ(call().writer.last().code, absl::StatusCode::kOk);
}

}  // namespace
}  // namespace evalrun::handler

// SPDX-License-Identifier: Apache-2.0
//
// A 404 needs proof that its workspace exists: where the proof comes from, who waits for it and how
// long, and what the caller gets without it.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "service/handler/active_call.h"
#include "tests/unit/handler/call_testing.h"

namespace evalrun::handler {
namespace {

using namespace std::chrono_literals;
using deletion::Certainty;
using deletion::ProbeClassification;
using deletion::ScopeStatus;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

constexpr char kOtherWorkspace[] = "66666666-7777-8888-9999-000000000000";
constexpr std::string_view kRunNotFoundBody =
    R"({"error":{"code":"resource.score_run_not_found","message":"no such run"}})";

constexpr std::string_view kWorkspaceNotFoundBody =
    R"({"error":{"code":"resource.workspace_not_found","message":"no such workspace"}})";

class ActiveCallScopeTest : public CallTest {
 protected:
  ActiveCallScopeTest() { options_.verify_absence = true; }

  // A call that was answered 404, and may now wait for a probe.
  TestCall& StartMissing(std::chrono::milliseconds time_left = 5s,
                         std::string_view workspace = kWorkspace, bool allow_missing = false,
                         const FakeMetadata& metadata = FakeMetadata()) {
    TestCall& call = NewCall();
    Start(&call, time_left, MakeMessage(kRun, workspace, allow_missing), metadata);
    call.attempts.Finish(HttpResponse(404, kNotFoundBody));
    return call;
  }

  static void ExpectResponse(const TestCall& call, absl::StatusCode code,
                             const std::string& reason) {
    ASSERT_THAT(call.writer.written(), SizeIs(1));
    EXPECT_EQ(call.writer.last().code, code);
    EXPECT_EQ(call.writer.last().reason, reason);
  }
  static void ExpectNotFound(const TestCall& call) {
    ExpectResponse(call, absl::StatusCode::kNotFound, "RESOURCE_NOT_FOUND");
  }
  static void ExpectUnverified(const TestCall& call) {
    ExpectResponse(call, absl::StatusCode::kUnavailable, "ABSENCE_UNVERIFIED");
    EXPECT_EQ(call.writer.last().trailing_metadata.at("grpc-retry-pushback-ms"), "-1");
  }
  static void ExpectScopeNotFound(const TestCall& call) {
    ExpectResponse(call, absl::StatusCode::kFailedPrecondition, "SCOPE_NOT_FOUND");
    EXPECT_EQ(call.writer.last().trailing_metadata.at("grpc-retry-pushback-ms"), "-1");
  }
};

TEST_F(ActiveCallScopeTest, ProbesTheScopeOfA404) {
  options_.upstream_timeout = 3s;
  TestCall& call = StartMissing();
  EXPECT_THAT(call.writer.written(), IsEmpty());
  EXPECT_EQ(handler().admission().in_flight(), 1u) << "it keeps its permit";
  ASSERT_THAT(probes_.started(), SizeIs(1));
  const StartedAttempt& probe = probes_.started().front();
  EXPECT_EQ(probe.method, AttemptRequest::Method::kGet);
  EXPECT_EQ(probe.target, std::string("/v2/eval-runs?limit=1&workspace_uuid=") + kWorkspace);
  EXPECT_THAT(probe.headers, ElementsAre("x-api-key: secret"));
  EXPECT_EQ(probe.timeout, 3s);

  probes_.Finish(HttpResponse(200, kListBody));
  ExpectNotFound(call);
  EXPECT_FALSE(call.timer.is_running());
  EXPECT_EQ(observer_.last().certainty, Certainty::kAbsent);
  EXPECT_EQ(observer_.last().attempts, 1) << "a probe is no attempt";
  EXPECT_EQ(observer_.attempts, 1);
  EXPECT_THAT(observer_.probed, ElementsAre(ProbeClassification{.status = ScopeStatus::kProven}));
  EXPECT_THAT(observer_.probed_keys, ElementsAre("default"));
}

TEST_F(ActiveCallScopeTest, ProbeWithoutAWorkspace) {
  StartMissing(5s, "");
  EXPECT_EQ(probes_.started().front().target, "/v2/eval-runs?limit=1");
  probes_.Finish(HttpResponse(200, kListBody));
}

TEST_F(ActiveCallScopeTest, ProofIsKept) {
  options_.scopes.proven_ttl = 60s;
  StartMissing();
  probes_.Finish(HttpResponse(200, kListBody));
  clock_.Advance(59s);
  ExpectNotFound(StartMissing());
  EXPECT_THAT(probes_.started(), SizeIs(1));
  clock_.Advance(1s);
  StartMissing();
  EXPECT_THAT(probes_.started(), SizeIs(2));
  probes_.Finish(HttpResponse(200, kListBody));
}

TEST_F(ActiveCallScopeTest, DeletionIsProof) {
  Start(&call(), 5s, MakeMessage(kRun, kWorkspace));
  call().attempts.Finish(HttpResponse(204));
  ExpectNotFound(StartMissing());
  EXPECT_THAT(probes_.started(), IsEmpty());
  StartMissing(5s, kOtherWorkspace);
  EXPECT_THAT(probes_.started(), SizeIs(1)) << "of its own workspace only";
  probes_.Finish(HttpResponse(200, kListBody));
}

TEST_F(ActiveCallScopeTest, OtherResponsesToADeletionAreNoProof) {
  for (const int status : {200, 202, 409, 500}) {
    options_.retry.max_attempts = 1;
    Start(&call(), 5s, MakeMessage(kRun, kWorkspace));
    call().attempts.Finish(HttpResponse(status, R"({"error":{"code":"a.b","message":"m"}})"));
  }
  StartMissing();
  ASSERT_EQ(probes_.under_way(), 1u);
  probes_.Finish(HttpResponse(200, kListBody));
}

TEST_F(ActiveCallScopeTest, CodeThatNamesTheRunIsProof) {
  Start(&call());
  call().attempts.Finish(HttpResponse(404, kRunNotFoundBody));
  ExpectResponse(call(), absl::StatusCode::kNotFound, "RESOURCE_SCORE_RUN_NOT_FOUND");
  EXPECT_THAT(probes_.started(), IsEmpty());
}

// Although a deletion has proven the workspace a moment ago.
TEST_F(ActiveCallScopeTest, CodeThatNamesTheWorkspaceIsNeverOk) {
  Start(&call(), 5s, MakeMessage(kRun, kWorkspace));
  call().attempts.Finish(HttpResponse(204));
  TestCall& missing = NewCall();
  Start(&missing, 5s, MakeMessage(kRun, kWorkspace, /*allow_missing=*/true));
  missing.attempts.Finish(HttpResponse(404, kWorkspaceNotFoundBody));
  ExpectScopeNotFound(missing);
  EXPECT_EQ(observer_.last().certainty, Certainty::kNotPerformed);
  EXPECT_EQ(observer_.last().upstream_code, "resource.workspace_not_found");
  ExpectScopeNotFound(StartMissing());
  EXPECT_THAT(probes_.started(), IsEmpty());
  EXPECT_THAT(observer_.probed, ElementsAre(ProbeClassification{.status = ScopeStatus::kMissing}));
  EXPECT_THAT(observer_.probed_keys, ElementsAre("default"));

  clock_.Advance(options_.scopes.missing_ttl);
  TestCall& later = StartMissing();
  ASSERT_THAT(probes_.started(), SizeIs(1)) << "the proof of before is gone";
  probes_.Finish(HttpResponse(200, kListBody));
  ExpectNotFound(later);
}

TEST_F(ActiveCallScopeTest, CodeThatNamesTheWorkspaceAfterALostResponseIsUnknown) {
  Start(&call());
  call().attempts.Finish(ConnectionLost());
  call().timer.FireWhenDue(&clock_);
  call().attempts.Finish(HttpResponse(404, kWorkspaceNotFoundBody));
  ExpectScopeNotFound(call());
  EXPECT_EQ(observer_.last().certainty, Certainty::kUnknown);
}

TEST_F(ActiveCallScopeTest, CodeThatNamesTheWorkspaceIsNeverOkWhenTheSettingIsOff) {
  options_.verify_absence = false;
  Start(&call(), 5s, MakeMessage(kRun, kWorkspace, /*allow_missing=*/true));
  call().attempts.Finish(HttpResponse(404, kWorkspaceNotFoundBody));
  ExpectScopeNotFound(call());
}

TEST_F(ActiveCallScopeTest, NoProbeWhenTheSettingIsOff) {
  options_.verify_absence = false;
  ExpectNotFound(StartMissing());
  EXPECT_THAT(probes_.started(), IsEmpty());
}

TEST_F(ActiveCallScopeTest, WithProofAllowMissingAndPresumedAreOk) {
  TestCall& allowed = StartMissing(5s, kWorkspace, /*allow_missing=*/true);
  TestCall& repeated =
      StartMissing(5s, kWorkspace, false, FakeMetadata{{"grpc-previous-rpc-attempts", "1"}});
  probes_.Finish(HttpResponse(200, kListBody));
  EXPECT_EQ(allowed.writer.last().code, absl::StatusCode::kOk);
  EXPECT_THAT(allowed.writer.last().trailing_metadata,
              ElementsAre(Pair("evalrun-deletion", "absent")));
  EXPECT_EQ(repeated.writer.last().code, absl::StatusCode::kOk);
  EXPECT_THAT(repeated.writer.last().trailing_metadata,
              ElementsAre(Pair("evalrun-deletion", "presumed")));
}

TEST_F(ActiveCallScopeTest, MissingScopeIsNeverOk) {
  TestCall& allowed = StartMissing(5s, kWorkspace, /*allow_missing=*/true);
  probes_.Finish(HttpResponse(404, kNotFoundBody));
  ExpectScopeNotFound(allowed);
  EXPECT_EQ(observer_.last().certainty, Certainty::kNotPerformed);
  EXPECT_EQ(observer_.last().http_status, 404);
  TestCall& repeated =
      StartMissing(5s, kWorkspace, true, FakeMetadata{{"grpc-previous-rpc-attempts", "1"}});
  ExpectScopeNotFound(repeated);
  EXPECT_EQ(observer_.last().certainty, Certainty::kUnknown);
  EXPECT_THAT(probes_.started(), SizeIs(1)) << "what the probe found is kept";
  EXPECT_THAT(observer_.probed, ElementsAre(ProbeClassification{.status = ScopeStatus::kMissing}));
}

TEST_F(ActiveCallScopeTest, UnverifiableScopeIsNeverOk) {
  for (const deletion::AttemptResult& result :
       {HttpResponse(500), HttpResponse(404, "{}"), HttpResponse(200, "{}"), ConnectionLost()}) {
    TestCall& allowed = StartMissing(5s, kWorkspace, /*allow_missing=*/true);
    probes_.Finish(result);
    ExpectUnverified(allowed);
    EXPECT_EQ(observer_.last().certainty, Certainty::kNotPerformed);
    clock_.Advance(options_.scopes.unverifiable_ttl);
  }
  TestCall& lost = NewCall();
  Start(&lost);
  lost.attempts.Finish(ConnectionLost());
  lost.timer.FireWhenDue(&clock_);
  lost.attempts.Finish(HttpResponse(404, kNotFoundBody));
  probes_.Finish(HttpResponse(503));
  ExpectUnverified(lost);
  EXPECT_EQ(observer_.last().certainty, Certainty::kUnknown);
}

TEST_F(ActiveCallScopeTest, KeyThatMayNotListIsReported) {
  for (const int status : {401, 403}) {
    TestCall& call = StartMissing();
    probes_.Finish(HttpResponse(status, R"({"error":{"code":"auth.x","message":"m"}})"));
    ExpectUnverified(call);
    EXPECT_TRUE(observer_.probed.back().is_forbidden);
    clock_.Advance(options_.scopes.unverifiable_ttl);
  }
}

TEST_F(ActiveCallScopeTest, CallsOfOneScopeShareAProbe) {
  TestCall& first = StartMissing();
  TestCall& second = StartMissing();
  TestCall& other = StartMissing(5s, kOtherWorkspace);
  ASSERT_THAT(probes_.started(), SizeIs(2));
  probes_.Finish(HttpResponse(200, kListBody));
  ExpectNotFound(first);
  ExpectNotFound(second);
  EXPECT_THAT(other.writer.written(), IsEmpty());
  probes_.Finish(HttpResponse(404, kNotFoundBody));
  ExpectScopeNotFound(other);
}

TEST_F(ActiveCallScopeTest, DeletionMeanwhileProvesTheScopeOfAnUnverifiableProbe) {
  TestCall& waiting = StartMissing();
  TestCall& deleting = NewCall();
  Start(&deleting, 5s, MakeMessage(kRun, kWorkspace));
  deleting.attempts.Finish(HttpResponse(204));
  probes_.Finish(HttpResponse(500));
  ExpectNotFound(waiting);
}

TEST_F(ActiveCallScopeTest, IsUnverifiedAtItsOwnDeadline) {
  options_.deadline_margin = 20ms;
  TestCall& call = StartMissing(1s);
  EXPECT_EQ(call.timer.due() - clock_.SteadyNow(), 970ms);
  call.timer.FireWhenDue(&clock_);
  ExpectUnverified(call);
  EXPECT_EQ(probes_.under_way(), 0u) << "nobody waits for it any more";
  EXPECT_THAT(observer_.probed, ElementsAre(ProbeClassification()));

  TestCall& next = StartMissing();
  EXPECT_THAT(probes_.started(), SizeIs(2)) << "a short deadline says nothing about the scope";
  probes_.Finish(HttpResponse(200, kListBody));
  ExpectNotFound(next);
}

TEST_F(ActiveCallScopeTest, OthersStillWaitWhenOneCallsDeadlineHasPassed) {
  TestCall& first = StartMissing(1s);
  TestCall& second = StartMissing(5s);
  TestCall& third = StartMissing(5s);
  first.timer.FireWhenDue(&clock_);
  ExpectUnverified(first);
  ASSERT_EQ(probes_.under_way(), 1u);
  probes_.Finish(HttpResponse(200, kListBody));
  ExpectNotFound(second);
  ExpectNotFound(third);
}

TEST_F(ActiveCallScopeTest, CancelledWhileWaiting) {
  TestCall& first = StartMissing();
  TestCall& second = StartMissing();
  first.call.Cancel();
  EXPECT_FALSE(first.timer.is_running());
  EXPECT_EQ(observer_.last().code, absl::StatusCode::kCancelled);
  EXPECT_EQ(observer_.last().certainty, Certainty::kNotPerformed);
  EXPECT_EQ(observer_.last().attempts, 1);
  EXPECT_EQ(probes_.under_way(), 1u) << "another call waits for it";
  second.call.Cancel();
  EXPECT_EQ(probes_.under_way(), 0u);
  EXPECT_EQ(first.attempts.cancelled() + second.attempts.cancelled(), 0);
  EXPECT_THAT(first.writer.written(), IsEmpty());
  EXPECT_THAT(second.writer.written(), IsEmpty());
}

TEST_F(ActiveCallScopeTest, ProbeCountsAgainstTheLimitOfTheKey) {
  live_config_.rules = MakeRule(ratelimit::LimitedBy::kUpstreamKey, 3);
  TestCall& call = StartMissing();
  probes_.Finish(HttpResponse(200, kListBody));
  ExpectNotFound(call);
  TestCall& limited = StartMissing(5s, kOtherWorkspace);
  ExpectUnverified(limited);
  EXPECT_THAT(probes_.started(), SizeIs(1));
  EXPECT_THAT(observer_.probed, SizeIs(1));

  clock_.Advance(std::chrono::hours(1));
  StartMissing(5s, kOtherWorkspace);
  EXPECT_THAT(probes_.started(), SizeIs(2)) << "the limit said nothing about the scope";
  probes_.Finish(HttpResponse(200, kListBody));
}

TEST_F(ActiveCallScopeTest, NoProbeWhileTheKeysCallsAreHeldBack) {
  Start(&call(), 5s, MakeMessage(kRun, kWorkspace));
  TestCall& other = NewCall();
  Start(&other, 1s);
  deletion::AttemptResult result = HttpResponse(429);
  result.retry_after = "3";
  other.attempts.Finish(result);
  call().attempts.Finish(HttpResponse(404, kNotFoundBody));
  ExpectUnverified(call());
  EXPECT_THAT(probes_.started(), IsEmpty());
}

TEST_F(ActiveCallScopeTest, ProbeMayBeToldToWait) {
  TestCall& call = StartMissing();
  deletion::AttemptResult result = HttpResponse(429);
  result.retry_after = "3";
  probes_.Finish(result);
  ExpectUnverified(call);
  TestCall& next = NewCall();
  Start(&next);
  EXPECT_EQ(next.writer.last().reason, "UPSTREAM_HOLD_BACK");
}

TEST_F(ActiveCallScopeTest, ProofEndsWithTheKey) {
  StartMissing();
  probes_.Finish(HttpResponse(200, kListBody));
  handler().SetLiveConfig(MakeLiveConfig("another"));
  TestCall& call = StartMissing();
  ASSERT_THAT(probes_.started(), SizeIs(2)) << "it may be the key of another organization";
  EXPECT_THAT(probes_.started()[1].headers, ElementsAre("x-api-key: another"));
  probes_.Finish(HttpResponse(404, kNotFoundBody));
  ExpectScopeNotFound(call);
}

TEST_F(ActiveCallScopeTest, ProbeKeepsItsKey) {
  const std::weak_ptr<const authz::UpstreamKey> old_key = live_config_.keys->Select("", "");
  StartMissing();
  live_config_ = MakeLiveConfig("another");
  handler().SetLiveConfig(live_config_);
  EXPECT_FALSE(old_key.expired());
  probes_.Finish(HttpResponse(200, kListBody));
  EXPECT_TRUE(old_key.expired()) << "nobody needs it any more: it must be wiped";
}

}  // namespace
}  // namespace evalrun::handler

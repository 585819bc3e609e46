// SPDX-License-Identifier: Apache-2.0
//
// What goes upstream for a call, what its caller gets back, and what is reported of it.
#include "service/handler/active_call.h"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/handler/call_testing.h"

namespace evalrun::handler {
namespace {

using namespace std::chrono_literals;
using deletion::Certainty;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr char kTraceparent[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
constexpr char kTraceId[] = "4bf92f3577b34da6a3ce929d0e0e4736";

using ActiveCallTest = CallTest;

TEST_F(ActiveCallTest, DeletesARun) {
  Start(&call(), 5s, MakeMessage(kRun, kWorkspace), FakeMetadata{{"x-request-id", "abc-1"}});
  EXPECT_EQ(handler().admission().in_flight(), 1u);
  ASSERT_THAT(call().attempts.started(), SizeIs(1));
  const StartedAttempt& attempt = call().attempts.started().front();
  EXPECT_EQ(attempt.target, std::string("/v2/eval-runs/") + kRun + "?workspace_uuid=" + kWorkspace);
  EXPECT_THAT(attempt.headers, ElementsAre("x-api-key: secret", "x-request-id: abc-1"));
  EXPECT_FALSE(attempt.fresh_connection);
  EXPECT_THAT(call().writer.written(), IsEmpty()) << "the upstream has not answered yet";

  clock_.Advance(30ms);
  call().attempts.Finish(HttpResponse(204));
  const WrittenResponse& response = call().writer.last();
  EXPECT_EQ(response.code, absl::StatusCode::kOk);
  EXPECT_THAT(response.initial_metadata, ElementsAre(Pair("x-request-id", "abc-1")));
  EXPECT_THAT(response.trailing_metadata, IsEmpty());
  const CompletedCall& record = observer_.last();
  EXPECT_EQ(record.code, absl::StatusCode::kOk);
  EXPECT_EQ(record.certainty, Certainty::kPerformed);
  EXPECT_EQ(record.attempts, 1);
  EXPECT_EQ(record.caller, kCaller);
  EXPECT_EQ(record.peer, kPeer);
  EXPECT_EQ(record.eval_run_uuid, kRun);
  EXPECT_EQ(record.workspace_uuid, kWorkspace);
  EXPECT_EQ(record.upstream_key, "default");
  EXPECT_EQ(record.http_status, 204);
  EXPECT_EQ(record.request_bytes, MakeMessage(kRun, kWorkspace).size());
  EXPECT_EQ(record.duration, 30ms);
}

TEST_F(ActiveCallTest, SaysSoWhenAnEarlierAttemptOfTheCallerMayHaveDoneIt) {
  Start(&call(), 5s, MakeMessage(), FakeMetadata{{"grpc-previous-rpc-attempts", "1"}});
  call().attempts.Finish(HttpResponse(404, kNotFoundBody));
  EXPECT_EQ(call().writer.last().code, absl::StatusCode::kOk);
  EXPECT_THAT(call().writer.last().trailing_metadata,
              ElementsAre(Pair("evalrun-deletion", "presumed")));
}

TEST_F(ActiveCallTest, SaysSoWhenAnEarlierAttemptOfAProxyMayHaveDoneIt) {
  for (const auto& [count, code] :
       {std::pair("1", absl::StatusCode::kNotFound), std::pair("2", absl::StatusCode::kOk)}) {
    Start(&call(), 5s, MakeMessage(), FakeMetadata{{"x-envoy-attempt-count", count}});
    call().attempts.Finish(HttpResponse(404, kNotFoundBody));
    EXPECT_EQ(call().writer.last().code, code) << count;
  }
  EXPECT_THAT(call().writer.last().trailing_metadata,
              ElementsAre(Pair("evalrun-deletion", "presumed")));
}

TEST_F(ActiveCallTest, BelievesOnlyTrustedProxiesWhichAttemptItIsWhereTheyAreNamed) {
  options_.identity.metadata_key = "x-caller";
  options_.identity.trusted_peers = {"spiffe://prod/mesh"};
  const auto code_for = [&](const char* spiffe_id, const FakeMetadata& metadata) {
    call().call.Start(
        {.metadata = metadata, .message = MakeMessage(), .peer = kPeer, .spiffe_id = spiffe_id});
    call().attempts.Finish(HttpResponse(404, kNotFoundBody));
    return call().writer.last().code;
  };
  const FakeMetadata second_attempt{{"x-envoy-attempt-count", "2"}};
  EXPECT_EQ(code_for("spiffe://prod/mesh", second_attempt), absl::StatusCode::kOk)
      << "also when it names no caller";
  EXPECT_EQ(code_for("spiffe://prod/batch", second_attempt), absl::StatusCode::kNotFound);
  EXPECT_EQ(code_for("", second_attempt), absl::StatusCode::kNotFound);
  EXPECT_EQ(code_for("spiffe://prod/batch", {{"grpc-previous-rpc-attempts", "1"}}),
            absl::StatusCode::kOk)
      << "gRPC's own count is every caller's";
}

TEST_F(ActiveCallTest, ErrorHasNoInitialMetadata) {
  Start(&call(), 5s, MakeMessage(), FakeMetadata{{"x-request-id", "abc-1"}});
  call().attempts.Finish(HttpResponse(404, kNotFoundBody));
  const WrittenResponse& response = call().writer.last();
  EXPECT_EQ(response.code, absl::StatusCode::kNotFound);
  EXPECT_EQ(response.reason, "RESOURCE_NOT_FOUND");
  EXPECT_EQ(response.message, "no such run");
  EXPECT_THAT(response.initial_metadata, IsEmpty())
      << "a client's retry policy could not retry otherwise";
  EXPECT_THAT(
      response.trailing_metadata,
      UnorderedElementsAre(Pair("x-request-id", "abc-1"), Pair("grpc-retry-pushback-ms", "-1"),
                           Pair("x-envoy-ratelimited", "true")));
  EXPECT_EQ(observer_.last().upstream_code, "resource.not_found");
  EXPECT_EQ(observer_.last().upstream_request_id, "up-1");
}

// One response must not fill the log's buffer.
TEST_F(ActiveCallTest, LogsOnlyTheBeginningOfLongUpstreamTexts) {
  const std::string text(60'000, 'x');
  Start(&call());
  call().attempts.Finish(HttpResponse(
      409, R"({"error":{"code":")" + text + R"(","message":"m"},"request_id":")" + text + R"("})"));
  EXPECT_EQ(observer_.last().upstream_code, text.substr(0, observability::kMaxLoggedIdLength));
  EXPECT_EQ(observer_.last().upstream_request_id,
            text.substr(0, observability::kMaxLoggedIdLength));
}

TEST_F(ActiveCallTest, MakesARequestIdUnlessTheCallerGivesOne) {
  for (const char* request_id : {"", "with space", "abc-1"}) {
    Start(&call(), 5s, MakeMessage(), FakeMetadata{{"x-request-id", request_id}});
    call().attempts.Finish(HttpResponse(204));
    EXPECT_EQ(call().writer.last().initial_metadata.at("x-request-id"),
              observer_.last().request_id);
  }
  EXPECT_THAT(observer_.completed[0].request_id, MatchesRegex("[0-9a-f]{32}"));
  EXPECT_THAT(observer_.completed[1].request_id, MatchesRegex("[0-9a-f]{32}"));
  EXPECT_EQ(observer_.completed[2].request_id, "abc-1");
}

TEST_F(ActiveCallTest, ForwardsTraceContextThatIsWellFormed) {
  Start(&call(), 5s, MakeMessage(),
        FakeMetadata{{"x-request-id", "r"}, {"traceparent", kTraceparent}, {"tracestate", "a=1"}});
  EXPECT_THAT(call().attempts.started().back().headers,
              ElementsAre("x-api-key: secret", "x-request-id: r",
                          std::string("traceparent: ") + kTraceparent, "tracestate: a=1"));
  call().attempts.Finish(HttpResponse(204));
  EXPECT_EQ(observer_.last().trace_id, kTraceId);

  Start(&call(), 5s, MakeMessage(),
        FakeMetadata{{"x-request-id", "r"}, {"traceparent", "00-0-0-00"}, {"tracestate", "a=1"}});
  EXPECT_THAT(call().attempts.started().back().headers,
              ElementsAre("x-api-key: secret", "x-request-id: r"));
  call().attempts.Finish(HttpResponse(204));
  EXPECT_EQ(observer_.last().trace_id, "");
}

TEST_F(ActiveCallTest, ForwardsOnlyWhatIsConfigured) {
  options_.forward_request_id = false;
  options_.forward_tracestate = false;
  Start(&call(), 5s, MakeMessage(),
        FakeMetadata{{"x-request-id", "r"}, {"traceparent", kTraceparent}, {"tracestate", "a=1"}});
  EXPECT_THAT(call().attempts.started().back().headers,
              ElementsAre("x-api-key: secret", std::string("traceparent: ") + kTraceparent));
  call().attempts.Finish(HttpResponse(204));
}

TEST_F(ActiveCallTest, TakesTheCallerFromTheCertificateOrATrustedHop) {
  options_.identity.metadata_key = "x-caller";
  options_.identity.trusted_peers = {"spiffe://prod/mesh"};
  const FakeMetadata metadata{{"x-caller", "team-a"}};
  for (const char* spiffe_id : {"", "spiffe://prod/batch", "spiffe://prod/mesh"}) {
    call().call.Start(
        {.metadata = metadata, .message = MakeMessage(), .peer = kPeer, .spiffe_id = spiffe_id});
    call().attempts.Finish(HttpResponse(204));
  }
  EXPECT_EQ(observer_.completed[0].caller, kCaller);
  EXPECT_EQ(observer_.completed[1].caller, "spiffe://prod/batch");
  EXPECT_EQ(observer_.completed[2].caller, "metadata:team-a");
}

TEST_F(ActiveCallTest, AttemptEndsBeforeTheCallersDeadline) {
  options_.upstream_timeout = 10s;
  options_.default_timeout = 3s;
  options_.deadline_margin = 20ms;
  Start(&call(), 1s);
  call().attempts.Finish(HttpResponse(204));
  Start(&call(), 60s);
  call().attempts.Finish(HttpResponse(204));
  Start(&call(), std::chrono::hours(24 * 366));  // is no deadline
  call().attempts.Finish(HttpResponse(204));
  EXPECT_EQ(call().attempts.started()[0].timeout, 970ms);
  EXPECT_EQ(call().attempts.started()[1].timeout, 10s);
  EXPECT_EQ(call().attempts.started()[2].timeout, 2980ms);
}

TEST_F(ActiveCallTest, NothingIsSentWithoutTimeForAnAttempt) {
  options_.upstream_timeout = 5ms;  // shorter, but that is what the operator wants
  Start(&call(), 26ms);             // a quarter is the margin
  EXPECT_THAT(call().attempts.started(), IsEmpty());
  EXPECT_EQ(call().writer.last().code, absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(observer_.last().reason, "DEADLINE_TOO_SHORT");
  EXPECT_EQ(observer_.last().certainty, Certainty::kNotPerformed);
  Start(&call(), 27ms);
  ASSERT_THAT(call().attempts.started(), SizeIs(1));
  EXPECT_EQ(call().attempts.started()[0].timeout, 5ms);
  call().attempts.Finish(HttpResponse(204));
}

// The upstream repeats our API key, in each place that a caller or a log gets to see.
TEST_F(ActiveCallTest, ApiKeyIsRedactedAlsoWhenTheDeletionSucceeds) {
  constexpr std::string_view kBody =
      R"({"error":{"code":"a.secret","message":"my secret"},"request_id":"r-secret"})";
  for (const bool allow_missing : {true, false}) {
    Start(&call(), 5s, MakeMessage(kRun, {}, allow_missing));
    deletion::AttemptResult result = HttpResponse(404, kBody);
    result.upstream_request_id = "h-secret";
    call().attempts.Finish(result);
    EXPECT_EQ(call().writer.last().code,
              allow_missing ? absl::StatusCode::kOk : absl::StatusCode::kNotFound);
    EXPECT_THAT(call().writer.last().message, Not(HasSubstr("secret")));
    EXPECT_EQ(observer_.last().upstream_code, "a.[redacted]");
    EXPECT_EQ(observer_.last().upstream_request_id, "r-[redacted]");
  }
}

// One object serves one call after another. Of the first one, which has everything that a call can
// have, nothing may be left.
TEST_F(ActiveCallTest, NothingOfACallIsLeftForTheNext) {
  live_config_.rules = MakeRule(ratelimit::LimitedBy::kWorkspace, 1, /*shadow=*/true);
  const FakeMetadata rich{{"x-request-id", "abc-1"},
                          {"traceparent", kTraceparent},
                          {"tracestate", "a=1"},
                          {"grpc-previous-rpc-attempts", "1"}};
  const std::string message = MakeMessage(kRun, kWorkspace, /*allow_missing=*/true);
  Start(&call(), 5s, message, rich);
  call().attempts.Finish(HttpResponse(204));

  const auto run_rich_call = [&](TestCall* used) {
    Start(used, 5s, message, rich);
    deletion::AttemptResult refused =
        HttpResponse(503, R"({"error":{"code":"a.b","message":"m"},"request_id":"up-1"})");
    refused.retry_after = "1";
    refused.upstream_request_id = "up-2";
    used->attempts.Finish(refused);
    used->timer.FireWhenDue(&clock_);
    deletion::AttemptResult lost = ConnectionLost();
    lost.connection_reused = lost.duplicate_suppressed = true;
    lost.timing.total = 1s;
    used->attempts.Finish(lost);
  };
  // In each way in which a call can end.
  const auto by_response = [&](TestCall* used) {
    run_rich_call(used);
    used->timer.FireWhenDue(&clock_);
    used->attempts.Finish(HttpResponse(409, R"({"error":{"code":"c.d","message":"m"}})"));
  };
  const auto by_cancellation = [&](TestCall* used) {
    run_rich_call(used);
    used->call.Cancel();
  };
  const auto by_rejection = [&](TestCall* used) {
    used->call.Start({.metadata = rich, .message = message, .peer = kPeer, .deadline = {}});
  };
  for (const auto& use : {std::function<void(TestCall*)>(by_response),
                          std::function<void(TestCall*)>(by_cancellation),
                          std::function<void(TestCall*)>(by_rejection)}) {
    handler().SetLiveConfig(live_config_);
    TestCall& used = NewCall();
    use(&used);
    EXPECT_EQ(observer_.last().would_be_limited_by, "a-limit") << "or little is tested";
    handler().SetLiveConfig(MakeLiveConfig());
    TestCall& unused = NewCall();
    std::vector<CompletedCall> records;
    for (TestCall* each : {&used, &unused}) {
      for (const std::string_view bytes : {std::string_view("\xFF"), std::string_view()}) {
        Start(each, 5s, bytes);
        records.push_back(observer_.last());
      }
      Start(each, 5s, MakeMessage());
      each->attempts.Finish(HttpResponse(404, "{}"));
      records.push_back(observer_.last());
    }
    for (int i = 0; i < 3; ++i) EXPECT_EQ(records[i], records[i + 3]) << i;
    EXPECT_EQ(used.attempts.started().back(), unused.attempts.started().back());
    EXPECT_EQ(used.writer.last(), unused.writer.last());
  }
}

}  // namespace
}  // namespace evalrun::handler

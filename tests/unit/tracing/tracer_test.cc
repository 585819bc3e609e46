// SPDX-License-Identifier: Apache-2.0
//
// Which calls are traced, and the spans of a call for each way in which it may go.
#include "service/tracing/tracer.h"

#include <map>
#include <string>
#include <variant>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/handler/call_testing.h"
#include "tests/unit/tracing/tracing_testing.h"

namespace evalrun::tracing {
namespace {

using namespace std::chrono_literals;
using handler::FakeMetadata;
using handler::HttpResponse;
using handler::kRun;
using handler::kWorkspace;
using handler::MakeMessage;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr char kTraceparent[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
constexpr char kUnsampled[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
constexpr char kTraceId[] = "4bf92f3577b34da6a3ce929d0e0e4736";

struct Collector final : SpanSink {
  void Export(std::vector<Span> spans) override { calls.push_back(std::move(spans)); }
  std::vector<std::vector<Span>> calls;
};

std::string ShowValue(const Attribute& attribute) {
  if (const auto* text = std::get_if<std::string>(&attribute.value)) return *text;
  if (const auto* number = std::get_if<std::int64_t>(&attribute.value)) {
    return std::to_string(*number);
  }
  return std::get<bool>(attribute.value) ? "true" : "false";
}

// `key=value`, in order.
std::vector<std::string> Show(const std::vector<Attribute>& attributes) {
  std::vector<std::string> shown;
  shown.reserve(attributes.size());
  for (const Attribute& attribute : attributes) {
    shown.push_back(std::string(attribute.key) + "=" + ShowValue(attribute));
  }
  return shown;
}

// `name key=value ...`
std::vector<std::string> ShowEvents(const Span& span) {
  std::vector<std::string> shown;
  for (const SpanEvent& event : span.events) {
    shown.emplace_back(event.name);
    for (const std::string& text : Show(event.attributes)) shown.back() += " " + text;
  }
  return shown;
}

class TracerTest : public handler::CallTest {
 protected:
  TracerTest() {
    options_tracer_.upstream = {.origin = "https://api.test", .address = "api.test", .port = 443};
  }

  // Before the first call.
  void Trace() {
    made_.emplace(options_tracer_, &ids_, &collector_);
    tracer_ = &*made_;
  }
  void StartTraced(std::string_view message = MakeMessage(),
                   std::chrono::milliseconds time_left = 5s) {
    Trace();
    Start(&call(), time_left, message,
          FakeMetadata{{"x-request-id", "r"}, {"traceparent", kTraceparent}});
  }
  // Of the only call that was traced; its own span is the first.
  const std::vector<Span>& spans() const { return collector_.calls.at(0); }

  TracerOptions options_tracer_;
  CountingRandom ids_;
  Collector collector_;

 private:
  std::optional<Tracer> made_;
};

TEST_F(TracerTest, TracesCallsThatTheirCallersSampled) {
  StartTraced(MakeMessage(kRun, kWorkspace));
  clock_.Advance(30ms);
  call().attempts.Finish(HttpResponse(204));
  ASSERT_THAT(collector_.calls, SizeIs(1));
  ASSERT_THAT(spans(), SizeIs(2));

  const Span& server = spans()[0];
  EXPECT_EQ(server.name, "aymara.evals.v1.EvalRunService/DeleteEvalRun");
  EXPECT_EQ(server.kind, Span::Kind::kServer);
  EXPECT_EQ(server.context.trace_id, ParseTraceparent(kTraceparent).trace_id);
  EXPECT_EQ(server.parent, ParseTraceparent(kTraceparent).span_id);
  EXPECT_TRUE(server.has_remote_parent);
  EXPECT_EQ(server.end - server.start, 30ms);
  EXPECT_EQ(server.end, Time(clock_.SystemNow()));
  EXPECT_FALSE(server.is_error);
  EXPECT_THAT(server.events, IsEmpty());
  EXPECT_THAT(
      Show(server.attributes),
      ElementsAre("rpc.system.name=grpc", "rpc.method=aymara.evals.v1.EvalRunService/DeleteEvalRun",
                  "rpc.status_code=OK", "network.peer.address=10.0.0.7", "network.peer.port=40000",
                  "evalrun.request_id=r", "evalrun.caller=ip:10.0.0.7",
                  std::string("evalrun.eval_run_uuid=") + kRun,
                  std::string("evalrun.workspace_uuid=") + kWorkspace,
                  "evalrun.upstream_key=default", "evalrun.attempts=1",
                  "evalrun.deletion=performed"));

  const Span& client = spans()[1];
  EXPECT_EQ(client.name, "DELETE");
  EXPECT_EQ(client.kind, Span::Kind::kClient);
  EXPECT_EQ(client.context.trace_id, server.context.trace_id);
  EXPECT_EQ(client.parent, server.context.span_id);
  EXPECT_FALSE(client.has_remote_parent);
  EXPECT_FALSE(client.is_error);
  EXPECT_THAT(
      Show(client.attributes),
      ElementsAre("http.request.method=DELETE", "server.address=api.test", "server.port=443",
                  std::string("url.full=https://api.test/v2/eval-runs/") + kRun +
                      "?workspace_uuid=" + kWorkspace,
                  "evalrun.connection_reused=false", "http.response.status_code=204",
                  "network.protocol.version=1.1"));
}

TEST_F(TracerTest, EachAttemptCarriesItsOwnSpanUpstream) {
  StartTraced();
  call().attempts.Finish(HttpResponse(503));
  call().timer.FireWhenDue(&clock_);
  call().attempts.Finish(HttpResponse(204));
  ASSERT_THAT(spans(), SizeIs(3));
  for (const std::size_t i : {0U, 1U}) {
    EXPECT_THAT(call().attempts.started()[i].headers,
                ElementsAre("x-api-key: secret", "x-request-id: r",
                            "traceparent: " + FormatTraceparent(spans()[1 + i].context)));
  }
  EXPECT_NE(spans()[1].context.span_id, spans()[2].context.span_id);
  EXPECT_EQ(observer_.last().trace_id, kTraceId);
}

TEST_F(TracerTest, RetryIsAnAttemptAndABackoff) {
  StartTraced();
  clock_.Advance(10ms);
  call().attempts.Finish(HttpResponse(503));
  call().timer.FireWhenDue(&clock_);
  clock_.Advance(20ms);
  call().attempts.Finish(HttpResponse(204));
  ASSERT_THAT(spans(), SizeIs(3));
  EXPECT_THAT(ShowEvents(spans()[0]), ElementsAre("evalrun.backoff evalrun.wait_ms=50"));
  EXPECT_EQ(spans()[0].events[0].time - spans()[0].start, 10ms);
  EXPECT_FALSE(spans()[0].is_error) << "the call succeeded";
  EXPECT_TRUE(spans()[1].is_error);
  EXPECT_THAT(Show(spans()[1].attributes), Contains("error.type=503"));
  EXPECT_THAT(Show(spans()[1].attributes), Not(Contains(StartsWith("http.request.resend_count"))));
  EXPECT_EQ(spans()[2].start - spans()[1].end, 50ms);
  EXPECT_EQ(spans()[2].end - spans()[2].start, 20ms);
  EXPECT_FALSE(spans()[2].is_error);
  EXPECT_THAT(Show(spans()[2].attributes), Contains("http.request.resend_count=1"));
}

TEST_F(TracerTest, NotFoundIsAnErrorOfTheAttemptOnly) {
  StartTraced();
  call().attempts.Finish(HttpResponse(404, handler::kNotFoundBody));
  EXPECT_TRUE(spans()[1].is_error);
  EXPECT_THAT(Show(spans()[1].attributes), Contains("error.type=404"));
  EXPECT_FALSE(spans()[0].is_error) << "by the conventions of gRPC, of a server";
  EXPECT_THAT(Show(spans()[0].attributes), Contains("rpc.status_code=NOT_FOUND"));
  EXPECT_THAT(Show(spans()[0].attributes), Contains("evalrun.reason=RESOURCE_NOT_FOUND"));
  EXPECT_THAT(Show(spans()[0].attributes), Contains("evalrun.deletion=absent"));
  EXPECT_THAT(Show(spans()[0].attributes), Not(Contains(StartsWith("error.type"))));
}

TEST_F(TracerTest, FaultNamesItsReason) {
  options_.retry.max_attempts = 1;
  StartTraced();
  call().attempts.Finish(handler::ConnectionLost());
  EXPECT_TRUE(spans()[1].is_error);
  EXPECT_THAT(Show(spans()[1].attributes), Contains("evalrun.may_have_been_sent=true"));
  EXPECT_THAT(Show(spans()[1].attributes), Contains("error.type=UPSTREAM_CONNECTION_LOST"));
  EXPECT_TRUE(spans()[0].is_error);
  EXPECT_EQ(spans()[0].error_message, observer_.last().reason);
  EXPECT_THAT(Show(spans()[0].attributes), Contains("error.type=UNAVAILABLE"));
  EXPECT_THAT(Show(spans()[0].attributes), Contains("evalrun.retry_stopped=attempts"));
}

TEST_F(TracerTest, DeadlineEndsTheAttempt) {
  StartTraced(MakeMessage(), 1s);
  call().attempts.set_may_have_been_sent(true);
  clock_.Advance(1s);
  call().call.Cancel();
  ASSERT_THAT(spans(), SizeIs(2));
  EXPECT_EQ(spans()[1].end - spans()[1].start, 1s);
  EXPECT_TRUE(spans()[1].is_error);
  EXPECT_THAT(Show(spans()[1].attributes), Contains("error.type=DEADLINE_EXCEEDED"));
  EXPECT_THAT(Show(spans()[1].attributes), Contains("evalrun.may_have_been_sent=true"));
  EXPECT_TRUE(spans()[0].is_error);
  EXPECT_THAT(Show(spans()[0].attributes), Contains("rpc.status_code=DEADLINE_EXCEEDED"));
  EXPECT_THAT(Show(spans()[0].attributes), Contains("evalrun.deletion=unknown"));
}

TEST_F(TracerTest, CancellationIsNoError) {
  StartTraced();
  clock_.Advance(5ms);
  call().call.Cancel();
  ASSERT_THAT(spans(), SizeIs(2));
  EXPECT_EQ(spans()[1].end - spans()[1].start, 5ms);
  for (const Span& span : spans()) {
    EXPECT_FALSE(span.is_error) << span.name;
    EXPECT_THAT(Show(span.attributes), Not(Contains(StartsWith("error.type"))));
  }
  EXPECT_THAT(Show(spans()[0].attributes), Contains("rpc.status_code=CANCELLED"));
}

TEST_F(TracerTest, ShutdownEndsTheAttempt) {
  StartTraced();
  call().call.EndForShutdown();
  EXPECT_THAT(Show(spans().at(1).attributes), Contains("error.type=GATEWAY_SHUTTING_DOWN"));
}

TEST_F(TracerTest, RateLimitIsAnEvent) {
  live_config_.rules = handler::MakeRule(ratelimit::LimitedBy::kCaller, 1);
  Trace();
  const FakeMetadata metadata{{"traceparent", kTraceparent}};
  Start(&call(), 5s, MakeMessage(), metadata);
  call().attempts.Finish(HttpResponse(204));
  Start(&call(), 5s, MakeMessage(), metadata);
  ASSERT_THAT(collector_.calls, SizeIs(2));
  ASSERT_THAT(collector_.calls[1], SizeIs(1)) << "there was no attempt";
  const Span& server = collector_.calls[1][0];
  EXPECT_THAT(ShowEvents(server), ElementsAre("evalrun.rate_limit.denied evalrun.limit=a-limit"));
  EXPECT_FALSE(server.is_error);
  EXPECT_THAT(Show(server.attributes), Contains("rpc.status_code=RESOURCE_EXHAUSTED"));
  EXPECT_THAT(Show(server.attributes), Contains("evalrun.attempts=0"));
}

TEST_F(TracerTest, ShadowLimitIsAnEventOfACallThatIsServed) {
  live_config_.rules = handler::MakeRule(ratelimit::LimitedBy::kCaller, 1, /*shadow=*/true);
  Trace();
  for (int i = 0; i < 2; ++i) {
    Start(&call(), 5s, MakeMessage(), FakeMetadata{{"traceparent", kTraceparent}});
    call().attempts.Finish(HttpResponse(204));
  }
  EXPECT_THAT(ShowEvents(collector_.calls.at(0)[0]), IsEmpty());
  EXPECT_THAT(ShowEvents(collector_.calls.at(1)[0]),
              ElementsAre("evalrun.rate_limit.shadow_denied evalrun.limit=a-limit"));
}

TEST_F(TracerTest, RetryThatALimitForbidsIsAnEvent) {
  live_config_.rules = handler::MakeRule(ratelimit::LimitedBy::kUpstreamKey, 1);
  StartTraced();
  call().attempts.Finish(HttpResponse(503));
  call().timer.FireWhenDue(&clock_);
  EXPECT_THAT(ShowEvents(spans()[0]),
              ElementsAre("evalrun.backoff evalrun.wait_ms=50",
                          StartsWith("evalrun.rate_limit.retry_denied evalrun.wait_ms=")));
}

TEST_F(TracerTest, InFlightCapIsAnEvent) {
  options_.admission.max_in_flight = 1;
  Trace();
  handler::TestCall& other = NewCall();
  Start(&other);
  Start(&NewCall(), 5s, MakeMessage(), FakeMetadata{{"traceparent", kTraceparent}});
  EXPECT_THAT(ShowEvents(spans()[0]), ElementsAre("evalrun.in_flight_cap"));
  other.attempts.Finish(HttpResponse(204));
}

// The gate of a 429's `Retry-After`: it rejects calls, and delays retries.
TEST_F(TracerTest, HoldBackIsAnEvent) {
  Trace();
  handler::TestCall& retrying = NewCall();
  handler::TestCall& refused = NewCall();
  const FakeMetadata metadata{{"traceparent", kTraceparent}};
  Start(&retrying, 10s, MakeMessage(), metadata);
  retrying.attempts.Finish(HttpResponse(503));
  Start(&refused);
  deletion::AttemptResult too_many = HttpResponse(429);
  too_many.retry_after = "2";
  refused.attempts.Finish(too_many);
  refused.call.Cancel();

  Start(&refused, 5s, MakeMessage(), metadata);
  ASSERT_THAT(collector_.calls, SizeIs(1));
  EXPECT_THAT(ShowEvents(spans()[0]),
              ElementsAre(StartsWith("evalrun.hold_back evalrun.wait_ms=2")));
  retrying.timer.FireWhenDue(&clock_);
  retrying.call.Cancel();
  EXPECT_THAT(
      ShowEvents(collector_.calls.at(1)[0]),
      ElementsAre("evalrun.backoff evalrun.wait_ms=50", "evalrun.hold_back evalrun.wait_ms=1950",
                  StartsWith("evalrun.backoff evalrun.wait_ms=")));
}

TEST_F(TracerTest, ProofOfScopeIsEvents) {
  options_.verify_absence = true;
  StartTraced();
  call().attempts.Finish(HttpResponse(404, R"({"error":{"code":"not_found","message":"m"}})"));
  clock_.Advance(7ms);
  probes_.Finish(HttpResponse(200, handler::kListBody));
  EXPECT_THAT(ShowEvents(spans()[0]),
              ElementsAre("evalrun.scope_probe.awaited",
                          "evalrun.scope_checked evalrun.scope=proven evalrun.scope.probed=true"));
  EXPECT_EQ(spans()[0].events[1].time - spans()[0].events[0].time, 7ms);

  Start(&call(), 5s, MakeMessage(), FakeMetadata{{"traceparent", kTraceparent}});
  call().attempts.Finish(HttpResponse(404, R"({"error":{"code":"not_found","message":"m"}})"));
  EXPECT_THAT(ShowEvents(collector_.calls.at(1)[0]),
              ElementsAre("evalrun.scope_checked evalrun.scope=proven evalrun.scope.probed=false"));
}

TEST_F(TracerTest, RejectedMessageIsTraced) {
  StartTraced("\xFF");
  ASSERT_THAT(spans(), SizeIs(1));
  EXPECT_THAT(Show(spans()[0].attributes), Contains("rpc.status_code=INVALID_ARGUMENT"));
}

TEST_F(TracerTest, LeavesCallsAloneThatTheirCallersDidNotSample) {
  options_tracer_.root_samples_per_million = 1'000'000;
  Trace();
  Start(&call(), 5s, MakeMessage(),
        FakeMetadata{{"x-request-id", "r"}, {"traceparent", kUnsampled}});
  EXPECT_THAT(call().attempts.started()[0].headers,
              ElementsAre("x-api-key: secret", "x-request-id: r",
                          std::string("traceparent: ") + kUnsampled));
  call().attempts.Finish(HttpResponse(204));
  EXPECT_THAT(collector_.calls, IsEmpty());
  EXPECT_EQ(ids_.count, 0U) << "no randomness is used";
}

TEST_F(TracerTest, BeginsNoTraceByDefault) {
  Trace();
  Start(&call(), 5s, MakeMessage(), FakeMetadata{{"x-request-id", "r"}});
  EXPECT_THAT(call().attempts.started()[0].headers,
              ElementsAre("x-api-key: secret", "x-request-id: r"));
  call().attempts.Finish(HttpResponse(204));
  EXPECT_THAT(collector_.calls, IsEmpty());
}

TEST_F(TracerTest, BeginsTracesAtTheConfiguredRate) {
  options_tracer_.root_samples_per_million = 500'000;
  for (const auto& [bits, sampled] :
       {std::pair((std::uint64_t{1} << 63) - 1, true), std::pair(std::uint64_t{1} << 63, false)}) {
    FixedRandom random(bits);
    Tracer tracer(options_tracer_, &random, &collector_);
    const auto trace = tracer.Start({.metadata = FakeMetadata(),
                                     .traceparent = {},
                                     .steady_time = clock_.SteadyNow(),
                                     .system_time = clock_.SystemNow()});
    EXPECT_EQ(trace != nullptr, sampled) << bits;
  }
}

TEST_F(TracerTest, TraceThatBeginsHereHasNoParentAndGoesUpstream) {
  options_tracer_.root_samples_per_million = 1'000'000;
  Trace();
  // What came with a malformed `traceparent` belongs to no trace.
  Start(&call(), 5s, MakeMessage(),
        FakeMetadata{{"x-request-id", "r"}, {"traceparent", "00-0-0-01"}, {"tracestate", "a=1"}});
  call().attempts.Finish(HttpResponse(204));
  ASSERT_THAT(spans(), SizeIs(2));
  EXPECT_EQ(spans()[0].parent, SpanId{});
  EXPECT_FALSE(spans()[0].has_remote_parent);
  EXPECT_EQ(spans()[0].tracestate, "");
  EXPECT_TRUE(spans()[0].context.is_sampled());
  EXPECT_THAT(call().attempts.started()[0].headers,
              ElementsAre("x-api-key: secret", "x-request-id: r",
                          "traceparent: " + FormatTraceparent(spans()[1].context)));
  EXPECT_THAT(FormatTraceparent(spans()[0].context), HasSubstr(observer_.last().trace_id));
  EXPECT_THAT(observer_.last().trace_id, SizeIs(32)) << "log lines name it, too";
}

TEST_F(TracerTest, KeepsTheCallersTracestate) {
  Trace();
  Start(&call(), 5s, MakeMessage(),
        FakeMetadata{{"x-request-id", "r"}, {"traceparent", kTraceparent}, {"tracestate", "a=1"}});
  call().attempts.Finish(HttpResponse(204));
  for (const Span& span : spans()) EXPECT_EQ(span.tracestate, "a=1");
  EXPECT_THAT(call().attempts.started()[0].headers, Contains("tracestate: a=1"));
}

TEST_F(TracerTest, ForwardsNothingThatIsNotToBeForwarded) {
  options_.forward_traceparent = false;
  StartTraced();
  call().attempts.Finish(HttpResponse(204));
  EXPECT_THAT(call().attempts.started()[0].headers,
              ElementsAre("x-api-key: secret", "x-request-id: r"));
  EXPECT_THAT(spans(), SizeIs(2));
}

// The upstream repeats our API key wherever it can.
TEST_F(TracerTest, SpansHaveNoSecret) {
  StartTraced();
  deletion::AttemptResult result = HttpResponse(
      404, R"({"error":{"code":"a.secret","message":"my secret"},"request_id":"r-secret"})");
  result.upstream_request_id = "h-secret";
  result.fault_text = "secret";
  call().attempts.Finish(result);
  for (const Span& span : spans()) {
    EXPECT_THAT(span.error_message, Not(HasSubstr("secret")));
    EXPECT_THAT(Show(span.attributes), Not(Contains(HasSubstr("secret"))));
  }
}

}  // namespace
}  // namespace evalrun::tracing

// SPDX-License-Identifier: Apache-2.0

#include "service/cli/run_deletes.h"

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "service/cli/gateway_call.h"
#include "tests/unit/cli/scripted_gateway.h"

namespace evalrun::cli {
namespace {

using aymara::evals::v1::DeleteEvalRunRequest;
using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using State = DeleteSchedule::State;

std::vector<std::string> Ids(std::size_t count) {
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < count; ++i) ids.push_back("run-" + std::to_string(i));
  return ids;
}

// The result of a list.
struct Outcome {
  StopInfo end;
  std::map<std::size_t, DeleteResult> final;
  std::vector<std::size_t> sent;
  std::vector<State> states;
};

// Default hooks, which a test may change.
struct Harness {
  Outcome Run(const Connection& connection, std::size_t count, const SchedulePolicy& policy = {}) {
    const auto channel = OpenChannel(connection);
    EXPECT_TRUE(channel.ok());
    Outcome outcome;
    DeleteSchedule schedule(policy, count);
    for (const std::size_t index : possibly_deleted) schedule.MarkPossiblyDeleted(index);
    outcome.end = RunDeletes(*channel, connection, {}, Ids(count), &schedule,
                             {.before_send =
                                  [&](std::size_t index) {
                                    outcome.sent.push_back(index);
                                    return !before_send || before_send(index);
                                  },
                              .on_response =
                                  [&](std::size_t index, const DeleteResult& report, bool final) {
                                    if (final) outcome.final[index] = report;
                                    return !on_response || on_response(index, report);
                                  },
                              .tick = [](const DeleteSchedule&) {},
                              .interrupt = [this] { return interrupt.load(); }});
    for (std::size_t i = 0; i < count; ++i) outcome.states.push_back(schedule.state(i));
    return outcome;
  }

  std::vector<std::size_t> possibly_deleted;  // by an earlier command
  std::function<bool(std::size_t)> before_send;
  std::function<bool(std::size_t, const DeleteResult&)> on_response;
  std::atomic<Interrupt> interrupt = Interrupt::kNone;
};

grpc::Status Ok(grpc::ServerContext* /*context*/, const DeleteEvalRunRequest& /*request*/) {
  return grpc::Status::OK;
}

TEST(RunDeletesTest, SendsEveryIdOnce) {
  std::mutex mutex;
  std::multiset<std::string> received;
  ScriptedGateway gateway([&](grpc::ServerContext*, const DeleteEvalRunRequest& request) {
    const std::lock_guard lock(mutex);
    received.insert(request.eval_run_uuid());
    return grpc::Status::OK;
  });
  const Outcome outcome = Harness().Run(gateway.connection, 300);
  EXPECT_EQ(outcome.end.reason, StopReason::kNone);
  EXPECT_THAT(outcome.final, SizeIs(300));
  EXPECT_THAT(outcome.states, Each(State::kGone));
  const auto ids = Ids(300);
  EXPECT_EQ(received, std::multiset<std::string>(ids.begin(), ids.end()));
}

TEST(RunDeletesTest, RespectsConcurrencyLimit) {
  std::atomic<int> now = 0;
  std::atomic<int> most = 0;
  ScriptedGateway gateway([&](grpc::ServerContext*, const DeleteEvalRunRequest&) {
    const int here = ++now;
    for (int seen = most; here > seen && !most.compare_exchange_weak(seen, here);) continue;
    std::this_thread::yield();
    --now;
    return grpc::Status::OK;
  });
  Harness().Run(gateway.connection, 200, {.concurrency = 3});
  EXPECT_LE(most, 3);
  EXPECT_EQ(gateway.calls, 200);
}

TEST(RunDeletesTest, WaitsForRetryAfterThenContinues) {
  std::atomic<int> refusals = 0;
  ScriptedGateway gateway([&](grpc::ServerContext*, const DeleteEvalRunRequest&) {
    if (refusals++ < 4) {
      return ErrorWithDetails(grpc::StatusCode::RESOURCE_EXHAUSTED, "IN_FLIGHT_CAP",
                              "not_performed", /*retry_after_ms=*/50);
    }
    return grpc::Status::OK;
  });
  const Outcome outcome = Harness().Run(gateway.connection, 20, {.concurrency = 4});
  EXPECT_THAT(outcome.states, Each(State::kGone));
  EXPECT_EQ(gateway.calls, 24);
}

TEST(RunDeletesTest, RetriesUnknownWithAllowMissing) {
  std::mutex mutex;
  std::vector<bool> allow_missing;
  ScriptedGateway gateway([&](grpc::ServerContext*, const DeleteEvalRunRequest& request) {
    const std::lock_guard lock(mutex);
    allow_missing.push_back(request.allow_missing());
    return allow_missing.size() == 1 ? grpc::Status(grpc::StatusCode::UNAVAILABLE, "lost")
                                     : grpc::Status::OK;
  });
  const Outcome outcome = Harness().Run(gateway.connection, 1, {.retry_unknown = true});
  EXPECT_THAT(outcome.states, Each(State::kGone));
  EXPECT_THAT(allow_missing, testing::ElementsAre(false, true));
}

TEST(RunDeletesTest, AbsentAfterAnUnknownAttemptIsPresumed) {
  struct {
    grpc::Status first;
    std::string deletion;  // of the OK that follows
    std::string joined;
  } const cases[] = {
      {{grpc::StatusCode::UNAVAILABLE, "lost"}, "absent", "presumed"},
      {{grpc::StatusCode::UNAVAILABLE, "lost"}, "presumed", "presumed"},
      {{grpc::StatusCode::UNAVAILABLE, "lost"}, "", "performed"},
      {ErrorWithDetails(grpc::StatusCode::RESOURCE_EXHAUSTED, "IN_FLIGHT_CAP", "not_performed", 1),
       "absent", "absent"},
  };
  for (const auto& c : cases) {
    std::atomic<int> calls = 0;
    ScriptedGateway gateway([&](grpc::ServerContext* context, const DeleteEvalRunRequest&) {
      if (calls++ == 0) return c.first;
      if (!c.deletion.empty()) context->AddTrailingMetadata("evalrun-deletion", c.deletion);
      return grpc::Status::OK;
    });
    const Outcome outcome = Harness().Run(gateway.connection, 1, {.retry_unknown = true});
    EXPECT_EQ(calls, 2);
    EXPECT_EQ(outcome.final.at(0).deletion, c.joined) << c.first.error_message() << c.deletion;
  }
}

TEST(RunDeletesTest, AbsentAfterAnEarlierCommandIsPresumed) {
  ScriptedGateway gateway([](grpc::ServerContext* context, const DeleteEvalRunRequest& request) {
    EXPECT_EQ(request.allow_missing(), request.eval_run_uuid() == "run-1");
    context->AddTrailingMetadata("evalrun-deletion", "absent");
    return grpc::Status::OK;
  });
  Harness bench;
  bench.possibly_deleted = {1};
  const Outcome outcome = bench.Run(gateway.connection, 2);
  EXPECT_EQ(outcome.final.at(0).deletion, "absent");
  EXPECT_EQ(outcome.final.at(1).deletion, "presumed");
}

TEST(RunDeletesTest, AllCallsForAnIdHaveOneRequestId) {
  std::mutex mutex;
  std::map<std::string, std::multiset<std::string>> request_ids;  // by run
  ScriptedGateway gateway([&](grpc::ServerContext* context, const DeleteEvalRunRequest& request) {
    const auto& metadata = context->client_metadata();
    const auto found = metadata.find("x-request-id");
    const std::lock_guard lock(mutex);
    auto& seen = request_ids[request.eval_run_uuid()];
    seen.insert(found == metadata.end() ? ""
                                        : std::string(found->second.data(), found->second.size()));
    if (seen.size() == 1) return grpc::Status(grpc::StatusCode::UNAVAILABLE, "lost");
    return seen.size() == 2 ? ErrorWithDetails(grpc::StatusCode::RESOURCE_EXHAUSTED,
                                               "IN_FLIGHT_CAP", "not_performed", 1)
                            : grpc::Status::OK;
  });
  const Outcome outcome = Harness().Run(gateway.connection, 3, {.retry_unknown = true});
  std::set<std::string> all;
  for (const auto& [run, seen] : request_ids) {
    EXPECT_EQ(seen.size(), 3U);
    EXPECT_EQ(seen.count(*seen.begin()), 3U) << run;
    EXPECT_THAT(*seen.begin(), testing::MatchesRegex("[0-9a-f]{32}"));
    all.insert(*seen.begin());
  }
  EXPECT_EQ(all.size(), 3U) << "each id has its own";
}

TEST(RunDeletesTest, UnknownAttemptKeepsResultUnknown) {
  std::atomic<int> calls = 0;
  ScriptedGateway gateway([&](grpc::ServerContext*, const DeleteEvalRunRequest&) {
    return calls++ == 0
               ? grpc::Status(grpc::StatusCode::UNAVAILABLE, "lost")
               : ErrorWithDetails(grpc::StatusCode::PERMISSION_DENIED, "NO", "not_performed");
  });
  const Outcome outcome = Harness().Run(gateway.connection, 1, {.retry_unknown = true});
  EXPECT_EQ(outcome.final.at(0).code, absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(outcome.final.at(0).deletion, "unknown");
}

TEST(RunDeletesTest, SendsNothingWithoutConnection) {
  Connection connection;
  {
    const ScriptedGateway stopped(Ok);
    connection = stopped.connection;
  }
  const Outcome outcome = Harness().Run(connection, 3);
  EXPECT_EQ(outcome.end.reason, StopReason::kNoConnection);
  EXPECT_THAT(outcome.end.message, HasSubstr("refused"));
  EXPECT_THAT(outcome.sent, IsEmpty());
  EXPECT_THAT(outcome.states, Each(State::kPending));
}

TEST(RunDeletesTest, FatalErrorStopsAll) {
  ScriptedGateway gateway([](grpc::ServerContext*, const DeleteEvalRunRequest&) {
    return ErrorWithDetails(grpc::StatusCode::UNAUTHENTICATED, "AUTH_INVALID_KEY", "not_performed");
  });
  const Outcome outcome = Harness().Run(gateway.connection, 1000, {.concurrency = 2});
  EXPECT_EQ(outcome.end.reason, StopReason::kFatal);
  EXPECT_LE(gateway.calls, 2);
}

// An id that could not be recorded as sent must not be sent.
TEST(RunDeletesTest, StopsWhenRecordingFails) {
  ScriptedGateway gateway(Ok);
  Harness bench;
  bench.before_send = [](std::size_t index) { return index < 2; };
  const Outcome outcome = bench.Run(gateway.connection, 10, {.concurrency = 1});
  EXPECT_EQ(outcome.end.reason, StopReason::kOutputClosed);
  EXPECT_EQ(gateway.calls, 2);
  EXPECT_EQ(outcome.states[2], State::kPending);
}

TEST(RunDeletesTest, StopsWhenOutputIsClosed) {
  ScriptedGateway gateway(Ok);
  Harness bench;
  bench.on_response = [](std::size_t, const DeleteResult&) { return false; };
  const Outcome outcome = bench.Run(gateway.connection, 10, {.concurrency = 1});
  EXPECT_EQ(outcome.end.reason, StopReason::kOutputClosed);
  EXPECT_EQ(gateway.calls, 1);
}

TEST(RunDeletesTest, FirstInterruptLetsCallsFinish) {
  Harness bench;
  ScriptedGateway gateway([&bench](grpc::ServerContext*, const DeleteEvalRunRequest&) {
    bench.interrupt = Interrupt::kDrain;
    return grpc::Status::OK;
  });
  const Outcome outcome = bench.Run(gateway.connection, 10, {.concurrency = 1});
  EXPECT_EQ(outcome.end.reason, StopReason::kInterrupted);
  EXPECT_EQ(gateway.calls, 1);
  EXPECT_EQ(outcome.states[0], State::kGone);
  EXPECT_EQ(outcome.states[1], State::kPending);
}

TEST(RunDeletesTest, SecondInterruptCancelsCallsAsUnknown) {
  Harness bench;
  ScriptedGateway gateway([&bench](grpc::ServerContext* context, const DeleteEvalRunRequest&) {
    bench.interrupt = Interrupt::kCancel;
    while (!context->IsCancelled()) std::this_thread::yield();
    return grpc::Status::OK;
  });
  const Outcome outcome = bench.Run(gateway.connection, 10, {.concurrency = 1});
  EXPECT_EQ(outcome.end.reason, StopReason::kInterrupted);
  EXPECT_EQ(outcome.states[0], State::kUnknown);
  EXPECT_EQ(outcome.states[1], State::kPending);
}

}  // namespace
}  // namespace evalrun::cli

// SPDX-License-Identifier: Apache-2.0

#include "tests/unit/handler/call_testing.h"

#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>

namespace evalrun::handler {

void FakeAttemptSender::Start(const AttemptRequest& request, AttemptObserver* observer) {
  EXPECT_FALSE(is_under_way()) << "one attempt at a time";
  EXPECT_GE(request.timeout.count(), 1);
  observer_ = observer;
  started_.push_back({.method = request.method,
                      .target = request.target,
                      .headers = {request.headers.begin(), request.headers.end()},
                      .timeout = request.timeout,
                      .fresh_connection = request.fresh_connection});
}

bool FakeAttemptSender::Cancel() {
  EXPECT_TRUE(is_under_way()) << "there is nothing to cancel";
  observer_ = nullptr;
  ++cancelled_;
  return may_have_been_sent_;
}

void FakeAttemptSender::Finish(const deletion::AttemptResult& result) {
  ASSERT_TRUE(is_under_way());
  std::exchange(observer_, nullptr)->OnAttemptDone(result);
}

class FakeProbes::Sender final : public AttemptSender {
 public:
  explicit Sender(FakeProbes* probes) : probes_(*probes) {}

  void Start(const AttemptRequest& request, AttemptObserver* observer) override {
    EXPECT_GE(request.timeout.count(), 1);
    observer_ = observer;
    probes_.started_.push_back({.method = request.method,
                                .target = request.target,
                                .headers = {request.headers.begin(), request.headers.end()},
                                .timeout = request.timeout,
                                .fresh_connection = request.fresh_connection});
    probes_.senders_.push_back(this);
  }
  bool Cancel() override {
    EXPECT_EQ(std::erase(probes_.senders_, this), 1u) << "there is nothing to cancel";
    return true;
  }
  void Finish(const deletion::AttemptResult& result) {
    ASSERT_EQ(std::erase(probes_.senders_, this), 1u);
    observer_->OnAttemptDone(result);  // destroys this object
  }

 private:
  FakeProbes& probes_;
  AttemptObserver* observer_ = nullptr;
};

std::unique_ptr<AttemptSender> FakeProbes::Make() { return std::make_unique<Sender>(this); }

void FakeProbes::Finish(const deletion::AttemptResult& result) {
  ASSERT_FALSE(senders_.empty()) << "no probe is under way";
  senders_.front()->Finish(result);
}

void FakeTimer::Start(std::chrono::steady_clock::time_point due, TimerObserver* observer) {
  EXPECT_FALSE(is_running());
  due_ = due;
  observer_ = observer;
}

void FakeTimer::Cancel() {
  EXPECT_TRUE(is_running()) << "there is nothing to cancel";
  observer_ = nullptr;
}

void FakeTimer::FireWhenDue(FakeClock* clock) {
  clock->Advance(std::chrono::ceil<std::chrono::milliseconds>(due_ - clock->SteadyNow()));
  Fire();
}

void FakeTimer::Fire() {
  ASSERT_TRUE(is_running());
  std::exchange(observer_, nullptr)->OnTimer();
}

void FakeResponseWriter::Write(const DeleteResponse& response) {
  WrittenResponse written;
  written.code = response.code;
  written.message = response.error.message;
  google::rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(response.error.details));
  google::rpc::ErrorInfo info;
  if (details.details_size() > 0 && details.details(0).UnpackTo(&info)) {
    written.reason = info.reason();
  }
  for (const auto& [key, value] : response.initial_metadata) {
    written.initial_metadata.emplace(key, value);
  }
  for (const auto& [key, value] : response.trailing_metadata) {
    written.trailing_metadata.emplace(key, value);
  }
  written_.push_back(std::move(written));
}

void FakeIntents::Write(const observability::CallRecord& record,
                        std::chrono::system_clock::time_point /*now*/, IntentWaiter* new_waiter) {
  EXPECT_EQ(waiter, nullptr) << "one at a time";
  request_ids.emplace_back(record.request_id);
  waiter = new_waiter;
}

void FakeIntents::Leave(IntentWaiter* leaving) {
  EXPECT_EQ(waiter, leaving);
  waiter = nullptr;
}

void FakeIntents::Finish(bool written) {
  ASSERT_NE(waiter, nullptr);
  std::exchange(waiter, nullptr)->OnIntentWritten(written);
}

CompletedCall::CompletedCall(const observability::CallRecord& record)
    : request_id(record.request_id),
      trace_id(record.trace_id),
      peer(record.peer),
      caller(record.caller),
      eval_run_uuid(record.eval_run_uuid),
      workspace_uuid(record.workspace_uuid),
      upstream_key(record.upstream_key),
      authorization(record.authorization),
      code(record.code),
      reason(record.reason),
      certainty(record.certainty),
      attempts(record.attempts),
      retry_stop(record.retry_stop),
      limited_by(record.limited_by),
      would_be_limited_by(record.would_be_limited_by),
      run_protected(record.run_protected),
      audit_unavailable(record.audit_unavailable),
      suppressed_duplicates(record.suppressed_duplicates),
      http_status(record.http_status),
      upstream_code(record.upstream_code),
      upstream_request_id(record.upstream_request_id),
      request_bytes(record.request_bytes),
      response_bytes(record.response_bytes),
      duration(record.duration),
      last_attempt_total(record.last_attempt_timing.total),
      connection_reused(record.connection_reused) {}

void PrintTo(const CompletedCall& call, std::ostream* os) {
  *os << call.request_id << " " << call.code << " " << call.reason << " "
      << deletion::CertaintyName(call.certainty) << " sends=" << call.attempts
      << " http_status=" << call.http_status << " upstream_code=" << call.upstream_code
      << " upstream_request_id=" << call.upstream_request_id << " workspace=" << call.workspace_uuid
      << " would_be_limited_by=" << call.would_be_limited_by << " trace_id=" << call.trace_id
      << " response_bytes=" << call.response_bytes << " duration=" << call.duration.count() << "us"
      << " last_attempt=" << call.last_attempt_total.count() << "us";
}

std::string MakeMessage(std::string_view run, std::string_view workspace, bool allow_missing) {
  aymara::evals::v1::DeleteEvalRunRequest request;
  request.set_eval_run_uuid(std::string(run));
  if (!workspace.empty()) request.set_workspace_uuid(std::string(workspace));
  request.set_allow_missing(allow_missing);
  return request.SerializeAsString();
}

LiveConfig MakeLiveConfig(std::string_view secret) {
  auto key =
      std::make_shared<const authz::UpstreamKey>(std::string(authz::kDefaultKeyName), secret);
  return {.policy = std::make_shared<const authz::AccessPolicy>(),
          .keys = std::make_shared<const authz::KeyRing>(std::move(key),
                                                         std::vector<authz::KeyRing::Entry>()),
          .rules = std::make_shared<const ratelimit::RuleSet>(),
          .protected_runs = nullptr,
          .replicas = 1};
}

std::shared_ptr<const ratelimit::RuleSet> MakeRule(ratelimit::LimitedBy by, std::int64_t per_hour,
                                                   bool shadow) {
  constexpr auto kHour = std::chrono::nanoseconds(std::chrono::hours(1)).count();
  return std::make_shared<const ratelimit::RuleSet>(
      std::vector<ratelimit::LimitRule>{{.name = "a-limit",
                                         .by = by,
                                         .quota = ratelimit::MakeQuota(per_hour, kHour, per_hour),
                                         .shadow = shadow}});
}

deletion::AttemptResult HttpResponse(int status, std::string_view json) {
  deletion::AttemptResult result;
  result.may_have_been_sent = true;
  result.http_status = status;
  if (!json.empty()) result.body = {.bytes = json, .content_type = "application/json"};
  return result;
}

deletion::AttemptResult ConnectFailed() {
  deletion::AttemptResult result;
  result.fault = deletion::Fault::kConnect;
  return result;
}

deletion::AttemptResult ConnectionLost() {
  deletion::AttemptResult result;
  result.fault = deletion::Fault::kConnectionLost;
  result.may_have_been_sent = true;
  return result;
}

void CallTest::TearDown() {
  EXPECT_EQ(handler().admission().in_flight(), 0u) << "each permit is released exactly once";
  EXPECT_EQ(observer_.completed.size(), observer_.started) << "each call is reported exactly once";
  EXPECT_EQ(probes_.under_way(), 0u) << "nobody waits for it";
  EXPECT_EQ(intents_.waiter, nullptr) << "nobody waits for it";
  for (const auto& call : calls_) {
    EXPECT_FALSE(call->attempts.is_under_way());
    EXPECT_FALSE(call->timer.is_running());
  }
}

DeleteHandler& CallTest::handler() {
  if (!handler_.has_value()) {
    handler_.emplace(options_,
                     DeleteHandler::Environment{.clock = &clock_,
                                                .random = &random_,
                                                .observer = &observer_,
                                                .intents = uses_intents_ ? &intents_ : nullptr,
                                                .tracer = tracer_},
                     std::make_unique<ratelimit::Limiter>(
                         ratelimit::Limiter::Options{.max_keys = 10, .seed = 1}, nullptr),
                     live_config_);
    scopes_.emplace(&*handler_, &probes_);
  }
  return *handler_;
}

TestCall& CallTest::call() { return calls_.empty() ? NewCall() : *calls_.front(); }

TestCall& CallTest::NewCall() {
  DeleteHandler* of = &handler();
  calls_.push_back(std::make_unique<TestCall>(of, &*scopes_));
  return *calls_.back();
}

void CallTest::Start(TestCall* call, std::chrono::milliseconds time_left, std::string_view message,
                     const FakeMetadata& metadata) {
  call->call.Start({.metadata = metadata,
                    .message = message,
                    .peer = kPeer,
                    .deadline = clock_.SystemNow() + time_left});
}

}  // namespace evalrun::handler

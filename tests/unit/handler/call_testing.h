// SPDX-License-Identifier: Apache-2.0
//
// File: call_testing.h
//
// What surrounds calls in the tests of the handler: time, randomness, the upstream, the transport
// and the reports, all in the test's hands.
#ifndef EVALRUN_TESTS_UNIT_HANDLER_CALL_TESTING_H_
#define EVALRUN_TESTS_UNIT_HANDLER_CALL_TESTING_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "service/handler/active_call.h"
#include "service/handler/delete_handler.h"
#include "service/handler/scope_verifier.h"

namespace evalrun::handler {

inline constexpr char kRun[] = "954d54bc-bd5f-4cb5-8d20-688f368b712e";
inline constexpr char kWorkspace[] = "11111111-2222-3333-4444-555555555555";
inline constexpr char kPeer[] = "ipv4:10.0.0.7:40000";
inline constexpr char kCaller[] = "ip:10.0.0.7";

class FakeClock final : public Clock {
 public:
  [[nodiscard]] std::chrono::steady_clock::time_point SteadyNow() const override { return steady_; }
  [[nodiscard]] std::chrono::system_clock::time_point SystemNow() const override { return system_; }
  void Advance(std::chrono::milliseconds time) {
    steady_ += time;
    system_ += time;
  }

 private:
  std::chrono::steady_clock::time_point steady_{std::chrono::hours(1000)};
  std::chrono::system_clock::time_point system_{std::chrono::hours(400'000)};
};

// Always in the middle, unless a test says otherwise.
struct FakeRandom final : RandomSource {
  std::uint64_t Bits() override { return bits; }
  std::uint64_t bits = std::uint64_t{1} << 63;
};

struct FakeMetadata final : Metadata {
  FakeMetadata(std::initializer_list<std::pair<const std::string, std::string>> entries = {})
      : values(entries) {}
  [[nodiscard]] std::string_view Find(std::string_view key) const override {
    return values.count(key) == 1 ? std::string_view(values.find(key)->second) : std::string_view();
  }
  [[nodiscard]] std::string Join(std::string_view key) const override {
    std::string joined;
    const auto [begin, end] = values.equal_range(key);
    for (auto it = begin; it != end; ++it) joined.append(joined.empty() ? "" : ",") += it->second;
    return joined;
  }
  std::multimap<std::string, std::string, std::less<>> values;
};

// An attempt as it was started.
struct StartedAttempt {
  AttemptRequest::Method method = AttemptRequest::Method::kDelete;
  std::string target;
  std::vector<std::string> headers;
  std::chrono::milliseconds timeout{0};
  bool fresh_connection = false;

  bool operator==(const StartedAttempt&) const = default;
};

class FakeAttemptSender final : public AttemptSender {
 public:
  void Start(const AttemptRequest& request, AttemptObserver* observer) override;
  bool Cancel() override;

  // The attempt that is under way ends like this.
  void Finish(const deletion::AttemptResult& result);

  [[nodiscard]] bool is_under_way() const { return observer_ != nullptr; }
  [[nodiscard]] const std::vector<StartedAttempt>& started() const { return started_; }
  [[nodiscard]] int cancelled() const { return cancelled_; }
  // What Cancel() says.
  void set_may_have_been_sent(bool may_have_been_sent) { may_have_been_sent_ = may_have_been_sent; }

 private:
  std::vector<StartedAttempt> started_;
  AttemptObserver* observer_ = nullptr;
  int cancelled_ = 0;
  bool may_have_been_sent_ = false;
};

// A probe as it was started, which the test may end.
class FakeProbes final : public AttemptSenderFactory {
 public:
  std::unique_ptr<AttemptSender> Make() override;

  // All of them, in order.
  [[nodiscard]] const std::vector<StartedAttempt>& started() const { return started_; }
  [[nodiscard]] std::size_t under_way() const { return senders_.size(); }
  // The oldest probe that is under way ends like this.
  void Finish(const deletion::AttemptResult& result);

 private:
  class Sender;

  std::vector<StartedAttempt> started_;
  std::vector<Sender*> senders_;  // whose probe is under way
};

class FakeTimer final : public Timer {
 public:
  void Start(std::chrono::steady_clock::time_point due, TimerObserver* observer) override;
  void Cancel() override;

  // Time passes until it is due.
  void FireWhenDue(FakeClock* clock);
  // It is due now, or was long ago.
  void Fire();

  [[nodiscard]] bool is_running() const { return observer_ != nullptr; }
  [[nodiscard]] std::chrono::steady_clock::time_point due() const { return due_; }

 private:
  std::chrono::steady_clock::time_point due_;
  TimerObserver* observer_ = nullptr;
};

// A response as it was written.
struct WrittenResponse {
  absl::StatusCode code = absl::StatusCode::kOk;
  std::string message;
  std::string reason;  // of ErrorInfo
  std::map<std::string, std::string> initial_metadata;
  std::map<std::string, std::string> trailing_metadata;

  bool operator==(const WrittenResponse&) const = default;
};

class FakeResponseWriter final : public ResponseWriter {
 public:
  void Write(const DeleteResponse& response) override;

  [[nodiscard]] const std::vector<WrittenResponse>& written() const { return written_; }
  [[nodiscard]] const WrittenResponse& last() const { return written_.at(written_.size() - 1); }

 private:
  std::vector<WrittenResponse> written_;
};

// A CallRecord that keeps what it shows.
struct CompletedCall {
  explicit CompletedCall(const observability::CallRecord& record);

  std::string request_id, trace_id, peer, caller, eval_run_uuid, workspace_uuid, upstream_key;
  authz::AccessDecision authorization;
  absl::StatusCode code;
  std::string reason;
  deletion::Certainty certainty;
  int attempts;
  deletion::RetryStop retry_stop;
  std::string limited_by, would_be_limited_by;
  bool run_protected, audit_unavailable;
  int suppressed_duplicates;
  int http_status;
  std::string upstream_code, upstream_request_id;
  std::size_t request_bytes, response_bytes;
  std::chrono::microseconds duration, last_attempt_total;
  bool connection_reused;

  bool operator==(const CompletedCall&) const = default;
};
void PrintTo(const CompletedCall& call, std::ostream* os);  // some of it

// Lines that the test writes, or does not.
struct FakeIntents final : IntentLog {
  void Write(const observability::CallRecord& record, std::chrono::system_clock::time_point /*now*/,
             IntentWaiter* waiter) override;
  void Leave(IntentWaiter* waiter) override;
  void Finish(bool written);  // of the line that is under way

  std::vector<std::string> request_ids;  // of all of them
  IntentWaiter* waiter = nullptr;        // of the line that is under way
};

struct FakeObserver final : CallObserver {
  void OnCallStarted() override { ++started; }
  void OnCallRejected(deletion::RejectReason reason) override { rejected.push_back(reason); }
  void OnRetry() override { ++retries; }
  void OnAttemptDone(const deletion::AttemptResult& /*result*/) override { ++attempts; }
  void OnScopeProbed(const authz::UpstreamKey& api_key,
                     const deletion::ProbeClassification& result) override {
    probed_keys.push_back(api_key.name());
    probed.push_back(result);
  }
  void OnCallCompleted(const observability::CallRecord& record,
                       std::chrono::system_clock::time_point /*now*/) override {
    completed.emplace_back(record);
  }
  [[nodiscard]] const CompletedCall& last() const { return completed.at(completed.size() - 1); }

  std::size_t started = 0;
  std::vector<deletion::RejectReason> rejected;
  int retries = 0;
  int attempts = 0;
  std::vector<std::string> probed_keys;
  std::vector<deletion::ProbeClassification> probed;
  std::vector<CompletedCall> completed;
};

// One call after another, as a transport has them.
struct TestCall {
  TestCall(DeleteHandler* handler, ScopeVerifier* scopes)
      : call(handler, scopes, &attempts, &timer, &writer) {}

  FakeAttemptSender attempts;
  FakeTimer timer;
  FakeResponseWriter writer;
  ActiveCall call;
};

// The bytes of a request. An empty workspace is left out.
[[nodiscard]] std::string MakeMessage(std::string_view run = kRun, std::string_view workspace = {},
                                      bool allow_missing = false);

[[nodiscard]] LiveConfig MakeLiveConfig(std::string_view secret = "secret");
[[nodiscard]] std::shared_ptr<const ratelimit::RuleSet> MakeRule(ratelimit::LimitedBy by,
                                                                 std::int64_t per_hour,
                                                                 bool shadow = false);

// How an attempt may end.
[[nodiscard]] deletion::AttemptResult HttpResponse(int status, std::string_view json = {});
[[nodiscard]] deletion::AttemptResult ConnectFailed();   // certainly nothing was sent
[[nodiscard]] deletion::AttemptResult ConnectionLost();  // something may have been

// The API's list of eval runs, empty.
inline constexpr std::string_view kListBody = R"({"items":[],"count":0})";

inline constexpr std::string_view kNotFoundBody =
    R"({"error":{"code":"resource.not_found","message":"no such run"},"request_id":"up-1"})";

// At the end of each test every call must be over: reported once, and its permit released.
class CallTest : public ::testing::Test {
 protected:
  // Except in the tests that are about it, a 404 needs no proof.
  CallTest() {
    options_.base_path = "/v2";
    options_.verify_absence = false;
  }
  void TearDown() override;

  // Made on first use, of `options_` and `live_config_` as they are then.
  [[nodiscard]] DeleteHandler& handler();
  [[nodiscard]] TestCall& call();  // the first one
  [[nodiscard]] TestCall& NewCall();

  // `call` starts; the deadline is so far away.
  void Start(TestCall* call, std::chrono::milliseconds time_left = std::chrono::seconds(5),
             std::string_view message = MakeMessage(),
             const FakeMetadata& metadata = FakeMetadata());

  FakeClock clock_;
  FakeRandom random_;
  FakeObserver observer_;
  FakeIntents intents_;
  bool uses_intents_ = false;
  DeleteOptions options_;
  LiveConfig live_config_ = MakeLiveConfig();
  CallTracer* tracer_ = nullptr;
  FakeProbes probes_;

 private:
  std::optional<DeleteHandler> handler_;
  std::optional<ScopeVerifier> scopes_;
  std::vector<std::unique_ptr<TestCall>> calls_;
};

}  // namespace evalrun::handler

#endif  // EVALRUN_TESTS_UNIT_HANDLER_CALL_TESTING_H_

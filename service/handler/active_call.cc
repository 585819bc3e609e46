// SPDX-License-Identifier: Apache-2.0

#include "service/handler/active_call.h"

#include <array>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <variant>

#include "rest_backend/deletion/attempt_classification.h"
#include "rest_backend/deletion/request_target.h"
#include "rest_backend/deletion/retry_after.h"
#include "service/handler/caller_metadata.h"
#include "service/handler/delete_request.h"
#include "service/handler/request_id.h"
#include "service/handler/timeouts.h"
#include "service/handler/upstream_text.h"

namespace evalrun::handler {
namespace {

using deletion::AdmissionController;
using deletion::Deletion;
using std::chrono::milliseconds;
using Phase = CallValues::Phase;

constexpr std::string_view kRequestIdKey = "x-request-id";
constexpr std::string_view kDeletionKey = "evalrun-deletion";
constexpr std::string_view kRetryPushbackKey = "grpc-retry-pushback-ms";
constexpr std::string_view kNoProxyRetryKey = "x-envoy-ratelimited";

// A deadline that is further away is none.
constexpr auto kMaxDeadline = std::chrono::hours(24 * 365);

std::int64_t ToNanoseconds(std::chrono::steady_clock::time_point time) {
  return std::chrono::nanoseconds(time.time_since_epoch()).count();
}

// Rounded up: never too early.
milliseconds ToMilliseconds(std::int64_t nanoseconds) {
  return std::chrono::ceil<milliseconds>(std::chrono::nanoseconds(nanoseconds));
}

// Appends the names of the rules whose bits are set, separated by commas.
void AppendRuleNames(const ratelimit::RuleSet& rules, std::uint32_t bits, std::string* names) {
  for (; bits != 0; bits &= bits - 1) {
    if (!names->empty()) *names += ',';
    *names += rules.rule(static_cast<std::size_t>(std::countr_zero(bits))).name;
  }
}

std::optional<bool> ParseShouldRetry(std::string_view value) {
  if (value == "true") return true;
  if (value == "false") return false;
  return std::nullopt;
}

}  // namespace

ActiveCall::ActiveCall(DeleteHandler* handler, ScopeVerifier* scopes, AttemptSender* attempts,
                       Timer* timer, ResponseWriter* writer)
    : handler_(*handler),
      scopes_(*scopes),
      attempts_(*attempts),
      timer_(*timer),
      writer_(*writer) {}

void ActiveCall::Start(const IncomingCall& call) {
  assert(state_.phase == Phase::kIdle);
  state_.phase = Phase::kStarting;
  state_.arrived_at = handler_.clock().SteadyNow();
  state_.caller_deadline = call.deadline;
  handler_.observer().OnCallStarted();
  ReadCaller(call);
  ReadMetadata(call.metadata);
  if (handler_.tracer() != nullptr) StartTrace(call.metadata);

  std::optional<CallError> error = ReadMessage(call.message);
  if (!error.has_value()) error = CheckDeletionsEnabled();
  if (!error.has_value()) error = Authorize();
  if (!error.has_value()) error = CheckProtectedRuns();
  if (!error.has_value()) {
    state_.api_key = handler_.live_config().keys->Select(state_.caller, state_.workspace);
    error = CheckRateLimits();
  }
  if (!error.has_value()) error = Admit();
  if (error.has_value()) {
    FinishWithError(*error);
    return;
  }
  PrepareAttempts(call.metadata);
  if (handler_.ends_new_calls()) {
    EndWithShutdownError();
  } else {
    WriteIntent();
  }
}

void ActiveCall::ReadCaller(const IncomingCall& call) {
  const authz::IdentityPolicy& policy = handler_.options().identity;
  state_.peer = call.peer;
  authz::PeerCredentials credentials{.spiffe_id = call.spiffe_id,
                                     .dns_name = call.dns_name,
                                     .has_certificate = call.has_certificate,
                                     .peer = call.peer};
  if (!policy.metadata_key.empty()) {
    credentials.claimed_identity = call.metadata.Find(policy.metadata_key);
  }
  // Anybody's `grpc-previous-rpc-attempts` counts, because all that it can change is whether this
  // caller's own response may be OK, `presumed`, and `allow_missing` lets a caller ask for as much.
  // Envoy's count is as harmless, but where the proxies are known, others have none to report.
  const bool is_trusted_proxy = authz::ResolveCaller(policy, credentials, &state_.caller);
  state_.attempted_before = HasPreviousAttempts(call.metadata.Find("grpc-previous-rpc-attempts")) ||
                            ((is_trusted_proxy || !policy.HasTrustedProxies()) &&
                             IsProxyRetry(call.metadata.Find("x-envoy-attempt-count")));
}

void ActiveCall::ReadMetadata(const Metadata& metadata) {
  const std::string_view request_id = metadata.Find(kRequestIdKey);
  if (IsWellFormedRequestId(request_id)) {
    state_.request_id = request_id;
  } else {
    MakeRequestId(&handler_.random(), &state_.request_id);
  }
  const std::string_view traceparent = metadata.Find("traceparent");
  if (!ParseTraceId(traceparent).empty()) state_.traceparent = traceparent;
}

void ActiveCall::StartTrace(const Metadata& metadata) {
  state_.trace = handler_.tracer()->Start({.metadata = metadata,
                                           .traceparent = state_.traceparent,
                                           .steady_time = state_.arrived_at,
                                           .system_time = handler_.clock().SystemNow()});
  if (state_.trace == nullptr || !state_.traceparent.empty()) return;
  // Begun here: log lines name it, too.
  state_.traceparent = state_.trace->traceparent();
}

std::optional<CallError> ActiveCall::ReadMessage(std::string_view message) {
  state_.request_bytes = message.size();
  const std::optional<InvalidField> invalid =
      ParseDeleteRequest(message, handler_.options().id_format, &state_.request);
  state_.workspace = deletion::CanonicalId(state_.request.workspace_uuid());
  if (!invalid.has_value()) return std::nullopt;
  return MakeInvalidFieldError(invalid->field, invalid->expected, state_.request_id);
}

std::optional<CallError> ActiveCall::CheckDeletionsEnabled() const {
  if (handler_.live_config().deletions_enabled) return std::nullopt;
  return MakeDeletionsStoppedError(state_.attempted_before, state_.request_id);
}

std::optional<CallError> ActiveCall::Authorize() {
  state_.access_decision = handler_.live_config().policy->Decide(state_.caller, state_.workspace);
  if (state_.access_decision != authz::AccessDecision::kDenied) return std::nullopt;
  return MakePermissionDeniedError(state_.caller, state_.attempted_before, state_.request_id);
}

std::optional<CallError> ActiveCall::CheckProtectedRuns() {
  const auto& protected_runs = handler_.live_config().protected_runs;
  if (protected_runs == nullptr || !protected_runs->Contains(state_.request.eval_run_uuid())) {
    return std::nullopt;
  }
  state_.run_protected = true;
  return MakeRunProtectedError(state_.attempted_before, state_.request_id);
}

std::optional<CallError> ActiveCall::CheckRateLimits() {
  ratelimit::Limiter& limiter = handler_.limiter();
  if (limiter.has_no_rules()) return std::nullopt;
  const ratelimit::LimitSubjects subjects{.caller = state_.caller,
                                          .workspace = state_.workspace,
                                          .upstream_key = state_.api_key->name()};
  const std::int64_t now = ToNanoseconds(state_.arrived_at);
  const ratelimit::Limiter::Decision decision = limiter.Check(subjects, now);
  const ratelimit::RuleSet& rules = limiter.rules();
  AppendRuleNames(rules, decision.shadow_denied, &state_.would_be_limited_by);
  if (state_.trace != nullptr && decision.shadow_denied != 0) {
    state_.trace->OnShadowLimited(state_.arrived_at, state_.would_be_limited_by);
  }
  if (decision.denied == 0) {
    limiter.Commit(now);
    return std::nullopt;
  }
  const auto index = static_cast<std::size_t>(decision.rule);
  const ratelimit::LimitRule& rule = rules.rule(index);
  const std::string_view subject = subjects.Get(rule.by);
  state_.limited_by = rule.name;
  if (state_.trace != nullptr) state_.trace->OnRateLimited(state_.arrived_at, rule.name);
  return MakeRateLimitError({.rule = rule,
                             .quota = *rules.FindQuota(index, subject),
                             .subject = subject,
                             .wait = ToMilliseconds(decision.wait)},
                            state_.attempted_before, state_.request_id);
}

std::optional<CallError> ActiveCall::Admit() {
  auto admission = handler_.admission().TryAcquire(state_.arrived_at, state_.api_key->name(),
                                                   handler_.random().Uniform());
  if (const auto* rejection = std::get_if<AdmissionController::Rejection>(&admission)) {
    handler_.observer().OnCallRejected(rejection->reason);
    if (state_.trace != nullptr) TraceRejection(*rejection);
    return MakeAdmissionError(*rejection, state_.attempted_before, state_.request_id);
  }
  state_.permit = std::get<AdmissionController::Permit>(std::move(admission));
  return std::nullopt;
}

void ActiveCall::TraceRejection(const AdmissionController::Rejection& rejection) {
  switch (rejection.reason) {
    case deletion::RejectReason::kInFlightCap:
      state_.trace->OnInFlightCap(state_.arrived_at);
      break;
    case deletion::RejectReason::kHoldBack:
      state_.trace->OnHeldBack(state_.arrived_at, rejection.retry_after);
      break;
  }
}

void ActiveCall::PrepareAttempts(const Metadata& metadata) {
  const DeleteOptions& options = handler_.options();
  state_.deletion.emplace(options.retry,
                          Deletion::Request{.allow_missing = state_.request.allow_missing(),
                                            .attempted_before = state_.attempted_before,
                                            .verify_scope = options.verify_absence});
  state_.own_deadline =
      state_.arrived_at +
      ResponseTimeout(TimeToCallerDeadline(), options.default_timeout, options.deadline_margin);
  deletion::BuildRequestTarget(options.base_path, state_.request.eval_run_uuid(), WorkspaceAsSent(),
                               &state_.target);

  state_.headers[0] = state_.api_key->header_line();
  state_.header_count = 1;
  const auto add = [this](std::string_view name, std::string_view value) {
    std::string& line = state_.header_lines[state_.header_count - 1];
    line.assign(name).append(": ").append(value);
    state_.headers[state_.header_count++] = line.c_str();
  };
  if (options.forward_request_id) add(kRequestIdKey, state_.request_id);
  if (!options.forward_traceparent || state_.traceparent.empty()) return;
  add("traceparent", state_.traceparent);
  if (state_.trace != nullptr) {
    state_.traceparent_header = state_.header_count - 1;
    // A trace that was begun here has none.
    if (ParseTraceId(metadata.Find("traceparent")).empty()) return;
  }
  if (!options.forward_tracestate) return;
  const std::string tracestate = metadata.Join("tracestate");
  if (IsWellFormedTracestate(tracestate)) add("tracestate", tracestate);
}

// Not for a call without time for an attempt: StartAttempt() ends it.
void ActiveCall::WriteIntent() {
  IntentLog* const intents = handler_.intents();
  if (intents == nullptr || TimeToOwnDeadline() < deletion::kMinAttemptTime) {
    StartAttempt();
    return;
  }
  state_.phase = Phase::kWaitingForAudit;
  timer_.Start(state_.own_deadline, this);
  intents->Write(MakeRecord(), handler_.clock().SystemNow(), this);
}

void ActiveCall::OnIntentWritten(bool written) {
  timer_.Cancel();
  if (!written) {
    EndForAudit();
  } else if (!EndIfForbidden()) {
    StartAttempt();
  }
}

void ActiveCall::EndForAudit() {
  state_.audit_unavailable = true;
  FinishWithError(MakeAuditUnavailableError(state_.attempted_before, state_.request_id));
}

void ActiveCall::StartAttempt() {
  const int attempts_before = state_.deletion->attempts();
  const auto time_left = TimeToOwnDeadline();
  if (time_left < deletion::kMinAttemptTime) {
    state_.upstream_response.is_final = false;
    Finish(state_.deletion->Abandon(
        absl::StatusCode::kDeadlineExceeded,
        attempts_before == 0 ? "DEADLINE_TOO_SHORT" : "DEADLINE_EXCEEDED", false));
    return;
  }
  if (attempts_before > 0) handler_.observer().OnRetry();
  if (state_.trace != nullptr) TraceAttempt(attempts_before);
  state_.phase = Phase::kAttempting;
  attempts_.Start({.target = state_.target.c_str(),
                   .headers = std::span(state_.headers.data(), state_.header_count),
                   .timeout = AttemptTimeout(time_left, handler_.options().upstream_timeout),
                   .fresh_connection = state_.fresh_connection},
                  this);
}

void ActiveCall::TraceAttempt(int attempts_before) {
  const std::string_view traceparent =
      state_.trace->OnAttemptStarted(handler_.clock().SteadyNow(), state_.target, attempts_before);
  if (state_.traceparent_header == 0) return;
  std::string& line = state_.header_lines[state_.traceparent_header - 1];
  line.assign("traceparent: ").append(traceparent);
  state_.headers[state_.traceparent_header] = line.c_str();
}

void ActiveCall::OnAttemptDone(const deletion::AttemptResult& result) {
  state_.last_attempt_timing = result.timing;
  state_.connection_reused = result.connection_reused;
  if (result.duplicate_suppressed) ++state_.suppressed_duplicates;
  handler_.observer().OnAttemptDone(result);

  const deletion::AttemptClassification classification = ReadUpstreamResponse(result);
  if (state_.trace != nullptr) {
    state_.trace->OnAttemptDone(handler_.clock().SteadyNow(), result, classification);
  }
  deletion::RetryHint hint;
  if (state_.upstream_response.is_final && classification.code != absl::StatusCode::kOk) {
    hint.retry_after = deletion::ParseRetryAfter(result.retry_after, result.retry_after_ms,
                                                 result.date, handler_.clock().SystemNow());
    hint.should_retry = ParseShouldRetry(result.should_retry);
  }
  hint.stale_connection =
      result.fault == deletion::Fault::kConnectionLost && result.connection_reused;
  if (classification.retry == deletion::Retry::kAfterDelay && hint.retry_after.has_value()) {
    handler_.OnRateLimited(*state_.api_key, *hint.retry_after);
  }
  if (classification.effect == deletion::Effect::kDeleted && handler_.options().verify_absence) {
    scopes_.OnDeleted(GetScope());
  }
  if (classification.scope == deletion::ScopeStatus::kMissing) scopes_.OnMissing(GetScope());
  // A pool that had one dead connection may have more.
  state_.fresh_connection = result.fault != deletion::Fault::kNone;

  const auto time_left = std::chrono::floor<milliseconds>(TimeToOwnDeadline());
  ApplyStep(state_.deletion->OnAttemptFinished(classification, hint, time_left,
                                               handler_.random().Uniform(),
                                               &handler_.admission().retry_budget()));
}

deletion::AttemptClassification ActiveCall::ReadUpstreamResponse(
    const deletion::AttemptResult& result) {
  UpstreamResponse& response = state_.upstream_response;
  const std::string_view secret = state_.api_key->secret();
  response.is_final = result.fault == deletion::Fault::kNone;
  response.proxy_status = result.proxy_status;
  if (response.is_final) {
    response.http_status = result.http_status;
    state_.response_bytes = result.body.bytes.size();
    response.body = deletion::ParseErrorBody(result.body);
  }
  // Before it is cleaned: what it means must not depend on our API key.
  const deletion::AttemptClassification classification =
      deletion::ClassifyAttempt(result, response.body);
  if (!response.is_final) return classification;
  if (!result.body.bytes.empty()) CleanErrorBody(secret, &response.body);
  if (classification.code != absl::StatusCode::kOk) {
    response.header_request_id = CleanUpstreamText(result.upstream_request_id, secret);
  }
  return classification;
}

void ActiveCall::ApplyStep(const Deletion::Step& step) {
  if (step.needs_scope_proof) {
    CheckScope();
    return;
  }
  if (!step.will_retry) {
    Finish(state_.deletion->response());
    return;
  }
  state_.phase = Phase::kWaitingForRetry;
  const auto now = handler_.clock().SteadyNow();
  if (state_.trace != nullptr) state_.trace->OnBackoff(now, step.wait);
  timer_.Start(now + step.wait, this);
}

void ActiveCall::CheckScope() {
  const std::optional<deletion::ScopeStatus> status = scopes_.Check(GetScope(), this);
  if (status.has_value()) {
    if (state_.trace != nullptr) {
      state_.trace->OnScopeChecked(handler_.clock().SteadyNow(), *status, /*probed=*/false);
    }
    state_.deletion->OnScopeChecked(*status);
    Finish(state_.deletion->response());
    return;
  }
  if (state_.trace != nullptr) state_.trace->OnScopeProbeAwaited(handler_.clock().SteadyNow());
  state_.phase = Phase::kWaitingForScope;
  timer_.Start(state_.own_deadline, this);
}

void ActiveCall::OnScopeChecked(deletion::ScopeStatus status) {
  timer_.Cancel();
  if (state_.trace != nullptr) {
    state_.trace->OnScopeChecked(handler_.clock().SteadyNow(), status, /*probed=*/true);
  }
  state_.deletion->OnScopeChecked(status);
  Finish(state_.deletion->response());
}

std::optional<std::string_view> ActiveCall::WorkspaceAsSent() const {
  if (!state_.request.has_workspace_uuid()) return std::nullopt;
  return state_.request.workspace_uuid();
}

ScopeVerifier::Scope ActiveCall::GetScope() const {
  return {.api_key = state_.api_key, .workspace = WorkspaceAsSent()};
}

void ActiveCall::OnTimer() {
  if (state_.phase == Phase::kWaitingForAudit) {
    handler_.intents()->Leave(this);
    EndForAudit();
    return;
  }
  if (state_.phase == Phase::kWaitingForScope) {
    scopes_.Leave(this);
    Finish(state_.deletion->response());
    return;
  }
  RetryIfAllowed();
}

bool ActiveCall::EndIfForbidden() {
  std::string_view reason;
  if (!handler_.live_config().deletions_enabled) {
    reason = kDeletionsStoppedReason;
  } else if (CheckProtectedRuns().has_value()) {
    reason = kRunProtectedReason;
  } else {
    return false;
  }
  state_.upstream_response.is_final = false;
  Finish(state_.deletion->Abandon(absl::StatusCode::kFailedPrecondition, reason,
                                  /*in_flight=*/false));
  return true;
}

void ActiveCall::RetryIfAllowed() {
  if (EndIfForbidden()) return;
  const auto now = handler_.clock().SteadyNow();
  const std::string& key_name = state_.api_key->name();
  const milliseconds held = handler_.admission().retry_after_gate(key_name).Remaining(now);
  if (held > milliseconds(0)) {
    if (state_.trace != nullptr) state_.trace->OnHeldBack(now, held);
    const auto time_left = std::chrono::floor<milliseconds>(TimeToOwnDeadline());
    ApplyStep(
        state_.deletion->OnRetryAfterGateClosed(held, time_left, handler_.random().Uniform()));
    return;
  }
  const std::int64_t wait = handler_.limiter().TryAcquireAttempt(key_name, ToNanoseconds(now));
  if (wait > 0) {
    if (state_.trace != nullptr) state_.trace->OnRetryRateLimited(now, ToMilliseconds(wait));
    state_.deletion->StopForRateLimit(ToMilliseconds(wait));
    Finish(state_.deletion->response());
    return;
  }
  StartAttempt();
}

void ActiveCall::Cancel() {
  if (state_.phase == Phase::kIdle || state_.phase == Phase::kStarting) return;
  const auto time_left = TimeToCallerDeadline();
  const bool is_late = time_left.has_value() && *time_left <= std::chrono::microseconds(0);
  CompleteWithError(MakeError(
      Abandon(is_late ? absl::StatusCode::kDeadlineExceeded : absl::StatusCode::kCancelled,
              is_late ? "DEADLINE_EXCEEDED" : "CALL_CANCELLED")));
}

void ActiveCall::EndForShutdown() {
  if (state_.phase == Phase::kIdle || state_.phase == Phase::kStarting) return;
  EndWithShutdownError();
}

void ActiveCall::EndWithShutdownError() {
  CallError error = MakeError(Abandon(absl::StatusCode::kUnavailable, "GATEWAY_SHUTTING_DOWN"));
  // By another gateway, at once.
  error.retry_after = milliseconds(0);
  error.retry_after_is_explicit = true;
  FinishWithError(error);
}

Deletion::Response ActiveCall::Abandon(absl::StatusCode code, std::string_view reason) {
  bool may_have_been_sent = false;
  switch (state_.phase) {
    case Phase::kIdle:
    case Phase::kStarting:
      break;
    case Phase::kAttempting:
      may_have_been_sent = attempts_.Cancel();
      if (state_.trace != nullptr) {
        state_.trace->OnAttemptAborted(handler_.clock().SteadyNow(), code, reason,
                                       may_have_been_sent);
      }
      break;
    case Phase::kWaitingForAudit:
      handler_.intents()->Leave(this);
      timer_.Cancel();
      break;
    case Phase::kWaitingForRetry:
      timer_.Cancel();
      break;
    case Phase::kWaitingForScope:
      scopes_.Leave(this);
      timer_.Cancel();
      break;
  }
  state_.upstream_response.is_final = false;
  return state_.deletion->Abandon(code, reason, may_have_been_sent);
}

std::optional<std::chrono::microseconds> ActiveCall::TimeToCallerDeadline() const {
  using Time = std::chrono::system_clock::time_point;
  // Not subtracted from: the difference might overflow.
  if (state_.caller_deadline == Time::max()) return std::nullopt;
  const auto time_left = state_.caller_deadline - handler_.clock().SystemNow();
  if (time_left > kMaxDeadline) return std::nullopt;
  return std::chrono::duration_cast<std::chrono::microseconds>(time_left);
}

std::chrono::microseconds ActiveCall::TimeToOwnDeadline() const {
  return std::chrono::duration_cast<std::chrono::microseconds>(state_.own_deadline -
                                                               handler_.clock().SteadyNow());
}

void ActiveCall::Finish(const Deletion::Response& response) {
  if (response.code == absl::StatusCode::kOk) {
    FinishOk(response);
  } else {
    FinishWithError(MakeError(response));
  }
}

void ActiveCall::FinishOk(const Deletion::Response& response) {
  const std::string certainty(deletion::CertaintyName(response.certainty));
  const std::array initial_metadata = {
      MetadataEntry{.key = kRequestIdKey, .value = state_.request_id}};
  const std::array trailing_metadata = {MetadataEntry{.key = kDeletionKey, .value = certainty}};
  // Left out where it says what everybody expects.
  const std::size_t trailing_count = response.certainty == deletion::Certainty::kPerformed ? 0 : 1;
  writer_.Write({.initial_metadata = initial_metadata,
                 .trailing_metadata = std::span(trailing_metadata).first(trailing_count)});

  observability::CallRecord record = MakeRecord();
  record.code = absl::StatusCode::kOk;
  record.certainty = response.certainty;
  record.attempts = response.attempts;
  record.retry_stop = response.retry_stop;
  Complete(record);
}

void ActiveCall::FinishWithError(const CallError& error) {
  const std::string retry_pushback =
      RetryPushback(error, TimeToCallerDeadline().value_or(handler_.options().default_timeout));
  // Not in the initial metadata: an error is then trailers alone, and only such a one lets a gRPC
  // client's retry policy retry. Headers would commit the client to this attempt. For Envoy, too,
  // only trailers without headers before them are response headers, among which it looks.
  const std::string no_proxy_retry = "true";
  const std::array trailing_metadata = {
      MetadataEntry{.key = kRequestIdKey, .value = state_.request_id},
      MetadataEntry{.key = kRetryPushbackKey, .value = retry_pushback},
      MetadataEntry{.key = kNoProxyRetryKey, .value = no_proxy_retry}};
  const std::size_t trailing_count = ForbidsProxyRetry(error, retry_pushback) ? 3 : 2;
  writer_.Write({.code = error.code,
                 .error = EncodeError(error),
                 .trailing_metadata = std::span(trailing_metadata).first(trailing_count)});
  CompleteWithError(error);
}

CallError ActiveCall::MakeError(const Deletion::Response& response) const {
  return MakeCallError(response, state_.upstream_response, state_.request_id,
                       {.eval_run_uuid = state_.request.eval_run_uuid(),
                        .workspace_uuid = state_.request.workspace_uuid()});
}

void ActiveCall::CompleteWithError(const CallError& error) {
  observability::CallRecord record = MakeRecord();
  record.code = error.code;
  record.reason = error.reason;
  record.certainty = error.certainty;
  record.attempts = error.attempts;
  record.retry_stop = error.retry_stop;
  Complete(record);
}

observability::CallRecord ActiveCall::MakeRecord() const {
  using observability::kMaxLoggedIdLength;
  const UpstreamResponse& upstream = state_.upstream_response;
  return {
      .request_id = state_.request_id,
      .trace_id = ParseTraceId(state_.traceparent),
      .peer = state_.peer,
      .caller = state_.caller,
      .eval_run_uuid =
          std::string_view(state_.request.eval_run_uuid()).substr(0, kMaxLoggedIdLength),
      .workspace_uuid = std::string_view(state_.workspace).substr(0, kMaxLoggedIdLength),
      .upstream_key =
          state_.api_key == nullptr ? std::string_view() : std::string_view(state_.api_key->name()),
      .authorization = state_.access_decision,
      .limited_by = state_.limited_by,
      .would_be_limited_by = state_.would_be_limited_by,
      .run_protected = state_.run_protected,
      .audit_unavailable = state_.audit_unavailable,
      .suppressed_duplicates = state_.suppressed_duplicates,
      .http_status = upstream.http_status,
      .proxy_status = upstream.proxy_status,
      .upstream_code = std::string_view(upstream.body.code).substr(0, kMaxLoggedIdLength),
      .upstream_request_id =
          std::string_view(upstream.body.request_id.empty() ? upstream.header_request_id
                                                            : upstream.body.request_id)
              .substr(0, kMaxLoggedIdLength),
      .request_bytes = state_.request_bytes,
      .response_bytes = state_.response_bytes,
      .duration = std::chrono::duration_cast<std::chrono::microseconds>(
          handler_.clock().SteadyNow() - state_.arrived_at),
      .last_attempt_timing = state_.last_attempt_timing,
      .connection_reused = state_.connection_reused,
  };
}

void ActiveCall::Complete(const observability::CallRecord& record) {
  handler_.observer().OnCallCompleted(record, handler_.clock().SystemNow());
  if (state_.trace != nullptr) {
    state_.trace->OnCallCompleted(handler_.clock().SteadyNow(), record);
  }
  state_.Reset();
}

}  // namespace evalrun::handler

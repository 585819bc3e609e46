#include "service/grpc_adapter/delete_call.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>
#include <string>

#include <grpcpp/support/slice.h>

#include "rest_backend/deletion/attempt_classification.h"
#include "rest_backend/deletion/request_target.h"
#include "rest_backend/deletion/retry_after.h"
#include "service/grpc_adapter/call_pool.h"
#include "service/grpc_adapter/peer_credentials.h"
#include "service/handler/caller_metadata.h"
#include "service/handler/delete_request.h"
#include "service/handler/timeouts.h"
#include "service/handler/upstream_text.h"

namespace evalrun::grpc_adapter {
namespace {

using deletion::Certainty;
using deletion::Deletion;

constexpr const char* kRequestIdKey = "x-request-id";
constexpr auto kMaxDeadline = std::chrono::hours(24 * 365);

// google.protobuf.Empty is no bytes.
const grpc::ByteBuffer& EmptyMessage() {
  static const grpc::Slice slice;
  static const grpc::ByteBuffer buffer(&slice, 1);
  return buffer;
}

// The value of a metadata key that stands there exactly once.
std::string_view SingleValue(const std::multimap<grpc::string_ref, grpc::string_ref>& metadata,
                             const char* key) {
  const auto [begin, end] = metadata.equal_range(key);
  if (begin == end || std::next(begin) != end) return {};
  return {begin->second.data(), begin->second.size()};
}

// The bytes of a message in one piece, which `slice` keeps; empty when gRPC cannot read them.
std::string_view AsContiguous(const grpc::ByteBuffer& message, grpc::Slice* slice) {
  if (!message.TrySingleSlice(slice).ok() && !message.DumpToSingleSlice(slice).ok()) return {};
  return {reinterpret_cast<const char*>(slice->begin()), slice->size()};
}

std::int64_t ToNanoseconds(std::chrono::steady_clock::time_point time) {
  return std::chrono::nanoseconds(time.time_since_epoch()).count();
}

// Never too early.
std::chrono::milliseconds ToMilliseconds(std::int64_t nanoseconds) {
  return std::chrono::ceil<std::chrono::milliseconds>(std::chrono::nanoseconds(nanoseconds));
}

// The names of the rules whose bits are set, in a list.
std::string RuleNames(const ratelimit::RuleSet& rules, std::uint32_t bits) {
  std::string names;
  for (; bits != 0; bits &= bits - 1) {
    if (!names.empty()) names += ',';
    names += rules.rule(static_cast<std::size_t>(std::countr_zero(bits))).name;
  }
  return names;
}

std::optional<bool> ShouldRetry(std::string_view value) {
  if (value == "true") return true;
  if (value == "false") return false;
  return std::nullopt;
}

}  // namespace

DeleteCall::DeleteCall(CallPool* pool) : pool_(*pool) {}

void DeleteCall::RequestNextCall() {
  grpc_.emplace();
  is_peer_done_ = is_finishing_ = is_finished_ = false;
  grpc_->context.AsyncNotifyWhenDone(&peer_done_);
  grpc::ServerCompletionQueue* queue = pool_.loop().queue();
  pool_.grpc_service().RequestDeleteEvalRun(&grpc_->context, &grpc_->message, &grpc_->writer, queue,
                                            queue, &arrived_);
}

void DeleteCall::OnArrived(bool ok) {
  if (!ok) {
    grpc_.reset();
    pool_.OnRequestReturned(this);
    return;
  }
  arrived_at_ = Clock::now();
  pool_.OnArrived();
  upstream_response_ = {};
  last_attempt_timing_ = {};
  connection_reused_ = false;
  suppressed_duplicates_ = 0;
  response_bytes_ = 0;
  limited_by_.clear();
  would_be_limited_by_.clear();
  deletion_.reset();
  is_admitted_ = false;
  decision_ = authz::AccessDecision::kNone;
  ReadCaller();
  ReadMetadata();
  if (const std::optional<handler::CallError> invalid = ReadRequest()) {
    FinishWith(*invalid);
    return;
  }
  if (const std::optional<handler::CallError> denied = Authorize()) {
    FinishWith(*denied);
    return;
  }
  api_key_ = pool_.SelectApiKey(caller_, workspace_);
  headers_[0] = api_key_->header_line();
  if (const std::optional<handler::CallError> limited = CheckRateLimits()) {
    FinishWith(*limited);
    return;
  }
  if (const auto refused =
          pool_.admission().TryAcquire(arrived_at_, api_key_->name(), pool_.Random())) {
    pool_.metrics().OnCallRejected(refused->reason);
    FinishWith(handler::MakeAdmissionError(*refused, attempted_before_, request_id_));
    return;
  }
  is_admitted_ = true;

  deletion_.emplace(pool_.delete_options().retry,
                    Deletion::Request{.allow_missing = request_.allow_missing(),
                                      .attempted_before = attempted_before_});
  own_deadline_ = arrived_at_ + handler::ResponseTimeout(TimeToCallerDeadline(),
                                                         pool_.delete_options().deadline_margin);
  deletion::BuildRequestTarget(pool_.delete_options().base_path, request_.eval_run_uuid(),
                               request_.has_workspace_uuid()
                                   ? std::optional<std::string_view>(request_.workspace_uuid())
                                   : std::nullopt,
                               &target_);
  Send(/*fresh_connection=*/false);
}

void DeleteCall::ReadCaller() {
  const authz::IdentityPolicy& policy = pool_.delete_options().identity;
  peer_ = grpc_->context.peer();
  authz::PeerCredentials credentials{.peer = peer_};
  if (!policy.metadata_key.empty()) {
    credentials.claimed_identity =
        SingleValue(grpc_->context.client_metadata(), policy.metadata_key.c_str());
  }
  CertificateSubjects names;  // keeps what `credentials` looks at
  if (pool_.delete_options().client_certificates) {
    names = GetCertificateSubjects(grpc_->context);
    credentials.spiffe_id = names.spiffe_id;
    credentials.dns_name = names.dns_name;
  }
  authz::ResolveCaller(policy, credentials, &caller_);
}

void DeleteCall::ReadMetadata() {
  const handler::DeleteOptions& delete_options = pool_.delete_options();
  const auto& metadata = grpc_->context.client_metadata();
  const std::string_view request_id = SingleValue(metadata, kRequestIdKey);
  if (handler::IsWellFormedRequestId(request_id)) {
    request_id_ = request_id;
  } else {
    pool_.MakeRequestId(&request_id_);
  }
  traceparent_ = SingleValue(metadata, "traceparent");
  if (handler::ParseTraceId(traceparent_).empty()) traceparent_.clear();
  attempted_before_ =
      handler::HasPreviousAttempts(SingleValue(metadata, "grpc-previous-rpc-attempts"));

  header_count_ = 1;  // the first one is the key's
  const auto add = [this](std::string_view name, std::string_view value) {
    std::string& line = header_lines_[header_count_ - 1];
    line.assign(name).append(": ").append(value);
    headers_[header_count_++] = line.c_str();
  };
  if (delete_options.forward_request_id) add(kRequestIdKey, request_id_);
  if (traceparent_.empty()) return;
  if (delete_options.forward_traceparent) add("traceparent", traceparent_);
  const std::string_view tracestate = SingleValue(metadata, "tracestate");
  if (delete_options.forward_traceparent && delete_options.forward_tracestate &&
      handler::IsWellFormedTracestate(tracestate)) {
    add("tracestate", tracestate);
  }
}

std::optional<handler::CallError> DeleteCall::ReadRequest() {
  grpc::Slice slice;
  const std::optional<handler::InvalidField> invalid = handler::ParseDeleteRequest(
      AsContiguous(grpc_->message, &slice), pool_.delete_options().id_format, &request_);
  workspace_ = deletion::CanonicalId(request_.workspace_uuid());
  if (!invalid.has_value()) return std::nullopt;
  return handler::MakeInvalidFieldError(invalid->field, invalid->expected, request_id_);
}

std::optional<handler::CallError> DeleteCall::CheckRateLimits() {
  ratelimit::Limiter& limiter = pool_.limiter();
  if (limiter.has_no_rules()) return std::nullopt;
  const ratelimit::LimitSubjects subjects{
      .caller = caller_, .workspace = workspace_, .upstream_key = api_key_->name()};
  const std::int64_t now = ToNanoseconds(arrived_at_);
  const ratelimit::Limiter::Decision decision = limiter.Check(subjects, now);
  const ratelimit::RuleSet& rules = limiter.rules();
  would_be_limited_by_ = RuleNames(rules, decision.shadow_refused);
  if (decision.refused == 0) {
    limiter.Commit(now);
    return std::nullopt;
  }
  const auto index = static_cast<std::size_t>(decision.rule);
  const ratelimit::LimitRule& rule = rules.rule(index);
  const std::string_view subject = subjects.Get(rule.by);
  limited_by_ = rule.name;
  return handler::MakeRateLimitError({.rule = rule,
                                      .quota = *rules.FindQuota(index, subject),
                                      .subject = subject,
                                      .wait = ToMilliseconds(decision.wait)},
                                     attempted_before_, request_id_);
}

// Only a well-formed request comes here (access/policy.h says why).
std::optional<handler::CallError> DeleteCall::Authorize() {
  decision_ = pool_.Decide(caller_, workspace_);
  if (decision_ != authz::AccessDecision::kDenied) return std::nullopt;
  return handler::MakePermissionDeniedError(attempted_before_, request_id_);
}

std::chrono::microseconds DeleteCall::TimeToCallerDeadline() const {
  const auto until = grpc_->context.deadline() - std::chrono::system_clock::now();
  // gRPC says "no deadline" as one that is centuries away.
  if (until > kMaxDeadline) return pool_.delete_options().default_timeout;
  return std::chrono::duration_cast<std::chrono::microseconds>(until);
}

std::chrono::microseconds DeleteCall::TimeToOwnDeadline() const {
  return std::chrono::duration_cast<std::chrono::microseconds>(own_deadline_ - Clock::now());
}

void DeleteCall::Send(bool fresh_connection) {
  const auto timeout =
      handler::AttemptTimeout(TimeToOwnDeadline(), pool_.delete_options().upstream_timeout);
  if (timeout <= std::chrono::milliseconds(0)) {
    upstream_response_.is_final = false;
    FinishWith(deletion_->Abandon(
        absl::StatusCode::kDeadlineExceeded,
        deletion_->sends() == 0 ? "DEADLINE_TOO_SHORT" : "DEADLINE_EXCEEDED", false));
    return;
  }
  if (deletion_->sends() > 0) pool_.metrics().OnRetry();
  transfer_ = pool_.loop().http().Send({.target = target_.c_str(),
                                        .headers = std::span(headers_.data(), header_count_),
                                        .timeout = timeout,
                                        .fresh_connection = fresh_connection},
                                       this);
}

void DeleteCall::OnAttemptDone(const deletion::AttemptResult& result) {
  transfer_ = nullptr;
  last_attempt_timing_ = result.timing;
  connection_reused_ = result.connection_reused;
  if (result.duplicate_suppressed) ++suppressed_duplicates_;
  pool_.metrics().OnAttemptDone(result);

  upstream_response_.is_final = result.fault == deletion::Fault::kNone;
  if (upstream_response_.is_final) {
    upstream_response_.http_status = result.http_status;
    response_bytes_ = result.body.bytes.size();
    upstream_response_.body = deletion::ParseErrorBody(result.body);
  }
  const deletion::AttemptClassification outcome =
      deletion::ClassifyAttempt(result, upstream_response_.body);
  deletion::RetryHint hint;
  if (upstream_response_.is_final && outcome.code != absl::StatusCode::kOk) {
    upstream_response_.header_request_id =
        handler::CleanUpstreamText(result.upstream_request_id, api_key_->secret());
    hint.retry_after = deletion::ParseRetryAfter(result.retry_after, result.retry_after_ms,
                                                 std::chrono::system_clock::now());
    hint.should_retry = ShouldRetry(result.should_retry);
  }

  hint.stale_connection =
      result.fault == deletion::Fault::kConnectionLost && result.connection_reused;
  if (outcome.retry == deletion::Retry::kAfterDelay && hint.retry_after.has_value()) {
    pool_.admission().hold_back(api_key_->name()).OnRateLimited(Clock::now(), *hint.retry_after);
  }
  // A pool that had one dead connection may have more.
  fresh_connection_ = result.fault != deletion::Fault::kNone;

  const auto time_left = std::chrono::floor<std::chrono::milliseconds>(TimeToOwnDeadline());
  ApplyStep(deletion_->OnAttemptFinished(outcome, hint, time_left, pool_.Random(),
                                         &pool_.admission().retry_budget()));
}

void DeleteCall::ApplyStep(const Deletion::Step& step) {
  if (step.will_retry) {
    timer_ = pool_.loop().timers().Add(Clock::now() + step.wait, this);
  } else {
    FinishWith(deletion_->answer());
  }
}

void DeleteCall::OnTimer() {
  timer_.reset();
  const auto held = pool_.admission().hold_back(api_key_->name()).Remaining(Clock::now());
  if (held > std::chrono::milliseconds(0)) {
    const auto time_left = std::chrono::floor<std::chrono::milliseconds>(TimeToOwnDeadline());
    ApplyStep(deletion_->OnRetryAfterGateClosed(held, time_left, pool_.Random()));
    return;
  }
  ratelimit::Limiter& limiter = pool_.limiter();
  const std::int64_t wait =
      limiter.has_no_rules()
          ? 0
          : limiter.TryAcquireAttempt(api_key_->name(), ToNanoseconds(Clock::now()));
  if (wait > 0) {
    deletion_->StopForRateLimit(ToMilliseconds(wait));
    FinishWith(deletion_->answer());
    return;
  }
  Send(fresh_connection_);
}

void DeleteCall::OnPeerDone(bool /*ok*/) {
  is_peer_done_ = true;
  if (is_finishing_) {
    RecycleIfFinished();
    return;
  }
  // Cancelled, or past its deadline: nobody waits for the answer, but the log and the metrics want
  // one.
  upstream_response_.is_final = false;
  bool in_flight = false;
  if (transfer_ != nullptr) {
    in_flight = pool_.loop().http().Abort(transfer_);
    transfer_ = nullptr;
  }
  if (timer_.has_value()) {
    pool_.loop().timers().Cancel(*timer_);
    timer_.reset();
  }
  FinishWith(
      TimeToCallerDeadline() <= std::chrono::microseconds(0)
          ? deletion_->Abandon(absl::StatusCode::kDeadlineExceeded, "DEADLINE_EXCEEDED", in_flight)
          : deletion_->Abandon(absl::StatusCode::kCancelled, "CALL_CANCELLED", in_flight));
  RecycleIfFinished();
}

void DeleteCall::FinishWith(const Deletion::Response& answer) {
  if (answer.code != absl::StatusCode::kOk) {
    deletion::ErrorBody& body = upstream_response_.body;
    const std::string_view key = api_key_->secret();
    body.code = handler::CleanUpstreamText(body.code, key);
    body.message = handler::CleanUpstreamText(body.message, key);
    body.request_id = handler::CleanUpstreamText(body.request_id, key);
    for (deletion::FieldError& error : body.field_errors) {
      error.field = handler::CleanUpstreamText(error.field, key);
      error.description = handler::CleanUpstreamText(error.description, key);
    }
    FinishWith(
        handler::MakeCallError(answer, upstream_response_, request_id_, request_.eval_run_uuid()));
    return;
  }
  is_finishing_ = true;
  grpc_->context.AddInitialMetadata(kRequestIdKey, request_id_);
  if (answer.certainty != Certainty::kPerformed) {
    const std::string_view name = deletion::CertaintyName(answer.certainty);
    grpc_->context.AddTrailingMetadata("evalrun-deletion", std::string(name));
  }
  grpc_->writer.Finish(EmptyMessage(), grpc::Status::OK, &finished_);
  RecordCompletion(grpc::StatusCode::OK, "", answer.certainty, answer.sends, answer.retry_stop);
}

void DeleteCall::FinishWith(const handler::CallError& call_error) {
  is_finishing_ = true;
  if (is_peer_done_) {
    is_finished_ = true;
  } else {
    // Not in the initial metadata: an error is then trailers alone, and only such a one lets a gRPC
    // client's retry policy retry. Headers would commit the client to this attempt.
    grpc_->context.AddTrailingMetadata(kRequestIdKey, request_id_);
    grpc_->context.AddTrailingMetadata("grpc-retry-pushback-ms",
                                       handler::RetryPushback(call_error, TimeToCallerDeadline()));
    grpc_->writer.FinishWithError(handler::ToStatus(call_error), &finished_);
  }
  RecordCompletion(call_error.code, call_error.reason, call_error.certainty, call_error.sends,
                   call_error.retry_stop);
}

void DeleteCall::RecordCompletion(grpc::StatusCode code, std::string_view reason,
                                  Certainty certainty, int sends, deletion::RetryStop retry_stop) {
  if (is_admitted_) pool_.admission().Release();
  const std::string& upstream_request_id = upstream_response_.body.request_id.empty()
                                               ? upstream_response_.header_request_id
                                               : upstream_response_.body.request_id;
  const observability::CallRecord record = {
      .request_id = request_id_,
      .trace_id = handler::ParseTraceId(traceparent_),
      .peer = peer_,
      .caller = caller_,
      .eval_run_uuid =
          std::string_view(request_.eval_run_uuid()).substr(0, observability::kMaxLoggedIdLength),
      .workspace_uuid = std::string_view(workspace_).substr(0, observability::kMaxLoggedIdLength),
      .upstream_key = api_key_ == nullptr ? std::string_view() : std::string_view(api_key_->name()),
      .authorization = decision_,
      .code = code,
      .reason = reason,
      .certainty = certainty,
      .sends = sends,
      .retry_stop = retry_stop,
      .limited_by = limited_by_,
      .would_be_limited_by = would_be_limited_by_,
      .resends_stopped = suppressed_duplicates_,
      .http_status = upstream_response_.http_status,
      .upstream_code = upstream_response_.body.code,
      .upstream_request_id = upstream_request_id,
      .request_bytes = grpc_->message.Length(),
      .response_bytes = response_bytes_,
      .duration = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - arrived_at_),
      .last_attempt_timing = last_attempt_timing_,
      .connection_reused = connection_reused_,
  };
  pool_.metrics().OnCallCompleted(record);
  const auto now = std::chrono::system_clock::now();
  pool_.access_log().Write(record, now);
  pool_.audit_log().Write(record, now);
}

void DeleteCall::OnFinished(bool /*ok*/) {
  is_finished_ = true;
  RecycleIfFinished();
}

void DeleteCall::RecycleIfFinished() {
  if (!is_finished_ || !is_peer_done_) return;
  api_key_.reset();
  grpc_.reset();
  pool_.OnCallFinished(this);
}

}  // namespace evalrun::grpc_adapter

#include "service/grpc_adapter/delete_call.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>
#include <string>

#include <grpcpp/support/slice.h>

#include "rest_backend/deletion/request_target.h"
#include "rest_backend/deletion/retry_after.h"
#include "rest_backend/deletion/send_outcome.h"
#include "service/grpc_adapter/call_pool.h"
#include "service/grpc_adapter/peer_evidence.h"
#include "service/handler/caller_metadata.h"
#include "service/handler/delete_request.h"
#include "service/handler/time_budget.h"
#include "service/handler/upstream_text.h"

namespace evalrun::grpc_adapter {
namespace {

using deletion::Certainty;
using deletion::Deletion;

constexpr const char* kRequestIdKey = "x-request-id";
constexpr auto kLongestDeadline = std::chrono::hours(24 * 365);

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
std::string_view InOnePiece(const grpc::ByteBuffer& message, grpc::Slice* slice) {
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
std::string NamesOf(const ratelimit::RuleSet& rules, std::uint32_t bits) {
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

void DeleteCall::Arm() {
  grpc_.emplace();
  is_gone_ = is_finishing_ = is_finished_ = false;
  grpc_->context.AsyncNotifyWhenDone(&gone_);
  grpc::ServerCompletionQueue* queue = pool_.loop().queue();
  pool_.grpc_service().RequestDeleteEvalRun(&grpc_->context, &grpc_->message, &grpc_->writer, queue,
                                            queue, &arrived_);
}

void DeleteCall::OnArrived(bool ok) {
  if (!ok) {
    grpc_.reset();
    pool_.OnDisarmed(this);
    return;
  }
  arrived_at_ = Clock::now();
  pool_.OnArrived();
  upstream_ = {};
  last_send_ = {};
  connection_reused_ = false;
  resends_stopped_ = 0;
  response_bytes_ = 0;
  limited_by_.clear();
  would_be_limited_by_.clear();
  deletion_.reset();
  is_admitted_ = false;
  decision_ = authz::AccessDecision::kNone;
  ReadCaller();
  ReadMetadata();
  if (const std::optional<handler::ErrorReport> invalid = ReadRequest()) {
    FinishWith(*invalid);
    return;
  }
  if (const std::optional<handler::ErrorReport> denied = Authorize()) {
    FinishWith(*denied);
    return;
  }
  key_ = pool_.ChooseKey(caller_, workspace_);
  headers_[0] = key_->header_line();
  if (const std::optional<handler::ErrorReport> limited = HoldAgainstLimits()) {
    FinishWith(*limited);
    return;
  }
  if (const auto refused = pool_.guard().Admit(arrived_at_, key_->name(), pool_.Random())) {
    pool_.metrics().OnCallShed(refused->refusal);
    FinishWith(handler::ReportOfRefusal(*refused, attempted_before_, request_id_));
    return;
  }
  is_admitted_ = true;

  deletion_.emplace(pool_.settings().retry,
                    Deletion::Request{.allow_missing = request_.allow_missing(),
                                      .attempted_before = attempted_before_});
  answer_by_ =
      arrived_at_ + handler::AnswerBudget(UntilDeadline(), pool_.settings().deadline_margin);
  deletion::BuildRequestTarget(pool_.settings().base_path, request_.eval_run_uuid(),
                               request_.has_workspace_uuid()
                                   ? std::optional<std::string_view>(request_.workspace_uuid())
                                   : std::nullopt,
                               &target_);
  Send(/*fresh_connection=*/false);
}

void DeleteCall::ReadCaller() {
  const authz::IdentityPolicy& policy = pool_.settings().identity;
  peer_ = grpc_->context.peer();
  authz::CallerEvidence evidence{.peer = peer_};
  if (!policy.metadata_key.empty()) {
    evidence.asserted = SingleValue(grpc_->context.client_metadata(), policy.metadata_key.c_str());
  }
  CertificateNames names;  // keeps what `evidence` looks at
  if (pool_.settings().client_certificates) {
    names = NamesInCertificate(grpc_->context);
    evidence.spiffe_id = names.spiffe_id;
    evidence.dns_name = names.dns_name;
  }
  authz::ResolveCaller(policy, evidence, &caller_);
}

void DeleteCall::ReadMetadata() {
  const handler::DeleteSettings& settings = pool_.settings();
  const auto& metadata = grpc_->context.client_metadata();
  const std::string_view request_id = SingleValue(metadata, kRequestIdKey);
  if (handler::IsWellFormedRequestId(request_id)) {
    request_id_ = request_id;
  } else {
    pool_.MakeRequestId(&request_id_);
  }
  traceparent_ = SingleValue(metadata, "traceparent");
  if (handler::TraceIdOf(traceparent_).empty()) traceparent_.clear();
  attempted_before_ =
      handler::HasPreviousAttempts(SingleValue(metadata, "grpc-previous-rpc-attempts"));

  header_count_ = 1;  // the first one is the key's
  const auto add = [this](std::string_view name, std::string_view value) {
    std::string& line = header_lines_[header_count_ - 1];
    line.assign(name).append(": ").append(value);
    headers_[header_count_++] = line.c_str();
  };
  if (settings.forward_request_id) add(kRequestIdKey, request_id_);
  if (traceparent_.empty()) return;
  if (settings.forward_traceparent) add("traceparent", traceparent_);
  const std::string_view tracestate = SingleValue(metadata, "tracestate");
  if (settings.forward_traceparent && settings.forward_tracestate &&
      handler::IsWellFormedTracestate(tracestate)) {
    add("tracestate", tracestate);
  }
}

std::optional<handler::ErrorReport> DeleteCall::ReadRequest() {
  grpc::Slice slice;
  const std::optional<handler::InvalidField> invalid = handler::ReadDeleteRequest(
      InOnePiece(grpc_->message, &slice), pool_.settings().id_format, &request_);
  workspace_ = deletion::CanonicalId(request_.workspace_uuid());
  if (!invalid.has_value()) return std::nullopt;
  return handler::ReportOfInvalidField(invalid->field, invalid->expected, request_id_);
}

std::optional<handler::ErrorReport> DeleteCall::HoldAgainstLimits() {
  ratelimit::Limiter& limiter = pool_.limiter();
  if (limiter.is_idle()) return std::nullopt;
  const ratelimit::LimitSubjects subjects{
      .caller = caller_, .workspace = workspace_, .upstream_key = key_->name()};
  const std::int64_t now = ToNanoseconds(arrived_at_);
  const ratelimit::Limiter::Verdict verdict = limiter.Check(subjects, now);
  const ratelimit::RuleSet& rules = limiter.rules();
  would_be_limited_by_ = NamesOf(rules, verdict.shadow_refused);
  if (verdict.refused == 0) {
    limiter.Charge(now);
    return std::nullopt;
  }
  const auto index = static_cast<std::size_t>(verdict.rule);
  const ratelimit::LimitRule& rule = rules.rule(index);
  const std::string_view subject = subjects.Of(rule.by);
  limited_by_ = rule.name;
  return handler::ReportOfLimit({.rule = rule,
                                 .quota = *rules.QuotaOf(index, subject),
                                 .subject = subject,
                                 .wait = ToMilliseconds(verdict.wait)},
                                attempted_before_, request_id_);
}

// Only a well-formed request comes here (access/policy.h says why).
std::optional<handler::ErrorReport> DeleteCall::Authorize() {
  decision_ = pool_.Decide(caller_, workspace_);
  if (decision_ != authz::AccessDecision::kDenied) return std::nullopt;
  return handler::ReportOfDenial(attempted_before_, request_id_);
}

std::chrono::microseconds DeleteCall::UntilDeadline() const {
  const auto until = grpc_->context.deadline() - std::chrono::system_clock::now();
  // gRPC says "no deadline" as one that is centuries away.
  if (until > kLongestDeadline) return pool_.settings().default_timeout;
  return std::chrono::duration_cast<std::chrono::microseconds>(until);
}

std::chrono::microseconds DeleteCall::TimeLeft() const {
  return std::chrono::duration_cast<std::chrono::microseconds>(answer_by_ - Clock::now());
}

void DeleteCall::Send(bool fresh_connection) {
  const auto timeout = handler::SendBudget(TimeLeft(), pool_.settings().upstream_timeout);
  if (timeout <= std::chrono::milliseconds(0)) {
    upstream_.decided = false;
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

void DeleteCall::OnSendDone(const deletion::SendResult& result) {
  transfer_ = nullptr;
  last_send_ = result.timing;
  connection_reused_ = result.connection_reused;
  if (result.resend_stopped) ++resends_stopped_;
  pool_.metrics().OnSendDone(result);

  upstream_.decided = result.fault == deletion::Fault::kNone;
  if (upstream_.decided) {
    upstream_.http_status = result.http_status;
    response_bytes_ = result.body.bytes.size();
    upstream_.body = deletion::ParseErrorBody(result.body);
  }
  const deletion::SendOutcome outcome = deletion::OutcomeOf(result, upstream_.body.kind);
  deletion::RetryHint hint;
  if (upstream_.decided && outcome.code != absl::StatusCode::kOk) {
    upstream_.header_request_id =
        handler::CleanUpstreamText(result.upstream_request_id, key_->secret());
    hint.retry_after = deletion::ParseRetryAfter(result.retry_after, result.retry_after_ms,
                                                 std::chrono::system_clock::now());
    hint.should_retry = ShouldRetry(result.should_retry);
  }

  hint.stale_connection =
      result.fault == deletion::Fault::kConnectionLost && result.connection_reused;
  if (outcome.retry == deletion::Retry::kAfterDelay && hint.retry_after.has_value()) {
    pool_.guard().hold_back(key_->name()).OnRateLimited(Clock::now(), *hint.retry_after);
  }
  // A pool that had one dead connection may have more.
  fresh_connection_ = result.fault != deletion::Fault::kNone;

  const auto time_left = std::chrono::floor<std::chrono::milliseconds>(TimeLeft());
  Next(deletion_->AfterSend(outcome, hint, time_left, pool_.Random(),
                            &pool_.guard().retry_budget()));
}

void DeleteCall::Next(const Deletion::Step& step) {
  if (step.send_again) {
    timer_ = pool_.loop().timers().Add(Clock::now() + step.wait, this);
  } else {
    FinishWith(deletion_->answer());
  }
}

void DeleteCall::OnTimer() {
  timer_.reset();
  const auto held = pool_.guard().hold_back(key_->name()).Remaining(Clock::now());
  if (held > std::chrono::milliseconds(0)) {
    const auto time_left = std::chrono::floor<std::chrono::milliseconds>(TimeLeft());
    Next(deletion_->WhileHeldBack(held, time_left, pool_.Random()));
    return;
  }
  ratelimit::Limiter& limiter = pool_.limiter();
  const std::int64_t wait =
      limiter.is_idle() ? 0 : limiter.TryChargeSend(key_->name(), ToNanoseconds(Clock::now()));
  if (wait > 0) {
    deletion_->StopForRateLimit(ToMilliseconds(wait));
    FinishWith(deletion_->answer());
    return;
  }
  Send(fresh_connection_);
}

void DeleteCall::OnGone(bool /*ok*/) {
  is_gone_ = true;
  if (is_finishing_) {
    LeaveIfOver();
    return;
  }
  // Cancelled, or past its deadline: nobody waits for the answer, but the log and the metrics want
  // one.
  upstream_.decided = false;
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
      UntilDeadline() <= std::chrono::microseconds(0)
          ? deletion_->Abandon(absl::StatusCode::kDeadlineExceeded, "DEADLINE_EXCEEDED", in_flight)
          : deletion_->Abandon(absl::StatusCode::kCancelled, "CALL_CANCELLED", in_flight));
  LeaveIfOver();
}

void DeleteCall::FinishWith(const Deletion::Answer& answer) {
  if (answer.code != absl::StatusCode::kOk) {
    deletion::ErrorBody& body = upstream_.body;
    const std::string_view key = key_->secret();
    body.code = handler::CleanUpstreamText(body.code, key);
    body.message = handler::CleanUpstreamText(body.message, key);
    body.request_id = handler::CleanUpstreamText(body.request_id, key);
    for (deletion::FieldError& error : body.field_errors) {
      error.field = handler::CleanUpstreamText(error.field, key);
      error.description = handler::CleanUpstreamText(error.description, key);
    }
    FinishWith(handler::ReportOf(answer, upstream_, request_id_, request_.eval_run_uuid()));
    return;
  }
  is_finishing_ = true;
  grpc_->context.AddInitialMetadata(kRequestIdKey, request_id_);
  if (answer.certainty != Certainty::kPerformed) {
    const std::string_view name = deletion::CertaintyName(answer.certainty);
    grpc_->context.AddTrailingMetadata("evalrun-deletion", std::string(name));
  }
  grpc_->writer.Finish(EmptyMessage(), grpc::Status::OK, &finished_);
  Report(grpc::StatusCode::OK, "", answer.certainty, answer.sends, answer.retry_stop);
}

void DeleteCall::FinishWith(const handler::ErrorReport& report) {
  is_finishing_ = true;
  if (is_gone_) {
    is_finished_ = true;
  } else {
    // Not in the initial metadata: an error is then trailers alone, and only such a one lets a gRPC
    // client's retry policy retry. Headers would commit the client to this attempt.
    grpc_->context.AddTrailingMetadata(kRequestIdKey, request_id_);
    grpc_->context.AddTrailingMetadata("grpc-retry-pushback-ms",
                                       handler::RetryPushback(report, UntilDeadline()));
    grpc_->writer.FinishWithError(handler::ToStatus(report), &finished_);
  }
  Report(report.code, report.reason, report.certainty, report.sends, report.retry_stop);
}

void DeleteCall::Report(grpc::StatusCode code, std::string_view reason, Certainty certainty,
                        int sends, deletion::RetryStop retry_stop) {
  if (is_admitted_) pool_.guard().Leave();
  const std::string& upstream_request_id =
      upstream_.body.request_id.empty() ? upstream_.header_request_id : upstream_.body.request_id;
  const observability::CallRecord record = {
      .request_id = request_id_,
      .trace_id = handler::TraceIdOf(traceparent_),
      .peer = peer_,
      .caller = caller_,
      .eval_run_uuid =
          std::string_view(request_.eval_run_uuid()).substr(0, observability::kLongestLoggedId),
      .workspace_uuid = std::string_view(workspace_).substr(0, observability::kLongestLoggedId),
      .upstream_key = key_ == nullptr ? std::string_view() : std::string_view(key_->name()),
      .authorization = decision_,
      .code = code,
      .reason = reason,
      .certainty = certainty,
      .sends = sends,
      .retry_stop = retry_stop,
      .limited_by = limited_by_,
      .would_be_limited_by = would_be_limited_by_,
      .resends_stopped = resends_stopped_,
      .http_status = upstream_.http_status,
      .upstream_code = upstream_.body.code,
      .upstream_request_id = upstream_request_id,
      .request_bytes = grpc_->message.Length(),
      .response_bytes = response_bytes_,
      .duration = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - arrived_at_),
      .last_send = last_send_,
      .connection_reused = connection_reused_,
  };
  pool_.metrics().OnCallDone(record);
  const auto now = std::chrono::system_clock::now();
  pool_.access_log().Write(record, now);
  pool_.audit_log().Write(record, now);
}

void DeleteCall::OnFinished(bool /*ok*/) {
  is_finished_ = true;
  LeaveIfOver();
}

void DeleteCall::LeaveIfOver() {
  if (!is_finished_ || !is_gone_) return;
  key_.reset();
  grpc_.reset();
  pool_.OnOver(this);
}

}  // namespace evalrun::grpc_adapter

#include "service/handler/delete_answer.h"

#include <array>
#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/time/time.h>

#include "service/authz/policy.h"

namespace evalrun::handler {
namespace {

struct Sentence {
  std::string_view reason;
  std::string_view text;
};

// For outcomes without an HTTP answer, by our reason.
constexpr std::array<Sentence, 10> kSentences = {{
    {"UPSTREAM_RESOLVE_FAILED", "the name of the upstream could not be resolved"},
    {"UPSTREAM_CONNECT_FAILED", "no connection to the upstream could be made"},
    {"UPSTREAM_TLS_FAILED", "no secure connection to the upstream could be made"},
    {"UPSTREAM_TIMEOUT", "the upstream did not answer in time"},
    {"UPSTREAM_CONNECTION_LOST", "the connection to the upstream was lost"},
    {"UPSTREAM_PROTOCOL_ERROR", "what the upstream sent is not HTTP"},
    {"DEADLINE_TOO_SHORT", "the deadline left no time to ask the upstream"},
    {"DEADLINE_EXCEEDED", "the deadline passed before the upstream had answered"},
    {"CALL_CANCELLED", "the caller cancelled the call"},
    {"GATEWAY_INTERNAL_ERROR", "the gateway could not send the request"},
}};

std::string OurMessage(std::string_view reason, const UpstreamAnswer& upstream) {
  if (upstream.decided) return absl::StrCat("the upstream answered HTTP ", upstream.http_status);
  for (const Sentence& sentence : kSentences) {
    if (sentence.reason == reason) return std::string(sentence.text);
  }
  return "the upstream gave no answer";
}

// Says the uncertainty in words, too.
void AddDoubt(ErrorReport* report) {
  report->message = absl::StrCat("the run may or may not be deleted: ", report->message);
}

// Nothing was sent for it; but the caller's earlier attempts may have been.
ErrorReport NotLetIn(std::string_view reason, std::string message,
                     std::chrono::milliseconds retry_after, bool attempted_before,
                     std::string_view request_id) {
  ErrorReport report;
  report.code = grpc::StatusCode::RESOURCE_EXHAUSTED;
  report.reason = std::string(reason);
  report.message = std::move(message);
  report.request_id = std::string(request_id);
  report.retry_after = retry_after;
  report.wait_is_asked = true;
  if (attempted_before) {
    report.certainty = deletion::Certainty::kUnknown;
    AddDoubt(&report);
  }
  return report;
}

}  // namespace

ErrorReport ReportOf(const deletion::Deletion::Answer& answer, const UpstreamAnswer& upstream,
                     std::string_view request_id, std::string_view eval_run_uuid) {
  ErrorReport report;
  report.code = static_cast<grpc::StatusCode>(answer.code);
  report.reason = std::string(answer.reason);
  report.certainty = answer.certainty;
  report.sends = answer.sends;
  report.retry_after = answer.retry_after;
  report.wait_is_asked = answer.wait_is_asked;
  report.retry_stop = answer.retry_stop;
  report.request_id = std::string(request_id);
  report.eval_run_uuid = std::string(eval_run_uuid);
  report.http_status = upstream.http_status;
  report.upstream_request_id =
      upstream.body.request_id.empty() ? upstream.header_request_id : upstream.body.request_id;
  report.upstream_code = upstream.body.code;
  report.message = OurMessage(answer.reason, upstream);
  if (upstream.decided) {
    report.field_errors = upstream.body.field_errors;
    if (!upstream.body.message.empty()) report.message = upstream.body.message;
    // An answer of 2xx with the API's error in it contradicts itself: the reason stays ours.
    if (upstream.body.kind == deletion::BodyKind::kApiError && upstream.http_status >= 400) {
      const std::string reason = ReasonOfCode(upstream.body.code);
      if (!reason.empty()) report.reason = reason;
      report.domain = kUpstreamDomain;
    }
  }
  if (report.certainty == deletion::Certainty::kUnknown) AddDoubt(&report);
  return report;
}

ErrorReport ReportOfRefusal(const deletion::UpstreamGuard::Refused& refused, bool attempted_before,
                            std::string_view request_id) {
  return NotLetIn(deletion::RefusalReason(refused.refusal),
                  refused.refusal == deletion::Refusal::kInFlightCap
                      ? "too many calls are under way to the upstream"
                      : "the upstream has asked to be left alone for a while",
                  refused.retry_after, attempted_before, request_id);
}

ErrorReport ReportOfLimit(const Limited& limited, bool attempted_before,
                          std::string_view request_id) {
  const std::string& name = limited.rule.name;
  ErrorReport report =
      NotLetIn("RATE_LIMITED", absl::StrCat("the limit ", name, " has no room for this call"),
               limited.wait, attempted_before, request_id);
  report.limited_by = name;
  report.limited_subject = std::string(ratelimit::LimitedByName(limited.rule.by));
  if (!limited.subject.empty()) report.limited_subject.append(":").append(limited.subject);
  report.limit = absl::StrCat("the limit ", name, " lets in a call every ",
                              absl::FormatDuration(absl::Nanoseconds(limited.quota.interval)),
                              ", and up to ", limited.quota.burst, " at once");
  return report;
}

ErrorReport ReportOfDenial(bool attempted_before, std::string_view request_id) {
  ErrorReport report;
  if (attempted_before) report.certainty = deletion::Certainty::kUnknown;
  report.code = grpc::StatusCode::PERMISSION_DENIED;
  report.reason = std::string(authz::kCallerNotAllowed);
  report.request_id = std::string(request_id);
  report.message = "this caller may not delete in this workspace";
  if (attempted_before) AddDoubt(&report);
  return report;
}

ErrorReport ReportOfInvalidField(std::string_view field, std::string_view expectation,
                                 std::string_view request_id) {
  ErrorReport report;
  report.code = grpc::StatusCode::INVALID_ARGUMENT;
  report.reason = field.empty() ? "MALFORMED_MESSAGE" : "INVALID_FIELD";
  report.request_id = std::string(request_id);
  const std::string subject = field.empty() ? "the message" : std::string(field);
  const std::string description = absl::StrCat("must be ", std::string(expectation));
  report.message = absl::StrCat(subject, " ", description);
  report.field_errors.push_back({std::string(field), description});
  return report;
}

}  // namespace evalrun::handler

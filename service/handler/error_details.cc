#include "service/handler/error_details.h"

#include <algorithm>
#include <string>

#include <google/protobuf/util/time_util.h>
#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>

#include "rest_backend/deletion/utf8.h"

namespace evalrun::handler {
namespace {

using google::protobuf::util::TimeUtil;

constexpr std::size_t kLongestText = 512;
constexpr std::size_t kShortestText = 32;
constexpr std::size_t kLongestReason = 63;  // AIP-193

bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

std::string Cut(std::string_view text, std::size_t longest) {
  return std::string(deletion::Utf8Prefix(text, longest));
}

google::rpc::ErrorInfo MakeErrorInfo(const ErrorReport& report, std::size_t longest) {
  google::rpc::ErrorInfo info;
  info.set_reason(report.reason);
  info.set_domain(std::string(report.domain));
  auto& metadata = *info.mutable_metadata();
  metadata["deletion"] = std::string(deletion::CertaintyName(report.certainty));
  metadata["sends"] = std::to_string(report.sends);
  if (report.http_status != 0) metadata["http_status"] = std::to_string(report.http_status);
  if (report.retry_stop != deletion::RetryStop::kNone) {
    metadata["retry_stopped"] = std::string(deletion::RetryStopName(report.retry_stop));
  }
  if (!report.limited_by.empty()) metadata["limited_by"] = report.limited_by;
  if (!report.upstream_code.empty()) {
    metadata["upstream_code"] = Cut(report.upstream_code, longest);
  }
  if (!report.upstream_request_id.empty()) {
    metadata["upstream_request_id"] = Cut(report.upstream_request_id, longest);
  }
  return info;
}

google::rpc::Status MakeDetails(const ErrorReport& report, std::size_t longest) {
  google::rpc::Status status;
  status.set_code(report.code);
  status.set_message(Cut(report.message, longest));
  status.add_details()->PackFrom(MakeErrorInfo(report, longest));

  google::rpc::RequestInfo request_info;
  request_info.set_request_id(report.request_id);
  status.add_details()->PackFrom(request_info);

  if (report.retry_after.has_value()) {
    google::rpc::RetryInfo retry_info;
    *retry_info.mutable_retry_delay() =
        TimeUtil::MillisecondsToDuration(report.retry_after->count());
    status.add_details()->PackFrom(retry_info);
  }
  if (!report.limited_by.empty()) {
    google::rpc::QuotaFailure quota_failure;
    auto* violation = quota_failure.add_violations();
    violation->set_subject(Cut(report.limited_subject, longest));
    violation->set_description(Cut(report.limit, longest));
    status.add_details()->PackFrom(quota_failure);
  }
  if (report.code == grpc::StatusCode::INVALID_ARGUMENT) {
    google::rpc::BadRequest bad_request;
    for (const deletion::FieldError& error : report.field_errors) {
      auto* violation = bad_request.add_field_violations();
      violation->set_field(Cut(error.field, longest));
      violation->set_description(Cut(error.description, longest));
    }
    status.add_details()->PackFrom(bad_request);
  }
  if (report.code == grpc::StatusCode::NOT_FOUND) {
    google::rpc::ResourceInfo resource_info;
    resource_info.set_resource_type("aymara.evals.v1.EvalRun");
    resource_info.set_resource_name(Cut(report.eval_run_uuid, longest));
    status.add_details()->PackFrom(resource_info);
  }
  return status;
}

// gRPC over HTTP/2, "Status-Message": all but printable ASCII, and the percent sign, becomes %XX.
std::size_t PercentEncodedBytes(std::string_view text) {
  std::size_t bytes = 0;
  for (const char c : text) bytes += c < 0x20 || c > 0x7E || c == '%' ? 3 : 1;
  return bytes;
}

std::size_t Base64Bytes(std::size_t bytes) { return (bytes + 2) / 3 * 4; }

}  // namespace

std::string ReasonOfCode(std::string_view upstream_code) {
  std::string reason;
  for (const char c : upstream_code) {
    if (c >= 'a' && c <= 'z') {
      reason += static_cast<char>(c - 'a' + 'A');
    } else if (IsUpper(c) || IsDigit(c)) {
      reason += c;
    } else if (c == '.' || c == '_' || c == '-' || c == ' ') {
      reason += '_';
    } else {
      return {};
    }
  }
  // [A-Z][A-Z0-9_]+[A-Z0-9]
  const bool well_formed = reason.size() >= 3 && reason.size() <= kLongestReason &&
                           IsUpper(reason.front()) && reason.back() != '_';
  return well_formed ? reason : std::string();
}

grpc::Status ToStatus(const ErrorReport& report) {
  for (std::size_t longest = kLongestText;; longest /= 2) {
    const google::rpc::Status details = MakeDetails(report, longest);
    grpc::Status status(report.code, details.message(), details.SerializeAsString());
    if (EncodedBytes(status) < kMostEncodedBytes || longest <= kShortestText) return status;
  }
}

std::string RetryPushback(const ErrorReport& report, std::chrono::microseconds until_deadline) {
  if (!report.wait_is_asked || !report.retry_after.has_value()) return "-1";
  if (report.sends > 1 || report.retry_stop == deletion::RetryStop::kBudget) return "-1";
  if (*report.retry_after >= until_deadline) return "-1";
  return std::to_string(report.retry_after->count());
}

std::size_t EncodedBytes(const grpc::Status& status) {
  return PercentEncodedBytes(status.error_message()) + Base64Bytes(status.error_details().size());
}

}  // namespace evalrun::handler

// SPDX-License-Identifier: Apache-2.0

#include "service/handler/error_details.h"

#include <algorithm>
#include <string>
#include <utility>

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/time_util.h>
#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>

#include "rest_backend/deletion/utf8.h"

namespace evalrun::handler {
namespace {

using google::protobuf::util::TimeUtil;

constexpr std::size_t kMaxTextBytes = 512;
constexpr std::size_t kMinTextBytes = 32;
constexpr std::size_t kMaxReasonLength = 63;  // AIP-193

bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

std::string Truncate(std::string_view text, std::size_t max_bytes) {
  return std::string(deletion::Utf8Prefix(text, max_bytes));
}

google::rpc::ErrorInfo MakeErrorInfo(const CallError& call_error, std::size_t max_bytes) {
  google::rpc::ErrorInfo info;
  info.set_reason(call_error.reason);
  info.set_domain(std::string(call_error.domain));
  auto& metadata = *info.mutable_metadata();
  metadata["deletion"] = std::string(deletion::CertaintyName(call_error.certainty));
  metadata["sends"] = std::to_string(call_error.attempts);
  if (call_error.http_status != 0) metadata["http_status"] = std::to_string(call_error.http_status);
  if (call_error.proxy_status != 0) {
    metadata["proxy_status"] = std::to_string(call_error.proxy_status);
  }
  if (call_error.retry_stop != deletion::RetryStop::kNone) {
    metadata["retry_stopped"] = std::string(deletion::RetryStopName(call_error.retry_stop));
  }
  if (!call_error.caller.empty()) metadata["caller"] = Truncate(call_error.caller, max_bytes);
  if (!call_error.limited_by.empty()) metadata["limited_by"] = call_error.limited_by;
  if (!call_error.upstream_code.empty()) {
    metadata["upstream_code"] = Truncate(call_error.upstream_code, max_bytes);
  }
  if (!call_error.upstream_request_id.empty()) {
    metadata["upstream_request_id"] = Truncate(call_error.upstream_request_id, max_bytes);
  }
  return info;
}

void AddDetail(const google::protobuf::Message& detail, google::rpc::Status* status) {
  // It fails for a message with required fields alone, which proto3 has not.
  static_cast<void>(status->add_details()->PackFrom(detail));
}

google::rpc::Status MakeDetails(const CallError& call_error, std::size_t max_bytes) {
  google::rpc::Status status;
  status.set_code(static_cast<int>(call_error.code));
  status.set_message(Truncate(call_error.message, max_bytes));
  AddDetail(MakeErrorInfo(call_error, max_bytes), &status);

  google::rpc::RequestInfo request_info;
  request_info.set_request_id(call_error.request_id);
  AddDetail(request_info, &status);

  if (call_error.retry_after.has_value()) {
    google::rpc::RetryInfo retry_info;
    *retry_info.mutable_retry_delay() =
        TimeUtil::MillisecondsToDuration(call_error.retry_after->count());
    AddDetail(retry_info, &status);
  }
  if (!call_error.limited_by.empty()) {
    google::rpc::QuotaFailure quota_failure;
    auto* violation = quota_failure.add_violations();
    violation->set_subject(Truncate(call_error.limited_subject, max_bytes));
    violation->set_description(Truncate(call_error.limit, max_bytes));
    AddDetail(quota_failure, &status);
  }
  if (call_error.code == absl::StatusCode::kInvalidArgument) {
    google::rpc::BadRequest bad_request;
    for (const deletion::FieldError& error : call_error.field_errors) {
      auto* violation = bad_request.add_field_violations();
      violation->set_field(Truncate(error.field, max_bytes));
      violation->set_description(Truncate(error.description, max_bytes));
    }
    AddDetail(bad_request, &status);
  }
  if (call_error.code == absl::StatusCode::kNotFound) {
    google::rpc::ResourceInfo resource_info;
    resource_info.set_resource_type("aymara.evals.v1.EvalRun");
    resource_info.set_resource_name(Truncate(call_error.eval_run_uuid, max_bytes));
    AddDetail(resource_info, &status);
  }
  if (call_error.missing_workspace.has_value()) {
    google::rpc::ResourceInfo resource_info;
    resource_info.set_resource_type("aymara.evals.v1.Workspace");
    resource_info.set_resource_name(Truncate(*call_error.missing_workspace, max_bytes));
    AddDetail(resource_info, &status);
  }
  return status;
}

// Numbers become doubles. Empty for what is no JSON object.
std::optional<google::protobuf::Struct> ToStruct(const std::string& json) {
  if (json.empty()) return std::nullopt;
  google::protobuf::Struct details;
  if (!google::protobuf::util::JsonStringToMessage(json, &details).ok()) return std::nullopt;
  return details;
}

EncodedError Encode(const google::rpc::Status& status) {
  return {.message = status.message(), .details = status.SerializeAsString()};
}

// gRPC over HTTP/2, "Status-Message": all but printable ASCII, and the percent sign, becomes %XX.
std::size_t PercentEncodedBytes(std::string_view text) {
  std::size_t bytes = 0;
  for (const char c : text) bytes += c < 0x20 || c > 0x7E || c == '%' ? 3 : 1;
  return bytes;
}

std::size_t Base64Bytes(std::size_t bytes) { return (bytes + 2) / 3 * 4; }

}  // namespace

std::string ToReason(std::string_view upstream_code) {
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
  const bool well_formed = reason.size() >= 3 && reason.size() <= kMaxReasonLength &&
                           IsUpper(reason.front()) && reason.back() != '_';
  return well_formed ? reason : std::string();
}

EncodedError EncodeError(const CallError& call_error) {
  for (std::size_t max_bytes = kMaxTextBytes;; max_bytes /= 2) {
    google::rpc::Status status = MakeDetails(call_error, max_bytes);
    EncodedError error = Encode(status);
    if (EncodedBytes(error) >= kMaxEncodedBytes && max_bytes > kMinTextBytes) continue;
    const auto upstream_details = ToStruct(call_error.upstream_details);
    if (!upstream_details.has_value()) return error;
    AddDetail(*upstream_details, &status);
    EncodedError with_upstream_details = Encode(status);
    return EncodedBytes(with_upstream_details) < kMaxEncodedBytes ? with_upstream_details : error;
  }
}

std::string RetryPushback(const CallError& call_error, std::chrono::microseconds until_deadline) {
  if (!call_error.retry_after_is_explicit || !call_error.retry_after.has_value()) return "-1";
  if (call_error.attempts > 1 || call_error.retry_stop == deletion::RetryStop::kBudget) return "-1";
  if (*call_error.retry_after >= until_deadline) return "-1";
  return std::to_string(call_error.retry_after->count());
}

bool ForbidsProxyRetry(const CallError& call_error, std::string_view pushback) {
  return pushback.starts_with('-') || call_error.certainty == deletion::Certainty::kUnknown;
}

std::size_t EncodedBytes(const EncodedError& error) {
  return PercentEncodedBytes(error.message) + Base64Bytes(error.details.size());
}

}  // namespace evalrun::handler

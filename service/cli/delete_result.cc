// SPDX-License-Identifier: Apache-2.0

#include "service/cli/delete_result.h"

#include <algorithm>
#include <cstdint>

#include <google/protobuf/any.pb.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace evalrun::cli {
namespace {

std::chrono::milliseconds ToMilliseconds(const google::protobuf::Duration& duration) {
  // A year: as good as any longer wait, and far from an overflow in nanoseconds.
  constexpr std::int64_t kMaxSeconds = 31'556'952;
  const std::int64_t seconds = std::clamp<std::int64_t>(duration.seconds(), 0, kMaxSeconds);
  const std::int64_t nanos = std::clamp<std::int64_t>(duration.nanos(), 0, 999'999'999);
  // Rounded up: RetryInfo forbids retrying too early.
  return std::chrono::ceil<std::chrono::milliseconds>(std::chrono::seconds(seconds) +
                                                      std::chrono::nanoseconds(nanos));
}

void ReadErrorInfo(const google::rpc::ErrorInfo& info, DeleteResult* report) {
  report->has_details = true;
  report->reason = info.reason();
  report->domain = info.domain();
  const auto value = [&info](const char* key) {
    const auto it = info.metadata().find(key);
    return it == info.metadata().end() ? std::string() : it->second;
  };
  if (const std::string deletion = value("deletion"); !deletion.empty()) {
    report->deletion = deletion;
  }
  report->attempts = value("sends");
  report->http_status = value("http_status");
  report->upstream_code = value("upstream_code");
  report->upstream_request_id = value("upstream_request_id");
  report->limited_by = value("limited_by");
  report->caller = value("caller");
}

void ReadDetail(const google::protobuf::Any& any, DeleteResult* report) {
  if (google::rpc::ErrorInfo info; any.UnpackTo(&info)) {
    ReadErrorInfo(info, report);
  } else if (google::rpc::RequestInfo request; any.UnpackTo(&request)) {
    report->request_id = request.request_id();
  } else if (google::rpc::RetryInfo retry; any.UnpackTo(&retry)) {
    report->retry_after = ToMilliseconds(retry.retry_delay());
  } else if (google::rpc::BadRequest bad_request; any.UnpackTo(&bad_request)) {
    for (const auto& violation : bad_request.field_violations()) {
      report->field_violations.push_back({violation.field(), violation.description()});
    }
  } else if (google::rpc::QuotaFailure quota; any.UnpackTo(&quota)) {
    for (const auto& violation : quota.violations()) {
      report->quota_violations.push_back({violation.subject(), violation.description()});
    }
  } else if (google::rpc::ResourceInfo resource; any.UnpackTo(&resource)) {
    report->resource =
        Resource{resource.resource_type(), resource.resource_name(), resource.description()};
  } else if (google::protobuf::Struct details; any.UnpackTo(&details)) {
    std::string json;
    if (google::protobuf::util::MessageToJsonString(details, &json).ok()) {
      report->upstream_details = json;
    }
  }
}

DeleteResult MakeUnsentResult(const DeleteRequest& request, const Connection& connection,
                              absl::StatusCode code, const char* reason,
                              const std::string& message) {
  DeleteResult report;
  report.request = request;
  report.connection = connection;
  report.code = code;
  report.message = message;
  report.deletion = "not_performed";
  report.reason = reason;
  report.domain = "evalrunctl";
  report.request_id = request.request_id;
  return report;
}

}  // namespace

DeleteResult ParseResponse(const DeleteRequest& request, const Connection& connection,
                           const RpcResponse& reply) {
  DeleteResult report;
  report.request = request;
  report.connection = connection;
  report.code = reply.code;
  report.message = reply.message;
  report.request_id = reply.request_id;
  if (reply.code == absl::StatusCode::kOk) {
    report.deletion = reply.deletion.empty() ? "performed" : reply.deletion;
    return report;
  }
  report.deletion = "unknown";
  if (google::rpc::Status status; status.ParseFromString(reply.details)) {
    for (const auto& detail : status.details()) ReadDetail(detail, &report);
  }
  return report;
}

DeleteResult MakeConnectFailure(const DeleteRequest& request, const Connection& connection,
                                const std::string& message) {
  return MakeUnsentResult(request, connection, absl::StatusCode::kUnavailable, kConnectFailed,
                          message);
}

DeleteResult MakeNotAttempted(const DeleteRequest& request, const Connection& connection,
                              const std::string& message) {
  return MakeUnsentResult(request, connection, absl::StatusCode::kCancelled, kNotAttempted,
                          message);
}

}  // namespace evalrun::cli

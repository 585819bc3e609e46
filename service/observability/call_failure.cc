// SPDX-License-Identifier: Apache-2.0

#include "service/observability/call_failure.h"

namespace evalrun::observability {

using absl::StatusCode;

bool CanBeFailure(StatusCode code) {
  switch (code) {
    case StatusCode::kUnknown:
    case StatusCode::kDeadlineExceeded:
    case StatusCode::kPermissionDenied:
    case StatusCode::kResourceExhausted:
    case StatusCode::kUnimplemented:
    case StatusCode::kInternal:
    case StatusCode::kUnavailable:
    case StatusCode::kDataLoss:
    case StatusCode::kUnauthenticated:
      return true;
    default:
      return false;
  }
}

bool IsFailure(const CallRecord& record) {
  switch (record.code) {
    case StatusCode::kPermissionDenied:
      return IsForbiddenByUpstream(record);
    case StatusCode::kResourceExhausted:
      return record.limited_by.empty();
    default:
      return CanBeFailure(record.code);
  }
}

bool IsForbiddenByUpstream(const CallRecord& record) {
  return record.code == StatusCode::kPermissionDenied &&
         record.authorization != authz::AccessDecision::kDenied;
}

}  // namespace evalrun::observability

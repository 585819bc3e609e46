// SPDX-License-Identifier: Apache-2.0

#include "service/observability/status_code_name.h"

#include <array>
#include <cstddef>

namespace evalrun::observability {
namespace {

struct StatusCodeNames {
  std::string_view name;
  std::string_view label;
};

// By code.
constexpr std::array<StatusCodeNames, kStatusCodeCount> kNames = {{
    {"OK", "OK"},
    {"CANCELLED", "Canceled"},
    {"UNKNOWN", "Unknown"},
    {"INVALID_ARGUMENT", "InvalidArgument"},
    {"DEADLINE_EXCEEDED", "DeadlineExceeded"},
    {"NOT_FOUND", "NotFound"},
    {"ALREADY_EXISTS", "AlreadyExists"},
    {"PERMISSION_DENIED", "PermissionDenied"},
    {"RESOURCE_EXHAUSTED", "ResourceExhausted"},
    {"FAILED_PRECONDITION", "FailedPrecondition"},
    {"ABORTED", "Aborted"},
    {"OUT_OF_RANGE", "OutOfRange"},
    {"UNIMPLEMENTED", "Unimplemented"},
    {"INTERNAL", "Internal"},
    {"UNAVAILABLE", "Unavailable"},
    {"DATA_LOSS", "DataLoss"},
    {"UNAUTHENTICATED", "Unauthenticated"},
}};

const StatusCodeNames& FindNames(absl::StatusCode code) {
  const auto index = static_cast<std::size_t>(code);
  return index < kNames.size() ? kNames[index]
                               : kNames[static_cast<std::size_t>(absl::StatusCode::kUnknown)];
}

}  // namespace

std::string_view StatusCodeName(absl::StatusCode code) { return FindNames(code).name; }
std::string_view StatusCodeLabel(absl::StatusCode code) { return FindNames(code).label; }

}  // namespace evalrun::observability

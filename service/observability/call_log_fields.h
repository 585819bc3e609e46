// SPDX-License-Identifier: Apache-2.0
//
// File: call_log_fields.h
//
// The fields that the access log and the audit log have in common.
#ifndef EVALRUN_SERVICE_OBSERVABILITY_CALL_LOG_FIELDS_H_
#define EVALRUN_SERVICE_OBSERVABILITY_CALL_LOG_FIELDS_H_

#include <chrono>
#include <string_view>

#include "service/observability/call_record.h"
#include "service/observability/json_line.h"

namespace evalrun::observability {

// Starts a line: the time, the event, and who calls for what.
void AppendCallFields(const CallRecord& record, std::chrono::system_clock::time_point now,
                      std::string_view level, std::string_view event, JsonLine* line);

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_CALL_LOG_FIELDS_H_

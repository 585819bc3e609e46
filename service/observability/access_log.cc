// SPDX-License-Identifier: Apache-2.0

#include "service/observability/access_log.h"

#include <cstdint>

#include "service/observability/call_failure.h"
#include "service/observability/call_log_fields.h"
#include "service/observability/json_line.h"
#include "service/observability/status_code_name.h"

namespace evalrun::observability {

spdlog::level::level_enum ToSeverity(const CallRecord& record) {
  if (IsUnrecognized404(record)) return spdlog::level::err;      // the base path or an ingress
  if (IsForbiddenByUpstream(record)) return spdlog::level::err;  // our API key may not delete
  switch (record.code) {
    case absl::StatusCode::kUnauthenticated:  // the upstream refused the API key
    case absl::StatusCode::kUnimplemented:    // the base path is wrong
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnknown:
      return spdlog::level::err;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return spdlog::level::warn;
    default:
      break;
  }
  return record.certainty == deletion::Certainty::kUnknown ? spdlog::level::warn
                                                           : spdlog::level::info;
}

std::string_view FormatAccessLine(const CallRecord& record,
                                  std::chrono::system_clock::time_point now, std::string* buffer) {
  JsonLine line(buffer);
  const auto level = spdlog::level::to_string_view(ToSeverity(record));
  AppendCallFields(record, now, {level.data(), level.size()}, "call", &line);
  if (record.authorization == authz::AccessDecision::kDryRunDenied) {
    line.Text("authorization", authz::AccessDecisionName(record.authorization));
  }
  line.OptionalText("upstream_key", record.upstream_key)
      .Text("rpc.response.status_code", StatusCodeName(record.code))
      .OptionalText("reason", record.reason)
      .Text("deletion", deletion::CertaintyName(record.certainty))
      .Number("sends", record.attempts)
      .OptionalText("retry_stopped", deletion::RetryStopName(record.retry_stop))
      .OptionalText("limited_by", record.limited_by)
      .OptionalText("would_be_limited_by", record.would_be_limited_by);
  if (record.http_status != 0) line.Number("http.response.status_code", record.http_status);
  if (record.proxy_status != 0) line.Number("upstream.proxy_status", record.proxy_status);
  line.OptionalText("upstream_code", record.upstream_code)
      .OptionalText("upstream_request_id", record.upstream_request_id)
      .Number("rpc.request.size", static_cast<std::int64_t>(record.request_bytes));
  if (record.http_status != 0) {
    line.Number("http.response.body.size", static_cast<std::int64_t>(record.response_bytes));
  }
  line.Seconds("duration", record.duration);
  if (record.attempts > 0) {
    line.Seconds("upstream.connect_duration", record.last_attempt_timing.connect)
        .Seconds("upstream.first_byte_duration", record.last_attempt_timing.first_byte)
        .Seconds("upstream.duration", record.last_attempt_timing.total)
        .Bool("upstream.connection_reused", record.connection_reused);
  }
  if (record.suppressed_duplicates > 0)
    line.Number("resends_stopped", record.suppressed_duplicates);
  return line.Finish();
}

// Evenly distributed: out of every 100 lines, ok_sample_percent are written.
bool AccessLog::IsSampled() {
  sampled_percent_ += options_.ok_sample_percent;
  if (sampled_percent_ < 100) return false;
  sampled_percent_ -= 100;
  return true;
}

bool AccessLog::CanLogRejection(std::chrono::system_clock::time_point now) {
  const auto second = std::chrono::floor<std::chrono::seconds>(now);
  if (second != rejections_second_) {
    rejections_second_ = second;
    rejections_ = 0;
  }
  if (++rejections_ <= kMaxRejectionsPerSecond) return true;
  ++rejections_omitted_;
  return false;
}

void AccessLog::Write(const CallRecord& record, std::chrono::system_clock::time_point now) {
  const spdlog::level::level_enum level = ToSeverity(record);
  if (recent_ != nullptr) recent_->Add(record, now);
  if (!options_.enabled || !logger_->should_log(level)) return;
  if (record.code == absl::StatusCode::kOk && !IsSampled()) return;
  if (!record.limited_by.empty() && !CanLogRejection(now)) return;
  const std::string_view line = FormatAccessLine(record, now, &buffer_);
  logger_->log(level, spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace evalrun::observability

// SPDX-License-Identifier: Apache-2.0

#include "service/observability/audit_log.h"

#include <string>

#include "service/observability/call_log_fields.h"
#include "service/observability/json_line.h"
#include "service/observability/status_code_name.h"

namespace evalrun::observability {

std::string_view FormatAuditLine(const CallRecord& record,
                                 std::chrono::system_clock::time_point now, std::string* buffer) {
  JsonLine line(buffer);
  AppendCallFields(record, now, "info", "audit", &line);
  line.OptionalText("authorization", authz::AccessDecisionName(record.authorization))
      .OptionalText("upstream_key", record.upstream_key)
      .Text("rpc.response.status_code", StatusCodeName(record.code))
      .OptionalText("reason", record.reason)
      .Text("deletion", deletion::CertaintyName(record.certainty))
      .Number("sends", record.attempts)
      .OptionalText("upstream_request_id", record.upstream_request_id);
  return line.Finish();
}

std::string_view FormatIntentLine(const CallRecord& record,
                                  std::chrono::system_clock::time_point now, std::string* buffer) {
  JsonLine line(buffer);
  AppendCallFields(record, now, "info", "audit_intent", &line);
  line.OptionalText("authorization", authz::AccessDecisionName(record.authorization))
      .OptionalText("upstream_key", record.upstream_key);
  return line.Finish();
}

AuditLog::AuditLog(prometheus::Registry* registry, const EventLog* events)
    : events_(*events),
      dropped_(prometheus::BuildCounter()
                   .Name("gateway_audit_lines_dropped_total")
                   .Help("Audit lines that could not be written to their file, or were written to "
                         "one that was deleted.")
                   .Register(*registry)
                   .Add({})),
      unavailable_metric_(prometheus::BuildGauge()
                              .Name("gateway_audit_file_unavailable")
                              .Help("1 while the path of the audit file cannot be opened anew: "
                                    "lines go to the file that was moved away.")
                              .Register(*registry)
                              .Add({})) {}

absl::StatusOr<std::unique_ptr<AuditLog>> AuditLog::Open(const Options& options,
                                                         std::shared_ptr<LineSink> log_sink,
                                                         prometheus::Registry* registry,
                                                         const EventLog* events) {
  std::unique_ptr<AuditLog> log(new AuditLog(registry, events));
  if (options.to == "off") return log;
  if (options.to != "log") {
    auto file = AuditFile::Open(options.to);
    if (!file.ok()) return file.status();
    log->file_ = *std::move(file);
    log_sink = log->file_sink_ = std::make_shared<LineSink>(log->file_->fd(), options.buffer_bytes);
  }
  log->logger_ = std::make_shared<spdlog::logger>("audit", std::move(log_sink));
  return log;
}

void AuditLog::Write(const CallRecord& record, std::chrono::system_clock::time_point now) {
  if (logger_ == nullptr) return;
  const std::string_view line = FormatAuditLine(record, now, &buffer_);
  logger_->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
}

void AuditLog::OnIntents(IntentCallback callback) {
  file_sink_->SetReceiptCallback(
      [this] { generation_ = file_->generation(); },
      [this, callback = std::move(callback)](std::vector<LineReceipt> receipts) {
        // In this order: a file that is replaced meanwhile has another generation.
        const bool is_deleted = file_->IsDeleted();
        if (is_deleted || generation_ % 2 != 0 || generation_ != file_->generation()) {
          for (LineReceipt& receipt : receipts) receipt.written = false;
        }
        callback(receipts);
      });
}

void AuditLog::WriteIntent(const CallRecord& record, std::chrono::system_clock::time_point now,
                           std::uint64_t id) {
  file_sink_->LogTracked(FormatIntentLine(record, now, &buffer_), id);
}

void AuditLog::StartMaintenance() {
  if (file_ == nullptr) return;
  maintenance_.emplace([this](bool reopen_requested) { RunMaintenance(reopen_requested); });
}

void AuditLog::RequestReopen() {
  if (maintenance_.has_value()) maintenance_->Request();
}

void AuditLog::RunMaintenance(bool force_reopen) {
  if (file_ == nullptr) return;
  const bool was_deleted = file_->IsDeleted();
  ReopenIfNeeded(force_reopen);
  ReportDeletedLines(was_deleted);
}

bool AuditLog::Close() {
  if (file_ == nullptr) return true;
  const bool is_written = file_sink_->Close();
  // A file that has not responded until now does not deserve another second.
  const std::chrono::seconds timeout(is_written ? 1 : 0);
  if (maintenance_.has_value() && !maintenance_->Stop(timeout)) return false;
  maintenance_.reset();
  if (is_written) ReportDeletedLines(file_->IsDeleted());
  return is_written;
}

void AuditLog::ReopenIfNeeded(bool force_reopen) {
  if (!force_reopen && !file_->IsPathReplaced()) return;
  const absl::Status status = file_->Reopen();
  const bool was_unavailable = std::exchange(unavailable_, !status.ok());
  unavailable_metric_.Set(unavailable_ ? 1 : 0);
  if (status.ok()) {
    events_.Write(spdlog::level::info, "audit_file_opened");
  } else if (!was_unavailable) {
    events_.Write(spdlog::level::err, "audit_file_lost", {{"reason", status.ToString()}});
  }
}

// `was_deleted`: whether the file was deleted before it was reopened. Which lines of the last
// second came after that is not known: all of them count.
void AuditLog::ReportDeletedLines(bool was_deleted) {
  const std::uint64_t written = file_sink_->written_lines();
  const std::uint64_t written_since = written - std::exchange(written_before_, written);
  if (was_deleted) ReportLostLines(written_since);
}

void AuditLog::ReportDroppedLines() {
  if (file_sink_ == nullptr) return;
  const std::uint64_t dropped = file_sink_->dropped_lines();
  ReportLostLines(dropped - std::exchange(dropped_reported_, dropped));
}

void AuditLog::ReportLostLines(std::uint64_t lines) {
  if (lines == 0) return;
  dropped_.Increment(static_cast<double>(lines));
  events_.Write(spdlog::level::err, "audit_lines_lost", {{"lines", std::to_string(lines)}});
}

}  // namespace evalrun::observability

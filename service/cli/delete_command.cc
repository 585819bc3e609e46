// SPDX-License-Identifier: Apache-2.0

#include "service/cli/delete_command.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <absl/status/status.h>
#include <fmt/format.h>

#include "service/cli/done_file.h"
#include "service/cli/gateway_call.h"
#include "service/cli/id_list.h"
#include "service/cli/interrupt_signal.h"
#include "service/cli/progress_display.h"
#include "service/cli/read_all.h"
#include "service/cli/remaining_ids_file.h"
#include "service/cli/render.h"
#include "service/cli/run_deletes.h"
#include "service/cli/standard_output.h"
#include "service/cli/summary.h"
#include "service/cli/tally.h"
#include "service/cli/text.h"
#include "service/cli/write_all.h"

namespace evalrun::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Errors are ignored: there is nowhere to report that standard error cannot be written.
void WriteStderr(const std::string& text) { static_cast<void>(WriteAll(STDERR_FILENO, text)); }

// `error` is a sentence without its full stop, or empty.
void WriteError(const std::string& error) {
  if (!error.empty()) WriteStderr(fmt::format("evalrunctl: {}.\n", Printable(error)));
}

int PrintUsageError(const std::string& sentences) {
  WriteStderr(fmt::format("evalrunctl: {}\n", sentences));
  return kExitUsage;
}

// Reads a whole file; nullptr is standard input. Returns 0, or the errno.
int ReadListFile(const char* path, std::string* text) {
  if (path == nullptr) return ReadAll(STDIN_FILENO, text);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  const int error = ReadAll(fd, text);
  close(fd);  // nothing was written
  return error;
}

// Reads all ids, before any is sent. Returns an error message, or nullopt.
std::optional<std::string> ReadIds(const DeleteCommand& command, IdList* list) {
  for (std::size_t i = 0; i < command.ids.size(); ++i) {
    list->Add(command.ids[i], fmt::format("argument {}", i + 1));
  }
  if (!command.from_file.empty()) {
    const bool is_stdin = command.from_file == "-";
    const std::string name = is_stdin ? "standard input" : command.from_file;
    std::string text;
    if (const int error = ReadListFile(is_stdin ? nullptr : command.from_file.c_str(), &text);
        error != 0) {
      return fmt::format("cannot read {}, so nothing was sent: {}", Printable(name),
                         std::generic_category().message(error));
    }
    if (auto objection = list->AddLines(text, name, command.allow_empty); objection.has_value()) {
      return *objection + ".";
    }
  }
  const std::string mistakes = list->DescribeErrors();
  if (mistakes.empty()) return std::nullopt;
  return fmt::format("nothing was deleted, because these are no ids:\n{}{}", mistakes,
                     command.opaque_ids ? "" : " If the gateway takes others, add --opaque-ids.");
}

class DeleteJob {
 public:
  DeleteJob(const DeleteCommand& command, std::vector<std::string> ids, DoneFile* done_file)
      : command_(command),
        ids_(std::move(ids)),
        done_file_(done_file),
        schedule_(command.policy, ids_.size()),
        start_(steady_clock::now()),
        display_(start_) {}

  void MarkPossiblyDeleted(std::size_t index) { schedule_.MarkPossiblyDeleted(index); }

  // Sends all ids. Afterwards every id has a result, if only that no attempt was made.
  void Run(const std::shared_ptr<grpc::Channel>& channel) {
    InstallInterruptHandler();
    const DeleteHooks hooks{
        .before_send = [this](std::size_t index) { return Record("sent", index); },
        .on_response =
            [this](std::size_t index, const DeleteResult& report, bool final) {
              return final ? RecordFinal(index, report) : RecordRejection(index);
            },
        .tick = [this](const DeleteSchedule& schedule) { ShowProgress(schedule); },
        .interrupt = &CurrentInterrupt};
    end_ = RunDeletes(channel, command_.connection, command_.request, ids_, &schedule_, hooks);
    for (std::size_t i = 0; i < ids_.size(); ++i) {
      if (schedule_.state(i) == DeleteSchedule::State::kPending) MarkNotAttempted(i);
    }
    display_.Clear();
  }

  // Prints what comes at the end, except the objects of --json.
  void PrintSummary(std::size_t gone_before, std::size_t duplicates) {
    if (!command_.many()) {
      if (!command_.json && last_.has_value()) {
        const std::string text = RenderText(*last_);
        if (!last_->gone() || !output_.Write(text)) WriteStderr(text);
      }
      WriteError(WriteFailure());
      return;
    }
    const SummaryFacts facts{
        &ids_,          gone_before,         duplicates,       remaining_,        end_,
        WriteFailure(), command_.connection, command_.request, command_.done_file};
    const std::string summary = RenderSummary(facts, tally_, &SaveRemainingIds);
    const bool good = exit_status() == kExitOk && !command_.json;
    if (!good || !output_.Write(summary)) WriteStderr(summary);
    const bool is_in_summary = end_.reason == StopReason::kOutputClosed && !remaining_.empty();
    if (!is_in_summary) WriteError(WriteFailure());
  }

  [[nodiscard]] int exit_status() const {
    if (tally_.gone_count() == ids_.size()) {
      return WriteFailure().empty() ? kExitOk : kExitFailure;
    }
    return end_.reason == StopReason::kInterrupted ? InterruptExitStatus() : kExitFailure;
  }

 private:
  bool Record(std::string_view word, std::size_t index) {
    const absl::Status status = done_file_->Append(word, ids_[index]);
    if (!status.ok()) record_error_ = std::string(status.message());
    return status.ok();
  }

  // Why the done-file or what was printed is incomplete, as a sentence without its full stop; empty
  // if both are complete.
  [[nodiscard]] std::string WriteFailure() const {
    return record_error_.empty() ? output_.Error() : record_error_;
  }

  // Records that the call for an id, for which there may be another one, has certainly deleted
  // nothing: after an interruption, a run that is not there is no run that was deleted.
  bool RecordRejection(std::size_t index) {
    return schedule_.possibly_deleted(index) || Record("failed", index);
  }

  // Records and prints the final result for an id.
  bool RecordFinal(std::size_t index, const DeleteResult& report) {
    tally_.Add(index, report);
    const bool unknown = report.deletion == "unknown";
    const bool recorded = Record(report.gone() ? "gone" : unknown ? "unknown" : "failed", index);
    return Print(report) && recorded;
  }

  bool Print(const DeleteResult& report) {
    if (!command_.many()) last_ = report;
    if (!command_.json) return true;
    display_.Clear();
    return output_.Write(RenderJson(report) + "\n");
  }

  // Reports an id that was left when the work stopped.
  void MarkNotAttempted(std::size_t index) {
    DeleteRequest request = command_.request;
    request.eval_run_uuid = ids_[index];
    DeleteResult report =
        end_.reason == StopReason::kNoConnection
            ? MakeConnectFailure(request, command_.connection, end_.message)
            : MakeNotAttempted(request, command_.connection, "stopped before it was settled");
    if (schedule_.possibly_deleted(index)) {
      report.deletion = "unknown";
      report.has_details = true;
      tally_.Add(index, report);
    } else {
      remaining_.push_back(index);
    }
    Print(report);
  }

  void ShowProgress(const DeleteSchedule& schedule) {
    if (!command_.many()) return;
    const auto now = steady_clock::now();
    const auto waiting = std::chrono::ceil<milliseconds>(schedule.paused_until() - now);
    display_.Show({ids_.size(), tally_.gone_count(), tally_.failed_count(), tally_.unknown_count(),
                   std::chrono::floor<milliseconds>(now - start_),
                   std::max(waiting, milliseconds(0)), schedule.stop_reason() != StopReason::kNone},
                  now);
  }

  const DeleteCommand& command_;
  const std::vector<std::string> ids_;
  DoneFile* const done_file_;
  DeleteSchedule schedule_;
  steady_clock::time_point start_;
  ProgressDisplay display_;
  StandardOutput output_;
  Tally tally_;
  std::optional<DeleteResult> last_;  // the result, if there is a single id
  std::vector<std::size_t> remaining_;
  StopInfo end_;
  std::string record_error_;
};

// Prints the ids that would be deleted to standard output, so that it can be redirected to a file.
int DryRun(const DeleteCommand& command, const std::vector<std::string>& ids,
           std::size_t gone_before, std::size_t duplicates) {
  StandardOutput output;
  DeleteRequest request = command.request;
  for (const std::string& id : ids) {
    request.eval_run_uuid = id;
    const std::string line =
        command.json
            ? RenderJson(MakeNotAttempted(request, command.connection, "a dry run sends nothing"))
            : id;
    if (!output.Write(line + "\n")) break;
  }
  std::string sentence = fmt::format("Nothing was sent. {} would be deleted through {}", ids.size(),
                                     command.connection.server);
  if (request.workspace_uuid.has_value()) {
    sentence += fmt::format(" in workspace {}", Printable(*request.workspace_uuid));
  }
  if (gone_before > 0)
    sentence +=
        fmt::format("; {} are skipped, because the done-file lists them as done", gone_before);
  if (duplicates > 0) sentence += fmt::format("; {} are named more than once", duplicates);
  WriteStderr(sentence + ".\n");
  WriteError(output.Error());
  return output.ok() ? kExitOk : kExitFailure;
}

}  // namespace

int RunDelete(const DeleteCommand& command) {
  const deletion::IdFormat format =
      command.opaque_ids ? deletion::IdFormat::kOpaque : deletion::IdFormat::kUuid;
  if (const auto& workspace = command.request.workspace_uuid;
      workspace.has_value() && !deletion::IsWellFormedId(*workspace, format)) {
    return PrintUsageError(
        fmt::format("--workspace '{}': an id is {}.{}", Printable(*workspace),
                    deletion::DescribeIdFormat(format),
                    command.opaque_ids ? "" : " If the gateway takes others, add --opaque-ids."));
  }
  IdList list(format);
  if (const auto mistake = ReadIds(command, &list); mistake.has_value())
    return PrintUsageError(*mistake);
  const auto channel = OpenChannel(command.connection);
  if (!channel.ok())
    return PrintUsageError(Printable(std::string(channel.status().message())) + ".");

  DoneFile done_file;
  if (!command.done_file.empty()) {
    const std::string header =
        DoneRecord::Header(command.connection.server, command.request.workspace_uuid);
    const absl::Status opened = command.dry_run ? done_file.OpenReadOnly(command.done_file, header)
                                                : done_file.Open(command.done_file, header);
    if (!opened.ok()) return PrintUsageError(Printable(std::string(opened.message())) + ".");
  }
  std::vector<std::string> ids;
  std::vector<std::size_t> possibly_deleted;
  for (const std::string& id : list.ids()) {
    const DoneState done = done_file.record().Find(id);
    if (done == DoneState::kGone) continue;
    if (done == DoneState::kPossiblyDeleted) possibly_deleted.push_back(ids.size());
    ids.push_back(id);
  }
  const std::size_t gone_before = list.ids().size() - ids.size();
  if (command.dry_run) return DryRun(command, ids, gone_before, list.duplicates());

  DeleteJob job(command, std::move(ids), &done_file);
  for (const std::size_t index : possibly_deleted) job.MarkPossiblyDeleted(index);
  job.Run(*channel);
  job.PrintSummary(gone_before, list.duplicates());
  return job.exit_status();
}

}  // namespace evalrun::cli

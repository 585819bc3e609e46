// SPDX-License-Identifier: Apache-2.0

#include "service/cli/render.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "rest_backend/deletion/resource_id.h"
#include "service/cli/connect_advice.h"
#include "service/cli/duration.h"
#include "service/cli/text.h"
#include "service/text/duration.h"

namespace evalrun::cli {
namespace {

using absl::StatusCode;

// The meaning of a value of `deletion`; empty for a value from a newer gateway.
std::string_view Meaning(std::string_view deletion) {
  if (deletion == "performed") return "this call deleted the run";
  if (deletion == "presumed") return "an earlier send or attempt may have been what deleted it";
  if (deletion == "absent") return "it was not in this workspace when this call arrived";
  if (deletion == "not_performed") return "this call certainly deleted nothing";
  if (deletion == "unknown") return "the run may or may not be deleted";
  return "";
}

// Appends a label and its value in two columns.
void AppendRow(std::string_view label, std::string_view value, std::string* out) {
  if (value.empty()) return;
  *out += fmt::format("  {:<19}  {}\n", label, Printable(value));
}

std::string RenderGone(const DeleteResult& report) {
  std::string brackets = report.deletion;
  if (!report.attempts.empty()) {
    brackets += fmt::format(", {} attempt{}", report.attempts, report.attempts == "1" ? "" : "s");
  }
  if (!report.request_id.empty()) brackets += ", request id " + report.request_id;
  const bool performed = report.deletion == "performed";
  std::string line = fmt::format("{}{} ({})", performed ? "deleted " : "not in this workspace: ",
                                 Printable(report.request.eval_run_uuid), Printable(brackets));
  if (!performed && !Meaning(report.deletion).empty()) {
    line += fmt::format(": {}", Meaning(report.deletion));
  }
  return line + "\n";
}

std::string_view ResultTitle(const DeleteResult& report) {
  if (report.deletion == "unknown") return "unknown whether deleted: ";
  if (report.deletion == "absent") return "not found: ";
  return "not deleted: ";
}

std::string NotFoundAdvice(const DeleteResult& report) {
  std::string advice = "Check the id";
  if (report.request.workspace_uuid.has_value()) {
    advice += " and the workspace.";
  } else {
    advice +=
        ", and give its workspace with --workspace: without it, Aymara looks only in the workspace "
        "of the gateway's API key.";
  }
  return advice + " If all you want is that it is not in this workspace, add --allow-missing.";
}

std::string ScopeNotFoundAdvice(const DeleteResult& report) {
  const std::string_view subject = report.request.workspace_uuid.has_value()
                                       ? "The workspace, or the organization of the gateway's API "
                                         "key, is missing"
                                       : "The workspace or the organization of the gateway's API "
                                         "key is missing";
  const std::string_view next =
      report.request.workspace_uuid.has_value()
          ? "Check the workspace; if it is right, tell the operators of the gateway."
          : "Give the run's workspace with --workspace, or tell the operators of the gateway.";
  return fmt::format("{}: nothing is known about the run. {}", subject, next);
}

// Advice for a response that says that nothing was deleted, or that is not from the gateway.
std::string AdviceForError(const DeleteResult& report) {
  if (report.reason == kNotAttempted) return "Run the same command again to go on.";
  if (report.reason == "IN_FLIGHT_CAP") {
    return "The gateway has as many calls under way as it takes, and sent nothing for this one. "
           "Run "
           "the same command again; for a long list, with a smaller --concurrency.";
  }
  if (report.reason == "UPSTREAM_HOLD_BACK") {
    return "Aymara's API has responded 429 to an earlier call, and the gateway sends nothing until "
           "the "
           "time that it named is over. Run the same command again later.";
  }
  if (report.IsScopeNotFound()) return ScopeNotFoundAdvice(report);
  if (report.IsDeletionsStopped()) {
    return "The operators of the gateway have stopped all deletions. Ask them, and run the same "
           "command again when deletions are enabled.";
  }
  if (report.IsRunProtected()) {
    return "The operators of the gateway protect this run from deletion. Ask them, and run the "
           "same "
           "command again when it is not protected any more.";
  }
  if (report.IsAuditUnavailable()) {
    return "The gateway cannot write its audit, without which it deletes nothing: tell its "
           "operators. Run the same command again later.";
  }
  if (report.reason == "ABSENCE_UNVERIFIED") {
    return "Aymara finds no such run, but the gateway could not verify that its workspace exists. "
           "Run the same command again in a moment; if that does not help, tell the operators of "
           "the gateway.";
  }
  if (report.reason == "UPSTREAM_UNRECOGNIZED_404") {
    return "This says nothing about the run: what answered is not Aymara's API. Tell the operators "
           "of the gateway that its upstream address or base path may be wrong.";
  }
  switch (report.code) {
    case StatusCode::kInvalidArgument:
      return "Correct what is named above: the same request will be refused again.";
    case StatusCode::kNotFound:
      return NotFoundAdvice(report);
    case StatusCode::kAborted:
      return "The run cannot be deleted in its present state, for example while it is being "
             "processed. Run the same command again later.";
    case StatusCode::kResourceExhausted:
      return "Too many requests. Run the same command again after a while.";
    case StatusCode::kUnauthenticated:
      return "Aymara refused the gateway's own API key: tell the operators of the gateway.";
    case StatusCode::kPermissionDenied:
      return "You or the gateway's API key may not delete this run: ask the operators of the "
             "gateway.";
    case StatusCode::kFailedPrecondition:
      return "Aymara refused because of the state of the run. Look at the run, then try again.";
    case StatusCode::kUnimplemented:
      return "What answered knows no such operation: tell the operators of the gateway that its "
             "upstream's base path may be wrong.";
    case StatusCode::kUnavailable:
      return "Nothing was deleted. Run the same command again in a moment.";
    case StatusCode::kDeadlineExceeded:
      return "Nothing was sent in time. Run the same command again, with a longer --timeout.";
    case StatusCode::kCancelled:
      return "The call was cancelled before anything was sent. Run the same command again.";
    default:
      return "Nothing was deleted. Tell the operators of the gateway, and quote the request id.";
  }
}

// A server that does not implement the service deleted nothing, and a retry will not help.
bool IsFromAnotherServer(const DeleteResult& report) {
  return report.code == StatusCode::kUnimplemented && !report.has_details;
}

}  // namespace

std::string CodeName(StatusCode code) {
  const std::string name = absl::StatusCodeToString(code);
  return name.empty() ? fmt::format("CODE_{}", static_cast<int>(code)) : name;
}

std::string DeleteCommandLine(const Connection& connection, const DeleteRequest& request,
                              const std::vector<std::string>& ids) {
  std::string command = "evalrunctl delete";
  const auto add = [&command](std::string_view flag, const std::string& value) {
    if (!value.empty()) command += fmt::format(" {} {}", flag, ShellQuote(value));
  };
  if (request.allow_missing) command += " --allow-missing";
  if (request.workspace_uuid.has_value()) {
    command += " --workspace " + ShellQuote(*request.workspace_uuid);
  }
  const bool uuids = std::ranges::all_of(
      ids, [](const auto& id) { return deletion::IsWellFormedId(id, deletion::IdFormat::kUuid); });
  if (!uuids) command += " --opaque-ids";
  add("--request-id", request.request_id);
  // Always, because EVALRUNCTL_SERVER may be another one where the command is run.
  add("--server", connection.server);
  if (connection.timeout != kDefaultTimeout)
    add("--timeout", text::FormatDuration(connection.timeout));
  if (connection.tls.has_value()) {
    command += " --tls";
    add("--ca-file", connection.tls->ca_file);
    add("--cert-file", connection.tls->cert_file);
    add("--key-file", connection.tls->key_file);
    add("--server-name", connection.tls->server_name);
  }
  return command;
}

std::string SettlingCommand(const DeleteResult& report) {
  DeleteRequest request = report.request;
  request.allow_missing = true;
  const std::string& id = request.eval_run_uuid;
  // An argument that begins with a dash would be taken for a flag.
  return DeleteCommandLine(report.connection, request, {id}) +
         (id.starts_with('-') ? " -- " : " ") + ShellQuote(id);
}

std::string Hint(const DeleteResult& report) {
  if (report.gone()) return "";
  if (report.reason == kConnectFailed) {
    return fmt::format("Nothing was sent. {}.", ConnectAdvice(report.message, report.connection));
  }
  if (IsFromAnotherServer(report)) {
    return fmt::format(
        "The server at {} does not have this service: name the gateway with --server.",
        report.connection.server);
  }
  std::string hint;
  if (report.retry_after.has_value()) {
    hint = fmt::format("Wait {}. ", FormatDuration(*report.retry_after));
  }
  if (report.deletion != "unknown") return hint + AdviceForError(report);
  if (!report.has_details) {
    hint +=
        "The response has no details: the connection was lost, or what answered is not the "
        "gateway. ";
  } else if (report.IsScopeNotFound()) {
    hint += AdviceForError(report);
  } else if (report.code == StatusCode::kUnauthenticated ||
             report.code == StatusCode::kPermissionDenied ||
             report.code == StatusCode::kUnimplemented || report.IsDeletionsStopped() ||
             report.IsRunProtected()) {
    // An earlier attempt may have deleted it, but no further one will succeed as things are.
    hint += AdviceForError(report) + " ";
  }
  return hint;
}

std::string Advice(const DeleteResult& report) {
  const std::string hint = Hint(report);
  if (report.gone() || report.deletion != "unknown" || IsFromAnotherServer(report) ||
      report.IsScopeNotFound()) {
    return hint;
  }
  return fmt::format(
      "{}To settle it, run\n    {}\nIf that succeeds, the run is not in this workspace.", hint,
      SettlingCommand(report));
}

std::string RenderText(const DeleteResult& report) {
  if (report.gone()) return RenderGone(report);
  std::string out = fmt::format("{}{}\n  {}{}{}\n", ResultTitle(report),
                                Printable(report.request.eval_run_uuid), CodeName(report.code),
                                report.message.empty() ? "" : ": ", Printable(report.message));
  std::string reason = report.reason;
  if (!report.domain.empty()) reason += fmt::format(" (said by {})", report.domain);
  AppendRow("reason", reason, &out);
  std::string deletion = report.deletion;
  if (!Meaning(deletion).empty()) deletion += fmt::format(": {}", Meaning(deletion));
  AppendRow("deletion", deletion, &out);
  for (const FieldViolation& violation : report.field_violations) {
    AppendRow("field", fmt::format("{}: {}", violation.field, violation.description), &out);
  }
  if (report.resource.has_value()) {
    std::string resource = fmt::format("{} {}", report.resource->type, report.resource->name);
    if (!report.resource->description.empty()) {
      resource += ": " + report.resource->description;
    }
    AppendRow("resource", resource, &out);
  }
  AppendRow("workspace", report.request.workspace_uuid.value_or(""), &out);
  AppendRow("seen as", report.caller, &out);
  for (const QuotaViolation& violation : report.quota_violations) {
    AppendRow("limit", fmt::format("{}: {}", violation.subject, violation.description), &out);
  }
  if (report.retry_after.has_value()) {
    AppendRow("retry after", FormatDuration(*report.retry_after), &out);
  }
  AppendRow("attempts", report.attempts, &out);
  AppendRow("http status", report.http_status, &out);
  AppendRow("upstream code", report.upstream_code, &out);
  AppendRow("upstream details", report.upstream_details, &out);
  AppendRow("upstream request id", report.upstream_request_id, &out);
  AppendRow("request id", report.request_id, &out);
  return out + Advice(report) + "\n";
}

std::string RenderJson(const DeleteResult& report) {
  using Json = nlohmann::ordered_json;
  const auto text = [](const std::string& value) { return value.empty() ? Json() : Json(value); };
  // The gateway's numbers arrive as text; anything that is not a number stays text.
  const auto number = [&text](const std::string& value) {
    int parsed = 0;
    const char* const end = value.data() + value.size();
    const auto [rest, error] = std::from_chars(value.data(), end, parsed);
    return error == std::errc() && rest == end ? Json(parsed) : text(value);
  };
  Json json;
  json["eval_run_uuid"] = report.request.eval_run_uuid;
  json["workspace_uuid"] =
      report.request.workspace_uuid.has_value() ? Json(*report.request.workspace_uuid) : Json();
  json["allow_missing"] = report.request.allow_missing;
  json["server"] = report.connection.server;
  json["gone"] = report.gone();
  json["code"] = CodeName(report.code);
  json["deletion"] = report.deletion;
  json["message"] = text(report.message);
  json["reason"] = text(report.reason);
  json["domain"] = text(report.domain);
  json["sends"] = number(report.attempts);
  json["http_status"] = number(report.http_status);
  json["upstream_code"] = text(report.upstream_code);
  json["upstream_request_id"] = text(report.upstream_request_id);
  json["request_id"] = text(report.request_id);
  json["retry_after_ms"] =
      report.retry_after.has_value() ? Json(report.retry_after->count()) : Json();
  json["field_violations"] = Json::array();
  for (const FieldViolation& violation : report.field_violations) {
    json["field_violations"].push_back(
        {{"field", violation.field}, {"description", violation.description}});
  }
  json["caller"] = text(report.caller);
  json["limited_by"] = text(report.limited_by);
  json["quota_violations"] = Json::array();
  for (const QuotaViolation& violation : report.quota_violations) {
    json["quota_violations"].push_back(
        {{"subject", violation.subject}, {"description", violation.description}});
  }
  json["resource"] = report.resource.has_value()
                         ? Json{{"type", report.resource->type},
                                {"name", report.resource->name},
                                {"description", report.resource->description}}
                         : Json();
  const Json upstream_details =
      Json::parse(report.upstream_details, nullptr, /*allow_exceptions=*/false);
  json["upstream_details"] = upstream_details.is_object() ? upstream_details : Json();
  json["advice"] = text(Advice(report));
  return json.dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace);
}

}  // namespace evalrun::cli

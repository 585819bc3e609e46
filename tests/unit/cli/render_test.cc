// SPDX-License-Identifier: Apache-2.0

#include "service/cli/render.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace evalrun::cli {
namespace {

using absl::StatusCode;
using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;

constexpr char kUuid[] = "score_run.954d54bc-bd5f-4cb5-8d20-688f368b712e";

DeleteRequest TestRequest() {
  DeleteRequest request;
  request.eval_run_uuid = "run";
  return request;
}

DeleteResult Gone(std::string deletion) {
  DeleteResult report;
  report.request.eval_run_uuid = "score_run.1";
  report.code = StatusCode::kOk;
  report.deletion = std::move(deletion);
  report.request_id = "req-1";
  return report;
}

DeleteResult Error(StatusCode code, std::string deletion) {
  DeleteResult report;
  report.request.eval_run_uuid = "score_run.1";
  report.code = code;
  report.deletion = std::move(deletion);
  report.has_details = true;
  return report;
}

DeleteResult ErrorWithEveryField() {
  DeleteResult report = Error(StatusCode::kInvalidArgument, "not_performed");
  report.request.workspace_uuid = "workspace.2";
  report.message = "two fields are wrong";
  report.reason = "VALIDATION_INVALID_REQUEST";
  report.domain = "api.aymara.ai";
  report.attempts = "1";
  report.http_status = "422";
  report.upstream_code = "validation.invalid_request";
  report.upstream_request_id = "up-1";
  report.request_id = "req-1";
  report.retry_after = milliseconds(1500);
  report.field_violations = {{"eval_run_uuid", "too long"}, {"workspace_uuid", "empty"}};
  report.caller = "dns:me";
  report.limited_by = "per-caller";
  report.quota_violations = {{"caller:me", "a call every 1s"}};
  report.resource = Resource{"eval run", "score_run.1", "there is none"};
  report.upstream_details = R"({"limit":5})";
  return report;
}

TEST(RenderTextTest, Gone) {
  EXPECT_EQ(RenderText(Gone("performed")), "deleted score_run.1 (performed, request id req-1)\n");
  EXPECT_EQ(RenderText(Gone("presumed")),
            "not in this workspace: score_run.1 (presumed, request id req-1): an earlier send or "
            "attempt may have been what deleted it\n");
  EXPECT_EQ(RenderText(Gone("absent")),
            "not in this workspace: score_run.1 (absent, request id req-1): it was not in this "
            "workspace when this call arrived\n");
  EXPECT_EQ(RenderText(Gone("word_of_tomorrow")),
            "not in this workspace: score_run.1 (word_of_tomorrow, request id req-1)\n");
  DeleteResult result = Gone("performed");
  result.attempts = "1";
  EXPECT_THAT(RenderText(result), HasSubstr("(performed, 1 attempt, request"));
  result.attempts = "2";
  EXPECT_THAT(RenderText(result), HasSubstr("(performed, 2 attempts, request"));
}

TEST(RenderTextTest, EveryDetail) {
  EXPECT_EQ(RenderText(ErrorWithEveryField()), R"(not deleted: score_run.1
  INVALID_ARGUMENT: two fields are wrong
  reason               VALIDATION_INVALID_REQUEST (said by api.aymara.ai)
  deletion             not_performed: this call certainly deleted nothing
  field                eval_run_uuid: too long
  field                workspace_uuid: empty
  resource             eval run score_run.1: there is none
  workspace            workspace.2
  seen as              dns:me
  limit                caller:me: a call every 1s
  retry after          1.5 s
  attempts             1
  http status          422
  upstream code        validation.invalid_request
  upstream details     {"limit":5}
  upstream request id  up-1
  request id           req-1
Wait 1.5 s. Correct what is named above: the same request will be refused again.
)");
}

TEST(RenderTextTest, UnknownIncludesSettlingCommand) {
  DeleteResult report = Error(StatusCode::kDeadlineExceeded, "unknown");
  report.request.workspace_uuid = "workspace.2";
  EXPECT_EQ(RenderText(report), R"(unknown whether deleted: score_run.1
  DEADLINE_EXCEEDED
  deletion             unknown: the run may or may not be deleted
  workspace            workspace.2
To settle it, run
    evalrunctl delete --allow-missing --workspace workspace.2 --opaque-ids --server 127.0.0.1:50051 score_run.1
If that succeeds, the run is not in this workspace.
)");
}

TEST(RenderTextTest, EscapesServerText) {
  DeleteResult report = ErrorWithEveryField();
  const std::string evil = "\x1b[2J\r\ndeleted\x07\xc2\x9b\xe2\x80\xae\xff";
  for (std::string* field :
       {&report.message, &report.deletion, &report.reason, &report.domain, &report.attempts,
        &report.http_status, &report.upstream_code, &report.upstream_request_id, &report.request_id,
        &report.field_violations[0].field, &report.field_violations[0].description, &report.caller,
        &report.quota_violations[0].subject, &report.quota_violations[0].description,
        &report.upstream_details, &report.resource->type, &report.resource->name,
        &report.resource->description, &report.request.eval_run_uuid}) {
    const std::string saved = *field;
    *field = evil;
    const std::string text = RenderText(report);
    EXPECT_EQ(text.find_first_of("\x1b\r\x07\xff\x9b"), std::string::npos) << text;
    EXPECT_THAT(text, HasSubstr("\\x1b[2J\\x0d\\x0adeleted\\x07\\x9b\\u202e\\xff"));
    *field = saved;
  }
  DeleteResult ok = Gone(evil);
  ok.attempts = evil;
  ok.request_id = evil;
  EXPECT_EQ(RenderText(ok).find_first_of("\x1b\r\x07\xff\x9b"), std::string::npos);
}

TEST(RenderJsonTest, Gone) {
  EXPECT_EQ(
      RenderJson(Gone("performed")),
      R"({"eval_run_uuid":"score_run.1","workspace_uuid":null,"allow_missing":false,)"
      R"("server":"127.0.0.1:50051","gone":true,"code":"OK","deletion":"performed",)"
      R"("message":null,"reason":null,"domain":null,"sends":null,"http_status":null,)"
      R"("upstream_code":null,"upstream_request_id":null,"request_id":"req-1",)"
      R"("retry_after_ms":null,"field_violations":[],"caller":null,"limited_by":null,"quota_violations":[],"resource":null,)"
      R"("upstream_details":null,"advice":null})");
}

TEST(RenderJsonTest, EveryDetail) {
  const auto json = nlohmann::json::parse(RenderJson(ErrorWithEveryField()));
  const auto expected = nlohmann::json::parse(R"({
    "eval_run_uuid": "score_run.1",
    "workspace_uuid": "workspace.2",
    "allow_missing": false,
    "server": "127.0.0.1:50051",
    "gone": false,
    "code": "INVALID_ARGUMENT",
    "deletion": "not_performed",
    "message": "two fields are wrong",
    "reason": "VALIDATION_INVALID_REQUEST",
    "domain": "api.aymara.ai",
    "sends": 1,
    "http_status": 422,
    "upstream_code": "validation.invalid_request",
    "upstream_request_id": "up-1",
    "request_id": "req-1",
    "retry_after_ms": 1500,
    "field_violations": [{"field": "eval_run_uuid", "description": "too long"},
                         {"field": "workspace_uuid", "description": "empty"}],
    "caller": "dns:me",
    "limited_by": "per-caller",
    "quota_violations": [{"subject": "caller:me", "description": "a call every 1s"}],
    "resource": {"type": "eval run", "name": "score_run.1", "description": "there is none"},
    "upstream_details": {"limit": 5},
    "advice": "Wait 1.5 s. Correct what is named above: the same request will be refused again."
  })");
  EXPECT_EQ(json, expected);
}

TEST(RenderJsonTest, HostileTextIsOneAsciiLine) {
  DeleteResult report = ErrorWithEveryField();
  report.message = "\x1b[2J\n\xff\xc2\x9b\x7f";
  report.attempts = "99999999999999999999";
  report.http_status = "404x";
  const std::string text = RenderJson(report);
  for (const char c : text) EXPECT_TRUE(c >= 0x20 && c < 0x7f) << static_cast<int>(c);
  const auto json = nlohmann::json::parse(text);
  EXPECT_EQ(json["sends"], "99999999999999999999");
  EXPECT_EQ(json["http_status"], "404x");
}

// With `--opaque-ids`, because the id is not a UUID.
TEST(SettlingCommandTest, IsShellQuoted) {
  DeleteResult report = Error(StatusCode::kUnavailable, "unknown");
  report.request.eval_run_uuid = kUuid;
  EXPECT_EQ(SettlingCommand(report),
            std::string("evalrunctl delete --allow-missing --server 127.0.0.1:50051 ") + kUuid);
  report.request.request_id = "r-1";  // the same for all calls
  EXPECT_EQ(SettlingCommand(report),
            std::string("evalrunctl delete --allow-missing --request-id r-1 "
                        "--server 127.0.0.1:50051 ") +
                kUuid);
  report.request.request_id = {};
  report.connection = {"host:1", milliseconds(1500)};
  EXPECT_EQ(
      SettlingCommand(report),
      std::string("evalrunctl delete --allow-missing --server host:1 --timeout 1500ms ") + kUuid);
  report.connection = {};
  report.connection.tls = Tls{"the ca", "cert", "key", "name"};
  EXPECT_EQ(SettlingCommand(report),
            std::string("evalrunctl delete --allow-missing --server 127.0.0.1:50051 --tls "
                        "--ca-file 'the ca' --cert-file "
                        "cert --key-file key --server-name name ") +
                kUuid);
  report.connection = {};
  report.request.workspace_uuid = "";
  report.request.eval_run_uuid = "a'b $(c)";
  EXPECT_EQ(
      SettlingCommand(report),
      R"(evalrunctl delete --allow-missing --workspace '' --opaque-ids --server 127.0.0.1:50051 'a'\''b $(c)')");
  report.request.workspace_uuid = std::nullopt;
  report.request.eval_run_uuid = "-x";
  EXPECT_EQ(SettlingCommand(report),
            "evalrunctl delete --allow-missing --opaque-ids --server 127.0.0.1:50051 -- -x");
}

TEST(AdviceTest, EmptyWhenGone) { EXPECT_EQ(Advice(Gone("performed")), ""); }

TEST(AdviceTest, GivesAdviceForEachCode) {
  const struct {
    StatusCode code;
    const char* said;
  } kTable[] = {
      {StatusCode::kInvalidArgument, "Correct what is named"},
      {StatusCode::kAborted, "again later"},
      {StatusCode::kResourceExhausted, "Too many requests"},
      {StatusCode::kUnauthenticated, "tell the operators"},
      {StatusCode::kPermissionDenied, "ask the operators"},
      {StatusCode::kFailedPrecondition, "state of the run"},
      {StatusCode::kUnimplemented, "base path"},
      {StatusCode::kUnavailable, "again in a moment"},
      {StatusCode::kDeadlineExceeded, "longer --timeout"},
      {StatusCode::kCancelled, "cancelled"},
      {StatusCode::kUnknown, "Tell the operators"},
      {StatusCode::kInternal, "Tell the operators"},
  };
  for (const auto& [code, said] : kTable) {
    const std::string advice = Advice(Error(code, "not_performed"));
    EXPECT_THAT(advice, HasSubstr(said));
    EXPECT_THAT(advice, Not(HasSubstr("To settle it")));
    EXPECT_THAT(Advice(Error(code, "unknown")), HasSubstr("To settle it"));
  }
}

TEST(AdviceTest, DeletionsStopped) {
  DeleteResult report = Error(StatusCode::kFailedPrecondition, "not_performed");
  report.reason = "DELETIONS_STOPPED";
  EXPECT_THAT(Advice(report), HasSubstr("have stopped all deletions"));
  EXPECT_THAT(Advice(report), Not(HasSubstr("state of the run")));
  report.deletion = "unknown";
  EXPECT_THAT(Advice(report), HasSubstr("have stopped all deletions"));
  EXPECT_THAT(Advice(report), HasSubstr("To settle it"));
}

TEST(AdviceTest, RunProtected) {
  DeleteResult report = Error(StatusCode::kFailedPrecondition, "not_performed");
  report.reason = "RUN_PROTECTED";
  EXPECT_THAT(Advice(report), HasSubstr("protect this run"));
  EXPECT_THAT(Advice(report), Not(HasSubstr("state of the run")));
  report.deletion = "unknown";
  EXPECT_THAT(Advice(report), HasSubstr("protect this run"));
  EXPECT_THAT(Advice(report), HasSubstr("To settle it"));
}

TEST(AdviceTest, AuditUnavailable) {
  DeleteResult report = Error(StatusCode::kUnavailable, "not_performed");
  report.reason = "AUDIT_UNAVAILABLE";
  EXPECT_THAT(Advice(report), HasSubstr("cannot write its audit"));
}

TEST(AdviceTest, NotFound) {
  DeleteResult report = Error(StatusCode::kNotFound, "absent");
  EXPECT_THAT(Advice(report), HasSubstr("give its workspace with --workspace"));
  report.request.workspace_uuid = "w";
  EXPECT_THAT(Advice(report), HasSubstr("Check the id and the workspace."));
}

// The run may exist: the advice must not suggest --allow-missing, with which the same call fails.
TEST(AdviceTest, NotFoundThatIsNotAboutTheRun) {
  DeleteResult report = Error(StatusCode::kUnavailable, "not_performed");
  report.reason = "UPSTREAM_UNRECOGNIZED_404";
  EXPECT_THAT(Advice(report), HasSubstr("says nothing about the run"));
  EXPECT_THAT(Advice(report), Not(HasSubstr("--allow-missing")));
  report.reason = "ABSENCE_UNVERIFIED";
  EXPECT_THAT(Advice(report), HasSubstr("could not verify that its workspace exists"));
  EXPECT_THAT(Advice(report), Not(HasSubstr("--allow-missing")));

  report.code = StatusCode::kFailedPrecondition;
  report.reason = "SCOPE_NOT_FOUND";
  for (const char* deletion : {"not_performed", "unknown"}) {
    report.deletion = deletion;
    report.request.workspace_uuid.reset();
    EXPECT_THAT(Advice(report),
                HasSubstr("The workspace or the organization of the gateway's API key is missing: "
                          "nothing is known about the run."));
    EXPECT_THAT(Advice(report), HasSubstr("Give the run's workspace with --workspace"));
    EXPECT_THAT(Advice(report), Not(HasSubstr("--allow-missing")));
    report.request.workspace_uuid = "w";
    EXPECT_THAT(Advice(report), HasSubstr("The workspace, or the organization"));
    EXPECT_THAT(Advice(report), HasSubstr("Check the workspace"));
    EXPECT_THAT(Advice(report), Not(HasSubstr("--allow-missing")));
    EXPECT_THAT(RenderText(report), Not(HasSubstr("gone")));
  }
}

TEST(AdviceTest, UnknownThatNeedsAnOperator) {
  EXPECT_THAT(Advice(Error(StatusCode::kUnauthenticated, "unknown")),
              HasSubstr("tell the operators of the gateway. To settle it"));
}

TEST(AdviceTest, MissingDetailsMayNotBeTheGateway) {
  DeleteResult report = Error(StatusCode::kUnavailable, "unknown");
  report.has_details = false;
  EXPECT_THAT(Advice(report), HasSubstr("what answered is not the gateway. To settle it"));
  report.code = StatusCode::kUnimplemented;
  EXPECT_THAT(Advice(report), HasSubstr("127.0.0.1:50051 does not have this service"));
}

TEST(AdviceTest, ConnectFailure) {
  EXPECT_THAT(Advice(MakeConnectFailure(TestRequest(), {"host:1", milliseconds(1)}, "refused")),
              HasSubstr("Nothing was sent. Nothing listens at host:1"));
}

TEST(AdviceTest, StartsWithRetryAfter) {
  DeleteResult report = Error(StatusCode::kResourceExhausted, "not_performed");
  report.retry_after = milliseconds(250);
  EXPECT_THAT(Advice(report), HasSubstr("Wait 250 ms. Too many"));
  report.retry_after = milliseconds(2000);
  EXPECT_THAT(Advice(report), HasSubstr("Wait 2 s. Too many"));
}

}  // namespace
}  // namespace evalrun::cli

// SPDX-License-Identifier: Apache-2.0
//
// The API: the response to each request.
#include <ostream>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/integration/backend/backend_process.h"
#include "tests/integration/backend/case_name.h"
#include "tests/integration/backend/page_shape.h"

namespace evalrun::backend {
namespace {

using nlohmann::json;

class EvalRuns : public testing::Test {
 protected:
  EvalRuns() { EXPECT_NE(backend_.WaitForPort(), 0); }

  httplib::Result Send(const std::string& method, const std::string& target, const std::string& key,
                       const std::string& body = "") {
    httplib::Request request;
    request.method = method;
    request.path = target;
    if (!key.empty()) request.set_header("x-api-key", key);
    request.body = body;
    httplib::Client client = backend_.Connect();
    return client.send(request);
  }

  TempDirectory directory_;
  BackendProcess backend_{directory_};
};

std::string RunPath(const std::string& id, const std::string& query = "") {
  return "/v2/eval-runs/" + id + query;
}

struct ErrorCase {
  const char* name;
  const char* method;
  std::string target;
  const char* key;
  std::string body;
  int status;
  const char* code;
  const char* field = "";  // value of details.field

  friend void PrintTo(const ErrorCase& c, std::ostream* out) { *out << c.name; }
};

class EvalRunErrors : public EvalRuns, public testing::WithParamInterface<ErrorCase> {};

TEST_P(EvalRunErrors, MatchTheDocumentedShape) {
  const ErrorCase& c = GetParam();
  const auto result = Send(c.method, c.target, c.key, c.body);
  const json body = ExpectDocumentedError(result, c.status, c.code);
  ASSERT_TRUE(body.is_object());
  EXPECT_EQ(body["error"]["details"].value("field", ""), c.field);
  EXPECT_EQ(result->body.find("key-"), std::string::npos) << "the response reveals an API key";
}

const std::string kRuns = "/v2/eval-runs";

INSTANTIATE_TEST_SUITE_P(
    Table, EvalRunErrors,
    testing::Values(
        ErrorCase{"NoKey", "DELETE", RunPath(ids::kRun), "", "", 401, "auth.invalid_key"},
        ErrorCase{"UnknownKey", "DELETE", RunPath(ids::kRun), "key-nobody", "", 401,
                  "auth.invalid_key"},
        ErrorCase{"ExpiredKey", "DELETE", RunPath(ids::kRun), ids::kExpiredKey, "", 401,
                  "auth.expired_key"},
        ErrorCase{"NoKeyBeforeMalformedId", "DELETE", RunPath("abc"), "", "", 401,
                  "auth.invalid_key"},
        ErrorCase{"KeyMayNotDelete", "DELETE", RunPath(ids::kRun), ids::kReadOnlyKey, "", 403,
                  "auth.insufficient_permissions"},
        ErrorCase{"KeyMayNotCreate", "POST", kRuns, ids::kReadOnlyKey, "{}", 403,
                  "auth.insufficient_permissions"},
        ErrorCase{"MissingOrganization", "DELETE", RunPath(ids::kRun), ids::kDeletedOrganizationKey,
                  "", 404, "resource.not_found"},
        ErrorCase{"MissingRun", "DELETE", RunPath(ids::kMissingRun), ids::kKey, "", 404,
                  "resource.not_found"},
        ErrorCase{"RunOfAnotherWorkspace", "DELETE", RunPath(ids::kOtherRun), ids::kKey, "", 404,
                  "resource.not_found"},
        ErrorCase{"RunOfAnotherOrganization", "DELETE", RunPath(ids::kOtherOrganizationRun),
                  ids::kKey, "", 404, "resource.not_found"},
        ErrorCase{"UnknownWorkspace", "DELETE",
                  RunPath(ids::kRun, std::string("?workspace_uuid=") + ids::kMissingRun), ids::kKey,
                  "", 404, "resource.not_found"},
        ErrorCase{"WorkspaceOfAnotherOrganization", "DELETE",
                  RunPath(ids::kOtherOrganizationRun,
                          std::string("?workspace_uuid=") + ids::kOtherOrganizationWorkspace),
                  ids::kKey, "", 404, "resource.not_found"},
        ErrorCase{"GetMissingRun", "GET", RunPath(ids::kMissingRun), ids::kKey, "", 404,
                  "resource.not_found"},
        ErrorCase{"StillProcessing", "DELETE", RunPath(ids::kProcessingRun), ids::kKey, "", 409,
                  "resource.conflict"},
        ErrorCase{"CreateTakenId", "POST", kRuns, ids::kKey,
                  json{{"eval_uuid", ids::kEval},
                       {"responses", json::array()},
                       {"eval_run_uuid", ids::kOtherOrganizationRun}}
                      .dump(),
                  409, "resource.conflict"},
        ErrorCase{"CreateNoJson", "POST", kRuns, ids::kKey, "{", 400, "validation.invalid_request"},
        ErrorCase{"CreateNoBody", "POST", kRuns, ids::kKey, "", 400, "validation.invalid_request"},
        ErrorCase{"CreateArray", "POST", kRuns, ids::kKey, "[]", 400, "validation.invalid_request"},
        ErrorCase{"CreateWithoutEval", "POST", kRuns, ids::kKey, R"({"responses":[]})", 422,
                  "validation.invalid_format", "body.eval_uuid"},
        ErrorCase{"CreateWithoutResponses", "POST", kRuns, ids::kKey,
                  json{{"eval_uuid", ids::kEval}}.dump(), 422, "validation.invalid_format",
                  "body.responses"},
        ErrorCase{"CreateResponseWithoutPrompt", "POST", kRuns, ids::kKey,
                  json{{"eval_uuid", ids::kEval}, {"responses", {json{{"content", "x"}}}}}.dump(),
                  422, "validation.invalid_format", "body.responses[0].prompt_uuid"},
        ErrorCase{"MalformedId", "DELETE", RunPath("abc"), ids::kKey, "", 422,
                  "validation.invalid_format", "path.eval_run_uuid"},
        ErrorCase{"MalformedIdDots", "DELETE", RunPath("%2e%2e"), ids::kKey, "", 422,
                  "validation.invalid_format", "path.eval_run_uuid"},
        ErrorCase{"MalformedWorkspace", "DELETE", RunPath(ids::kRun, "?workspace_uuid=x"),
                  ids::kKey, "", 422, "validation.invalid_format", "query.workspace_uuid"},
        ErrorCase{"TwoWorkspaces", "DELETE",
                  RunPath(ids::kRun, std::string("?workspace_uuid=") + ids::kWorkspace +
                                         "&workspace_uuid=" + ids::kOtherWorkspace),
                  ids::kKey, "", 400, "validation.invalid_request"},
        ErrorCase{"EveryWorkspaceIsForListsOnly", "DELETE", RunPath(ids::kRun, "?workspace_uuid=*"),
                  ids::kKey, "", 422, "validation.invalid_format", "query.workspace_uuid"},
        ErrorCase{"MalformedLimit", "GET", kRuns + "?limit=0", ids::kKey, "", 422,
                  "validation.invalid_format", "query.limit"},
        ErrorCase{"MalformedOffset", "GET", kRuns + "?offset=-1", ids::kKey, "", 422,
                  "validation.invalid_format", "query.offset"}),
    CaseName());

struct NameCase {
  const char* name;
  std::string id;

  friend void PrintTo(const NameCase& c, std::ostream* out) { *out << c.name; }
};

class NamesOfARun : public EvalRuns, public testing::WithParamInterface<NameCase> {};

TEST_P(NamesOfARun, AllSpellingsDeleteTheRun) {
  const auto deleted = Send("DELETE", RunPath(GetParam().id), ids::kKey);
  ASSERT_TRUE(deleted);
  EXPECT_EQ(deleted->status, 204) << deleted->body;
  EXPECT_EQ(deleted->body, "");
  EXPECT_FALSE(deleted->has_header("Content-Length"));
  EXPECT_FALSE(deleted->get_header_value("x-request-id").empty());
  EXPECT_EQ(Send("GET", RunPath(ids::kRun), ids::kKey)->status, 404);
  EXPECT_EQ(Send("DELETE", RunPath(GetParam().id), ids::kKey)->status, 404);
}

INSTANTIATE_TEST_SUITE_P(
    Table, NamesOfARun,
    testing::Values(NameCase{"Bare", ids::kRun},
                    NameCase{"Prefixed", std::string("score_run.") + ids::kRun},
                    NameCase{"UpperCase", "ABCDEF00-0000-4000-8000-000000000001"},
                    NameCase{"PrefixedUpperCase", "score_run.ABCDEF00-0000-4000-8000-000000000001"},
                    NameCase{"PercentEncoded", "%61bcdef00-0000-4000-8000-000000000001"},
                    NameCase{"WorkspaceGiven",
                             std::string(ids::kRun) + "?workspace_uuid=" + ids::kWorkspace},
                    NameCase{"WorkspacePrefixedUpperCase",
                             std::string(ids::kRun) +
                                 "?workspace_uuid=workspace.AAAAAAAA-0000-4000-8000-00000000000A"}),
    CaseName());

TEST_F(EvalRuns, DeleteIsLimitedToTheWorkspace) {
  const std::string there = std::string("?workspace_uuid=") + ids::kOtherWorkspace;
  EXPECT_EQ(Send("DELETE", RunPath(ids::kRun, there), ids::kKey)->status, 404);
  EXPECT_EQ(Send("GET", RunPath(ids::kRun), ids::kKey)->status, 200);
  EXPECT_EQ(Send("DELETE", RunPath(ids::kOtherRun, there), ids::kKey)->status, 204);
}

TEST_F(EvalRuns, RejectedDeleteKeepsTheRun) {
  EXPECT_EQ(Send("DELETE", RunPath(ids::kProcessingRun), ids::kKey)->status, 409);
  EXPECT_EQ(Send("DELETE", RunPath(ids::kRun), ids::kReadOnlyKey)->status, 403);
  EXPECT_EQ(Send("GET", RunPath(ids::kProcessingRun), ids::kKey)->status, 200);
  EXPECT_EQ(Send("GET", RunPath(ids::kRun), ids::kReadOnlyKey)->status, 200);
}

TEST_F(EvalRuns, CreateGetListDelete) {
  const json asked = {
      {"eval_uuid", std::string("eval.") + ids::kEval},
      {"name", "n"},
      {"responses",
       {{{"prompt_uuid", "p1"}, {"content", "text"}, {"turn_number", 2}},
        {{"prompt_uuid", "p2"}, {"content", {{"file_uuid", "f"}}}, {"content_type", "image"}}}},
      {"unknown member", 1}};
  const auto created = Send("POST", kRuns + "?is_sandbox=true", ids::kKey, asked.dump());
  ASSERT_TRUE(created);
  ASSERT_EQ(created->status, 200) << created->body;
  const json run = json::parse(created->body);
  EXPECT_EQ(run["eval_uuid"], ids::kEval);
  EXPECT_EQ(run["workspace_uuid"], ids::kWorkspace);
  EXPECT_EQ(run["status"], "created");
  EXPECT_EQ(run["is_sandbox"], true);
  EXPECT_EQ(run["num_prompts"], 2);
  EXPECT_EQ(run["responses"][0]["turn_number"], 2);
  EXPECT_EQ(run["responses"][1]["content"]["file_uuid"], "f");
  EXPECT_EQ(run["ai_description"], nullptr);

  const std::string id = run["eval_run_uuid"];
  EXPECT_EQ(json::parse(Send("GET", RunPath(id), ids::kKey)->body), run);
  const json page = json::parse(Send("GET", kRuns + "?limit=1", ids::kKey)->body);
  EXPECT_EQ(page["count"], 3);
  ASSERT_EQ(page["items"].size(), 1U);
  EXPECT_EQ(page["items"][0], run) << "the newest comes first";
  EXPECT_EQ(Send("DELETE", RunPath(id), ids::kKey)->status, 204);
  EXPECT_EQ(json::parse(Send("GET", kRuns, ids::kKey)->body)["count"], 2);
}

struct ListCase {
  const char* name;
  const char* key;
  std::string query;
  int items;
  int count;

  friend void PrintTo(const ListCase& c, std::ostream* out) { *out << c.name; }
};

class Lists : public EvalRuns, public testing::WithParamInterface<ListCase> {};

TEST_P(Lists, ListOnlyVisibleRuns) {
  const auto result = Send("GET", kRuns + GetParam().query, GetParam().key);
  ASSERT_TRUE(result);
  ASSERT_EQ(result->status, 200) << result->body;
  const json page = json::parse(result->body);
  EXPECT_EQ(page["items"].size(), static_cast<std::size_t>(GetParam().items));
  EXPECT_EQ(page["count"], GetParam().count);
}

INSTANTIATE_TEST_SUITE_P(
    Table, Lists,
    testing::Values(
        ListCase{"OwnWorkspace", ids::kKey, "", 2, 2},
        ListCase{"OtherWorkspace", ids::kKey,
                 std::string("?workspace_uuid=") + ids::kOtherWorkspace, 1, 1},
        ListCase{"EveryWorkspaceOfTheOrganization", ids::kKey, "?workspace_uuid=*", 3, 3},
        ListCase{"Stranger", ids::kOtherOrganizationKey, "?workspace_uuid=*", 1, 1},
        ListCase{"Limit", ids::kKey, "?limit=1", 1, 2},
        ListCase{"Offset", ids::kKey, "?offset=1", 1, 2},
        ListCase{"OffsetBeyondTheEnd", ids::kKey, "?offset=9", 0, 2},
        ListCase{"Eval", ids::kKey, std::string("?eval_uuid=") + ids::kEval, 2, 2},
        ListCase{"UnknownEval", ids::kKey, std::string("?eval_uuid=") + ids::kMissingRun, 0, 0}),
    CaseName());

TEST_F(EvalRuns, QuotaExceededReturnsRetryAfter) {
  EXPECT_EQ(Send("GET", kRuns, ids::kRateLimitedKey)->status, 200);
  EXPECT_EQ(Send("GET", kRuns, ids::kRateLimitedKey)->status, 200);
  const auto result = Send("DELETE", RunPath(ids::kRun), ids::kRateLimitedKey);
  ExpectDocumentedError(result, 429, "quota.limit_exceeded");
  const int wait = std::stoi(result->get_header_value("Retry-After"));
  EXPECT_GT(wait, 0);
  EXPECT_LE(wait, 30);
  EXPECT_EQ(Send("GET", RunPath(ids::kRun), ids::kKey)->status, 200) << "other keys still work";
}

TEST_F(EvalRuns, HealthNeedsNoApiKey) {
  EXPECT_EQ(Send("GET", "/health/", "")->status, 200);
  EXPECT_EQ(Send("GET", "/health", "")->status, 404);
}

}  // namespace
}  // namespace evalrun::backend

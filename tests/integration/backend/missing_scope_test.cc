// SPDX-License-Identifier: Apache-2.0
//
// A fault script takes a workspace or an organization away and gives it back: requests in it are
// answered exactly as those for a missing run, and the runs are kept.
#include <ostream>
#include <string>

#include <gtest/gtest.h>

#include "tests/integration/backend/case_name.h"
#include "tests/integration/backend/fault_backend.h"
#include "tests/integration/backend/page_shape.h"

namespace evalrun::backend {
namespace {

using nlohmann::json;

struct ScopeCase {
  const char* name;
  const char* missing;  // the id that the script takes away
  std::string query;    // of the requests in that scope, which exist otherwise
  const char* run = ids::kRun;

  friend void PrintTo(const ScopeCase& c, std::ostream* out) { *out << c.name; }
};

class MissingScope : public FaultBackend, public testing::WithParamInterface<ScopeCase> {
 protected:
  httplib::Result Send(const std::string& method, const std::string& path,
                       const std::string& query) {
    httplib::Request request;
    request.method = method;
    request.path = path + query;
    request.set_header("x-api-key", ids::kKey);
    httplib::Client client = backend_.Connect();
    return client.send(request);
  }

  // Puts a script in which these are missing, a JSON array.
  void PutMissing(const std::string& missing) {
    const auto put = backend_.ConnectAdmin().Put(
        "/faults", R"({"rules": [], "missing": )" + missing + "}", "application/json");
    ASSERT_TRUE(put);
    ASSERT_EQ(put->status, 200) << put->body;
  }

  const std::string runs_ = "/v2/eval-runs";
  const std::string run_ = runs_ + "/" + GetParam().run;
};

// An error without its request id.
json WithoutRequestId(json body) {
  body.erase("request_id");
  return body;
}

TEST_P(MissingScope, IsAnsweredAsAMissingRunUntilRestored) {
  const std::string& query = GetParam().query;
  const json missing_run = ExpectDocumentedError(Send("DELETE", runs_ + "/" + ids::kMissingRun, ""),
                                                 404, "resource.not_found");

  PutMissing(std::string("[\"") + GetParam().missing + "\"]");
  EXPECT_EQ(Report()["missing"], json::array({GetParam().missing}));
  const json journal = json::parse(backend_.ConnectAdmin().Get("/journal")->body);
  for (const auto& [method, path] :
       {std::pair("DELETE", run_), std::pair("GET", run_), std::pair("GET", runs_)}) {
    const json body = ExpectDocumentedError(Send(method, path, query), 404, "resource.not_found");
    EXPECT_EQ(WithoutRequestId(body), WithoutRequestId(missing_run)) << method << ' ' << path;
  }
  const std::string limited = query.empty() ? "?limit=1" : query + "&limit=1";
  EXPECT_EQ(Send("GET", runs_, limited)->status, 404);
  EXPECT_EQ(json::parse(backend_.ConnectAdmin().Get("/journal")->body), journal)
      << "a deletion in a missing scope is not about a run";

  PutMissing("[]");
  EXPECT_EQ(Send("GET", run_, query)->status, 200) << "the run was lost";
  const auto list = Send("GET", runs_, limited);
  EXPECT_EQ(list->status, 200);
  EXPECT_EQ(json::parse(list->body)["items"].size(), 1U);
  EXPECT_EQ(Send("DELETE", run_, query)->status, 204);
}

constexpr char kOrganization[] = "00000000-0000-4000-8000-00000000000a";
const std::string kOtherWorkspaceQuery = std::string("?workspace_uuid=") + ids::kOtherWorkspace;

INSTANTIATE_TEST_SUITE_P(Table, MissingScope,
                         testing::Values(ScopeCase{"OwnWorkspace", ids::kWorkspace, ""},
                                         ScopeCase{
                                             "OwnWorkspaceByName", ids::kWorkspace,
                                             std::string("?workspace_uuid=") + ids::kWorkspace},
                                         ScopeCase{"OtherWorkspace", ids::kOtherWorkspace,
                                                   kOtherWorkspaceQuery, ids::kOtherRun},
                                         ScopeCase{"Organization", kOrganization, ""},
                                         ScopeCase{"OrganizationWithAWorkspace", kOrganization,
                                                   kOtherWorkspaceQuery, ids::kOtherRun}),
                         CaseName());

TEST_F(FaultBackend, MissingWorkspaceLeavesOthersAlone) {
  const auto put = backend_.ConnectAdmin().Put(
      "/faults", std::string(R"({"rules": [], "missing": [")") + ids::kOtherWorkspace + "\"]}",
      "application/json");
  ASSERT_EQ(put->status, 200) << put->body;
  EXPECT_TRUE(RunIsThere());
}

}  // namespace
}  // namespace evalrun::backend

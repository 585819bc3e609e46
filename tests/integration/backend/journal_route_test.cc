// SPDX-License-Identifier: Apache-2.0
//
// The journal on the admin port.
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/integration/backend/fault_backend.h"

namespace evalrun::backend {
namespace {

using nlohmann::json;

class JournalRoute : public FaultBackend {
 protected:
  json Rows(const std::string& query = "") {
    const auto response = backend_.ConnectAdmin().Get("/journal" + query);
    EXPECT_TRUE(response);
    EXPECT_EQ(response->status, 200) << response->body;
    return json::parse(response->body)["rows"];
  }

  void Delete(const std::string& request_id) {
    const auto response = backend_.Connect().Delete(
        std::string("/v2/eval-runs/") + ids::kRun,
        httplib::Headers{{"x-api-key", ids::kKey}, {"x-request-id", request_id}});
    EXPECT_TRUE(response);
  }
};

TEST_F(JournalRoute, IsEmptyInitially) { EXPECT_EQ(Rows(), json::array()); }

TEST_F(JournalRoute, HasOneRowPerDeletion) {
  Delete("first");
  Delete("second");
  const json rows = Rows();
  ASSERT_EQ(rows.size(), 2U);
  for (const json& row : rows) {
    EXPECT_EQ(row["eval_run_uuid"], ids::kRun);
    EXPECT_EQ(row["workspace_uuid"], ids::kWorkspace);
    EXPECT_TRUE(row["key_name"].is_string());
    EXPECT_GT(row["at"], 0);
  }
  EXPECT_EQ(rows[0]["request_id"], "first");
  EXPECT_EQ(rows[0]["outcome"], "deleted");
  EXPECT_EQ(rows[1]["request_id"], "second");
  EXPECT_EQ(rows[1]["outcome"], "not_found");
  EXPECT_LT(rows[0]["id"], rows[1]["id"]);
}

TEST_F(JournalRoute, SupportsPaging) {
  for (const char* id : {"1", "2", "3"}) Delete(id);
  const json all = Rows();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(Rows("?limit=2"), json({all[0], all[1]}));
  EXPECT_EQ(Rows("?after=" + all[1]["id"].dump()), json({all[2]}));
  EXPECT_EQ(Rows("?after=" + all[2]["id"].dump()), json::array());
}

TEST_F(JournalRoute, RejectsNonNumericParameters) {
  for (const char* query : {"?after=x", "?after=-1", "?limit=0", "?limit=10001"}) {
    const auto response = backend_.ConnectAdmin().Get(std::string("/journal") + query);
    ASSERT_TRUE(response);
    EXPECT_EQ(response->status, 400) << query;
    EXPECT_TRUE(json::parse(response->body)["detail"].is_string()) << response->body;
  }
}

TEST_F(JournalRoute, IsReadOnlyOnTheAdminPort) {
  EXPECT_EQ(backend_.Connect().Get("/journal")->status, 404);
  EXPECT_EQ(backend_.ConnectAdmin().Delete("/journal")->status, 405);
}

}  // namespace
}  // namespace evalrun::backend

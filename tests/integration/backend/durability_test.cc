// SPDX-License-Identifier: Apache-2.0
//
// Acknowledged deletions are kept, however the process ends.
#include <signal.h>

#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "tests/integration/backend/backend_process.h"
#include "tests/integration/backend/journal.h"
#include "tests/integration/backend/page_shape.h"

namespace evalrun::backend {
namespace {

TEST(Durability, FailedWriteReturnsErrorAndKeepsTheRun) {
  const TempDirectory directory;
  BackendProcess backend(directory);
  ASSERT_NE(backend.WaitForPort(), 0);
  const std::string run = std::string("/v2/eval-runs/") + ids::kRun;
  httplib::Client client = backend.Connect();
  ExecuteSql(directory.File("runs.db"), "DROP TABLE journal");
  const auto body = ExpectDocumentedError(
      client.Delete(run, httplib::Headers{{"x-api-key", ids::kKey}}), 500, "server.internal_error");
  EXPECT_EQ(body.dump().find("journal"), std::string::npos) << "the response reveals SQL";
  EXPECT_EQ(client.Get(run, {{"x-api-key", ids::kKey}})->status, 200);
}

TEST(Durability, ReseedingDoesNotRestoreDeletedRuns) {
  const TempDirectory directory;
  const std::string run = std::string("/v2/eval-runs/") + ids::kRun;
  for (const int status : {204, 404}) {
    BackendProcess backend(directory);
    ASSERT_NE(backend.WaitForPort(), 0);
    EXPECT_EQ(backend.Connect().Delete(run, httplib::Headers{{"x-api-key", ids::kKey}})->status,
              status);
    backend.Signal(SIGKILL);
    backend.Wait();
  }
}

TEST(Durability, SigtermAnswersPendingRequestsAndExitsZero) {
  const TempDirectory directory;
  BackendProcess backend(directory);
  ASSERT_NE(backend.WaitForPort(), 0);
  httplib::Client idle = backend.Connect();
  ASSERT_EQ(idle.Get("/health/")->status, 200);
  const auto deleted = backend.Connect().Delete(std::string("/v2/eval-runs/") + ids::kRun,
                                                httplib::Headers{{"x-api-key", ids::kKey}});
  ASSERT_EQ(deleted->status, 204);

  const auto begun = std::chrono::steady_clock::now();
  backend.Signal(SIGTERM);
  const ExitResult ended = backend.Wait();
  EXPECT_EQ(ended.exit_status, 0) << ended.standard_error;
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(10))
      << "an idle connection delayed the shutdown";

  BackendProcess restarted(directory);
  ASSERT_NE(restarted.WaitForPort(), 0);
  EXPECT_EQ(restarted.Connect()
                .Get(std::string("/v2/eval-runs/") + ids::kRun, {{"x-api-key", ids::kKey}})
                ->status,
            404);
}

}  // namespace
}  // namespace evalrun::backend

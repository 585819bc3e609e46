// SPDX-License-Identifier: Apache-2.0
//
// File: fault_backend.h
//
// A fixture with a backend that accepts fault scripts.
#ifndef EVALRUN_TESTS_INTEGRATION_BACKEND_FAULT_BACKEND_H_
#define EVALRUN_TESTS_INTEGRATION_BACKEND_FAULT_BACKEND_H_

#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/integration/backend/backend_process.h"

namespace evalrun::backend {

class FaultBackend : public testing::Test {
 protected:
  FaultBackend() { EXPECT_NE(backend_.WaitForPort(), 0); }

  // The request that most of these tests send.
  static std::string DeleteRequest() {
    return std::string("DELETE /v2/eval-runs/") + ids::kRun +
           " HTTP/1.1\r\nHost: x\r\nx-api-key: " + ids::kKey + "\r\n\r\n";
  }

  // Installs a script with one rule, which has these members in addition to its name.
  void PutRule(const std::string& members) {
    const auto put = backend_.ConnectAdmin().Put(
        "/faults", R"({"rules": [{"name": "n", )" + members + "}]}", "application/json");
    ASSERT_TRUE(put);
    ASSERT_EQ(put->status, 200) << put->body;
  }

  nlohmann::json Report() {
    const auto report = backend_.ConnectAdmin().Get("/faults");
    return report ? nlohmann::json::parse(report->body) : nlohmann::json();
  }

  void WaitUntilHeld(int count) {
    while (Report()["held"] != count) std::this_thread::yield();
  }

  // Whether the run of DeleteRequest() exists. The script must not affect reads.
  bool RunIsThere() {
    const auto found = backend_.Connect().Get(std::string("/v2/eval-runs/") + ids::kRun,
                                              {{"x-api-key", ids::kKey}});
    return found && found->status == 200;
  }

  TempDirectory directory_;
  BackendProcess backend_{directory_, BackendProcess::WithDefaultArguments(
                                          directory_, {"--admin-listen", "127.0.0.1:0"})};
};

}  // namespace evalrun::backend

#endif  // EVALRUN_TESTS_INTEGRATION_BACKEND_FAULT_BACKEND_H_

// SPDX-License-Identifier: Apache-2.0
//
// File: http_fixture.h
//
// A fixture with a backend, and functions to build requests as bytes.
#ifndef EVALRUN_TESTS_INTEGRATION_BACKEND_HTTP_FIXTURE_H_
#define EVALRUN_TESTS_INTEGRATION_BACKEND_HTTP_FIXTURE_H_

#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "tests/integration/backend/backend_process.h"

namespace evalrun::backend {

class Http : public testing::Test {
 protected:
  Http() { EXPECT_NE(backend_.WaitForPort(), 0); }

  TempDirectory directory_;
  BackendProcess backend_{directory_};
};

inline const std::string kHost = "Host: x\r\n";
inline const std::string kKey = std::string("x-api-key: ") + ids::kKey + "\r\n";
inline const std::string kRunPath = std::string("/v2/eval-runs/") + ids::kRun;
inline const std::string kHealth = "GET /health/ HTTP/1.1\r\n" + kHost + "\r\n";
inline const std::string kCreateBody =
    std::string(R"({"eval_uuid":")") + ids::kEval + R"(","responses":[]})";

inline std::string Chunked(const std::string& body) {
  std::ostringstream text;
  text << std::hex << body.size() << "\r\n" << body << "\r\n0\r\n\r\n";
  return text.str();
}

}  // namespace evalrun::backend

#endif  // EVALRUN_TESTS_INTEGRATION_BACKEND_HTTP_FIXTURE_H_

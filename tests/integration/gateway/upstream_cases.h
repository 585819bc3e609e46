// SPDX-License-Identifier: Apache-2.0
//
// File: upstream_cases.h
//
// How an upstream may respond to a DELETE: one case for each row of the behaviour table.
#ifndef EVALRUN_TESTS_INTEGRATION_GATEWAY_UPSTREAM_CASES_H_
#define EVALRUN_TESTS_INTEGRATION_GATEWAY_UPSTREAM_CASES_H_

#include <functional>
#include <string>
#include <vector>

#include <grpcpp/support/status_code_enum.h>

#include "tests/support/scripted_upstream.h"

namespace evalrun::testing {

struct UpstreamCase {
  std::string name;
  std::function<Script()> script;

  // The expected reply when the gateway makes one attempt.
  grpc::StatusCode code = grpc::StatusCode::OK;
  std::string deletion = "performed";
  std::string reason = {};    // empty: any
  bool is_api_error = false;  // the error is the API's own, with its domain and its code
  int http_status = 0;        // the value in the details; 0: absent

  // The expected reply with up to three attempts; anything not set is as above.
  int attempts = 1;
  bool eventually_succeeds = false;

  // Make another call first, so that its connection is reused.
  bool on_reused_connection = false;
};

// All rows except "connection refused", which has no upstream.
std::vector<UpstreamCase> UpstreamCases();

void PrintTo(const UpstreamCase& upstream_case, std::ostream* os);

}  // namespace evalrun::testing

#endif  // EVALRUN_TESTS_INTEGRATION_GATEWAY_UPSTREAM_CASES_H_

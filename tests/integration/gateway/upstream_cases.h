// File: upstream_cases.h
//
// What an upstream may do to a DELETE, one case for each row of the behaviour table.
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

  // The answer when the gateway may send once.
  grpc::StatusCode code = grpc::StatusCode::OK;
  std::string deletion = "performed";
  std::string reason = {};    // empty: any
  bool is_api_error = false;  // the error is the API's own: its domain, its code
  int http_status = 0;        // as the details must say; 0: must be missing

  // The answer when it may send three times; what is not said is as above.
  int sends = 1;
  bool eventually_succeeds = false;

  // A call before the one that counts, so that its connection is used again.
  bool on_reused_connection = false;
};

// All rows but "connection refused", which has no upstream.
std::vector<UpstreamCase> UpstreamCases();

void PrintTo(const UpstreamCase& upstream_case, std::ostream* os);

}  // namespace evalrun::testing

#endif  // EVALRUN_TESTS_INTEGRATION_GATEWAY_UPSTREAM_CASES_H_

// SPDX-License-Identifier: Apache-2.0
//
// File: eval_run_json.h
//
// Converts eval runs to and from the API's JSON.
#ifndef EVALRUN_REST_BACKEND_SERVER_EVAL_RUN_JSON_H_
#define EVALRUN_REST_BACKEND_SERVER_EVAL_RUN_JSON_H_

#include <string_view>

#include <nlohmann/json.hpp>

#include "rest_backend/server/api_error.h"
#include "rest_backend/server/records.h"

namespace evalrun::backend {

// The API's EvalRunResult.
[[nodiscard]] nlohmann::ordered_json EvalRunResult(const EvalRun& run);

// Parses the body of a create request into a new run in status `created`, with the given id or a
// generated one. The caller fills in workspace, sandbox and times. Returns 400 for a body that is
// not a JSON object, 422 for an invalid member. Unknown members are ignored, as in the real API.
[[nodiscard]] OrError<EvalRun> ReadCreateRequest(std::string_view body);

}  // namespace evalrun::backend

#endif  // EVALRUN_REST_BACKEND_SERVER_EVAL_RUN_JSON_H_

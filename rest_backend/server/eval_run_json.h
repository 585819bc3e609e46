// File: eval_run_json.h
//
// An eval run as the API writes it, and as a create request asks for it.
#ifndef EVALRUN_REST_BACKEND_SERVER_EVAL_RUN_JSON_H_
#define EVALRUN_REST_BACKEND_SERVER_EVAL_RUN_JSON_H_

#include <string_view>

#include <nlohmann/json.hpp>

#include "rest_backend/server/api_error.h"
#include "rest_backend/server/records.h"

namespace evalrun::backend {

// The API's EvalRunResult.
[[nodiscard]] nlohmann::ordered_json EvalRunResult(const EvalRun& run);

// The run that the body of a create request asks for: a new one, with an id of its own or the
// given one, in status `created`. The caller fills in workspace, sandbox and times. 400 for a body
// that is no JSON object, 422 for a member of it. Unknown members are ignored, as the API does.
[[nodiscard]] OrError<EvalRun> ReadCreateRequest(std::string_view body);

}  // namespace evalrun::backend

#endif  // EVALRUN_REST_BACKEND_SERVER_EVAL_RUN_JSON_H_

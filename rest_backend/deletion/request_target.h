// SPDX-License-Identifier: Apache-2.0
//
// File: request_target.h
//
// The path and query of the two requests to the API.
#ifndef EVALRUN_REST_BACKEND_DELETION_REQUEST_TARGET_H_
#define EVALRUN_REST_BACKEND_DELETION_REQUEST_TARGET_H_

#include <optional>
#include <string>
#include <string_view>

namespace evalrun::deletion {

// Both replace `*target`. `base_path` is the path of the configured base URL without a trailing
// slash, such as `/v2`; the ids are well-formed (resource_id.h) and therefore need no encoding.

// The DELETE of a run: `{base}/eval-runs/{id}[?workspace_uuid={workspace}]`.
void BuildRequestTarget(std::string_view base_path, std::string_view eval_run_uuid,
                        std::optional<std::string_view> workspace_uuid, std::string* target);

// The GET that proves a scope (scope_proof.h):
// `{base}/eval-runs?limit=1[&workspace_uuid={workspace}]`.
void BuildProbeTarget(std::string_view base_path, std::optional<std::string_view> workspace_uuid,
                      std::string* target);

}  // namespace evalrun::deletion

#endif  // EVALRUN_REST_BACKEND_DELETION_REQUEST_TARGET_H_

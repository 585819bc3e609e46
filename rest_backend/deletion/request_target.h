// File: request_target.h
//
// The path and query of the one request: `{base}/eval-runs/{id}[?workspace_uuid={workspace}]`.
#ifndef EVALRUN_REST_BACKEND_DELETION_REQUEST_TARGET_H_
#define EVALRUN_REST_BACKEND_DELETION_REQUEST_TARGET_H_

#include <optional>
#include <string>
#include <string_view>

namespace evalrun::deletion {

// Replaces `*target` with the request target of "delete this run". `base_path` is the path of the
// configured base URL without a trailing slash, such as `/v2`; both ids are well-formed
// (resource_id.h) and therefore need no encoding. Without a workspace there is no query at all.
void BuildRequestTarget(std::string_view base_path, std::string_view eval_run_uuid,
                        std::optional<std::string_view> workspace_uuid, std::string* target);

}  // namespace evalrun::deletion

#endif  // EVALRUN_REST_BACKEND_DELETION_REQUEST_TARGET_H_

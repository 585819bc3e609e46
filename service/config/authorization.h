// File: authorization.h
//
// What the section `authorization` allows. Pure.
#ifndef EVALRUN_SERVICE_CONFIG_AUTHORIZATION_H_
#define EVALRUN_SERVICE_CONFIG_AUTHORIZATION_H_

#include <string>
#include <vector>

#include <absl/status/status.h>

#include "service/config/config.pb.h"

namespace evalrun::config {

// Appends one line for each thing that is wrong. `opaque_ids`: `ids.opaque`.
void CheckAuthorization(const v1::Authorization& authorization, bool opaque_ids,
                        std::vector<std::string>* errors);

// A workspace as rules name it: an id in any spelling, the beginning of one in canonical form
// followed by `*`, `*`, or `(unset)`. The error begins with "must".
[[nodiscard]] absl::Status CheckWorkspacePattern(std::string_view text, bool opaque_ids);

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_AUTHORIZATION_H_

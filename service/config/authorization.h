// SPDX-License-Identifier: Apache-2.0
//
// File: authorization.h
//
// Parses the section `authorization`. Pure.
#ifndef EVALRUN_SERVICE_CONFIG_AUTHORIZATION_H_
#define EVALRUN_SERVICE_CONFIG_AUTHORIZATION_H_

#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>

#include "service/authz/scope.h"
#include "service/config/config.pb.h"
#include "service/config/field_parsers.h"

namespace evalrun::config {

// Parses an element of `authorization.rules`, whose name is `name`. Every mistake goes to
// `conflicts`, one line each; the result is then not to be used. `opaque_ids`: `ids.opaque`.
[[nodiscard]] authz::Scope ParseAuthorizationRule(const std::string& name,
                                                  const v1::AuthorizationRule& rule,
                                                  bool opaque_ids, FieldErrors* errors,
                                                  std::vector<std::string>* conflicts);

// A workspace as rules name it: an id in any spelling, the beginning of one in canonical form
// followed by `*`, `*`, or `(unset)`. The error begins with "must".
[[nodiscard]] absl::Status CheckWorkspacePattern(std::string_view text, bool opaque_ids);

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_AUTHORIZATION_H_

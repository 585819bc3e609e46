// SPDX-License-Identifier: Apache-2.0
//
// File: authenticate.h
//
// Authenticates and authorizes a request.
#ifndef EVALRUN_REST_BACKEND_SERVER_AUTHENTICATE_H_
#define EVALRUN_REST_BACKEND_SERVER_AUTHENTICATE_H_

#include <functional>
#include <string_view>

#include "rest_backend/server/api_error.h"
#include "rest_backend/server/quota.h"
#include "rest_backend/server/records.h"
#include "rest_backend/server/store.h"

namespace evalrun::backend {

// Whether the organization or workspace with this canonical id is to be treated as missing although
// the store has it. Thread-safe.
using IsMissing = std::function<bool(std::string_view uuid)>;

// Looks up the key with this `secret`, the value of `x-api-key`, and checks in this order: it is
// known and has not expired (401), has quota left (429), belongs to an organization that exists
// (404) and is not missing by `is_missing`, and has `permission` (403). Takes one request from its
// quota. Thread-safe.
[[nodiscard]] OrError<ApiKey> Authenticate(std::string_view secret, Permission permission,
                                           Store& store, Quota& quota, const IsMissing& is_missing);

}  // namespace evalrun::backend

#endif  // EVALRUN_REST_BACKEND_SERVER_AUTHENTICATE_H_

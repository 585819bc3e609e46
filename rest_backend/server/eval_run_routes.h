// SPDX-License-Identifier: Apache-2.0
//
// File: eval_run_routes.h
//
// The handlers of `/v2/eval-runs` and `/health/`.
#ifndef EVALRUN_REST_BACKEND_SERVER_EVAL_RUN_ROUTES_H_
#define EVALRUN_REST_BACKEND_SERVER_EVAL_RUN_ROUTES_H_

#include "rest_backend/server/authenticate.h"
#include "rest_backend/server/http_server.h"
#include "rest_backend/server/quota.h"
#include "rest_backend/server/store.h"

namespace evalrun::backend {

// Adds the routes. `store` and `quota` must outlive the server's last request, and so must whatever
// `is_missing` refers to.
void AddEvalRunRoutes(HttpServer& server, Store& store, Quota& quota, IsMissing is_missing);

}  // namespace evalrun::backend

#endif  // EVALRUN_REST_BACKEND_SERVER_EVAL_RUN_ROUTES_H_

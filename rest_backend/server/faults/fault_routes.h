// SPDX-License-Identifier: Apache-2.0
//
// File: fault_routes.h
//
// `/faults` and `/faults/release` on the admin port. README.md documents the requests.
#ifndef EVALRUN_REST_BACKEND_SERVER_FAULTS_FAULT_ROUTES_H_
#define EVALRUN_REST_BACKEND_SERVER_FAULTS_FAULT_ROUTES_H_

#include "rest_backend/server/faults/fault_injector.h"
#include "rest_backend/server/http_server.h"

namespace evalrun::backend {

// Adds the routes. `injector` must outlive the server's last request.
void AddFaultRoutes(HttpServer& server, FaultInjector& injector);

}  // namespace evalrun::backend

#endif  // EVALRUN_REST_BACKEND_SERVER_FAULTS_FAULT_ROUTES_H_

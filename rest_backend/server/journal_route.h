// SPDX-License-Identifier: Apache-2.0
//
// File: journal_route.h
//
// `GET /journal` on the admin port: the requested deletions and their outcomes.
#ifndef EVALRUN_REST_BACKEND_SERVER_JOURNAL_ROUTE_H_
#define EVALRUN_REST_BACKEND_SERVER_JOURNAL_ROUTE_H_

#include "rest_backend/server/http_server.h"
#include "rest_backend/server/store.h"

namespace evalrun::backend {

// Adds the route. `store` must outlive the server's last request.
void AddJournalRoute(HttpServer& server, Store& store);

}  // namespace evalrun::backend

#endif  // EVALRUN_REST_BACKEND_SERVER_JOURNAL_ROUTE_H_

// SPDX-License-Identifier: Apache-2.0
//
// File: unique_id.h
//
// Generates ids for runs, responses and requests.
#ifndef EVALRUN_REST_BACKEND_SERVER_UNIQUE_ID_H_
#define EVALRUN_REST_BACKEND_SERVER_UNIQUE_ID_H_

#include <string>

namespace evalrun::backend {

// A random UUID (RFC 9562, version 4) in lower case. Thread-safe.
[[nodiscard]] std::string NewUuid();

}  // namespace evalrun::backend

#endif  // EVALRUN_REST_BACKEND_SERVER_UNIQUE_ID_H_

// SPDX-License-Identifier: Apache-2.0
//
// File: curl_fault.h
//
// Maps libcurl's result codes to deletion::Fault.
#ifndef EVALRUN_REST_BACKEND_HTTP_CURL_FAULT_H_
#define EVALRUN_REST_BACKEND_HTTP_CURL_FAULT_H_

#include <curl/curl.h>

#include "rest_backend/deletion/attempt_result.h"

namespace evalrun::http {

// The fault for `code`, given that no HTTP status was read. CURLE_OK is kNone; an unknown code is
// kInternal.
[[nodiscard]] deletion::Fault ToFault(CURLcode code);

}  // namespace evalrun::http

#endif  // EVALRUN_REST_BACKEND_HTTP_CURL_FAULT_H_

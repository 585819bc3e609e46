// File: curl_fault.h
//
// libcurl's result codes in the words of the API layer.
#ifndef EVALRUN_REST_BACKEND_HTTP_CURL_FAULT_H_
#define EVALRUN_REST_BACKEND_HTTP_CURL_FAULT_H_

#include <curl/curl.h>

#include "rest_backend/deletion/attempt_result.h"

namespace evalrun::http {

// The fault behind `code`, given that no HTTP status was read. CURLE_OK is no fault; a code that
// this function does not know is kInternal.
[[nodiscard]] deletion::Fault ToFault(CURLcode code);

}  // namespace evalrun::http

#endif  // EVALRUN_REST_BACKEND_HTTP_CURL_FAULT_H_

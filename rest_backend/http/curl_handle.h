// SPDX-License-Identifier: Apache-2.0
//
// File: curl_handle.h
//
// Ownership of libcurl's handles. curl_global_init() must have been called before one is made.
#ifndef EVALRUN_REST_BACKEND_HTTP_CURL_HANDLE_H_
#define EVALRUN_REST_BACKEND_HTTP_CURL_HANDLE_H_

#include <memory>

#include <curl/curl.h>

namespace evalrun::http {

// libcurl's handles are all `void*`: the deleter tells them apart.
template <auto kCleanup>
struct CurlDeleter {
  void operator()(void* handle) const { kCleanup(handle); }
};

using EasyHandle = std::unique_ptr<void, CurlDeleter<curl_easy_cleanup>>;
using MultiHandle = std::unique_ptr<void, CurlDeleter<curl_multi_cleanup>>;
using ShareHandle = std::unique_ptr<void, CurlDeleter<curl_share_cleanup>>;

}  // namespace evalrun::http

#endif  // EVALRUN_REST_BACKEND_HTTP_CURL_HANDLE_H_

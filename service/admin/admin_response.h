// SPDX-License-Identifier: Apache-2.0
//
// File: admin_response.h
//
// The admin port's response to a request, as a pure function.
#ifndef EVALRUN_SERVICE_ADMIN_ADMIN_RESPONSE_H_
#define EVALRUN_SERVICE_ADMIN_ADMIN_RESPONSE_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "service/admin/source_functions.h"

namespace evalrun::admin {

struct AdminRequest {
  std::string_view method;
  std::string_view path;       // without a query
  std::string_view body = {};  // cut to one byte more than kMaxAdminBodyBytes
};

inline constexpr std::size_t kMaxAdminBodyBytes = 16;

struct AdminResponse {
  unsigned int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body = {};
  std::string allow = {};  // the `Allow` header of a 405
  // Nothing but the page is to be shown as one.
  std::string content_security_policy = "default-src 'none'; frame-ancestors 'none'";
};

// HEAD gets the response to GET, whose body the HTTP server omits. Neither changes anything.
[[nodiscard]] AdminResponse HandleAdminRequest(const AdminRequest& request,
                                               const AdminSources& sources);

}  // namespace evalrun::admin

#endif  // EVALRUN_SERVICE_ADMIN_ADMIN_RESPONSE_H_

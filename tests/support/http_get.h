// SPDX-License-Identifier: Apache-2.0
//
// File: http_get.h
#ifndef EVALRUN_TESTS_SUPPORT_HTTP_GET_H_
#define EVALRUN_TESTS_SUPPORT_HTTP_GET_H_

#include <string>

namespace evalrun::testing {

struct HttpResponse {
  int status = 0;  // 0: no response
  std::string body;
};

// Makes one GET request to `http://{address}{path}` on its own connection, with a timeout of 10 s.
HttpResponse HttpGet(const std::string& address, const std::string& path);

}  // namespace evalrun::testing

#endif  // EVALRUN_TESTS_SUPPORT_HTTP_GET_H_

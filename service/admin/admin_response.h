// File: admin_response.h
//
// What the admin port answers to a request, as a pure function.
#ifndef EVALRUN_SERVICE_ADMIN_ADMIN_RESPONSE_H_
#define EVALRUN_SERVICE_ADMIN_ADMIN_RESPONSE_H_

#include <string>
#include <string_view>

#include "service/admin/admin_server.h"

namespace evalrun::service {

struct AdminResponse {
  unsigned int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body = {};
  std::string allow = {};  // the `Allow` header of a 405
};

// `path` is without a query. HEAD is answered like GET; whoever sends it leaves out the body.
[[nodiscard]] AdminResponse Respond(std::string_view method, std::string_view path,
                                    const AdminSources& sources);

}  // namespace evalrun::service

#endif  // EVALRUN_SERVICE_ADMIN_ADMIN_RESPONSE_H_

// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/server/faults/fault_routes.h"

#include <string>
#include <utility>

#include <absl/status/statusor.h>
#include <nlohmann/json.hpp>

#include "rest_backend/server/faults/fault_script.h"

namespace evalrun::backend {
namespace {

constexpr char kFaults[] = "/faults";
constexpr char kRelease[] = "/faults/release";

void SetJsonResponse(httplib::Response& response, int status, const nlohmann::ordered_json& body) {
  response.status = status;
  // An error message may quote the script, which may contain invalid UTF-8.
  response.set_content(
      body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n",
      "application/json");
}

}  // namespace

void AddFaultRoutes(HttpServer& server, FaultInjector& injector) {
  server.AddRoute("GET", kFaults, [&](const httplib::Request&, httplib::Response& response) {
    SetJsonResponse(response, 200, injector.StatusJson());
  });
  server.AddRoute("PUT", kFaults,
                  [&](const httplib::Request& request, httplib::Response& response) {
                    absl::StatusOr<FaultScript> script = ParseFaultScript(request.body);
                    if (!script.ok()) {
                      return SetJsonResponse(response, 400,
                                             {{"detail", std::string(script.status().message())}});
                    }
                    injector.Replace(FaultPlan(*std::move(script)));
                    SetJsonResponse(response, 200, injector.StatusJson());
                  });
  server.AddRoute("DELETE", kFaults, [&](const httplib::Request&, httplib::Response& response) {
    injector.Replace(FaultPlan());
    response.status = 204;
  });
  server.AddRoute("POST", kRelease, [&](const httplib::Request&, httplib::Response& response) {
    SetJsonResponse(response, 200, {{"released", injector.Release()}});
  });
}

}  // namespace evalrun::backend

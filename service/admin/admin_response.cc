// SPDX-License-Identifier: Apache-2.0

#include "service/admin/admin_response.h"

#include <algorithm>
#include <array>

#include "service/admin/page/page.h"

namespace evalrun::admin {
namespace {

AdminResponse GetReadiness(const AdminSources& sources) {
  const std::string reason = sources.not_ready_because();
  if (reason.empty()) return {.body = "ok\n"};
  return {.status = 503, .body = reason + "\n"};
}

AdminResponse GetPage(const AdminSources& /*sources*/) {
  return {.content_type = "text/html; charset=utf-8",
          .body = std::string(kPage),
          .content_security_policy = std::string(kPageContentSecurityPolicy)};
}

AdminResponse GetMetrics(const AdminSources& sources) {
  return {.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = sources.metrics()};
}

// For a liveness probe. It does not depend on the upstream: an outage there is no reason to restart
// this process.
AdminResponse GetHealth(const AdminSources& sources) {
  const std::string reason = sources.unhealthy_reason();
  if (reason.empty()) return {.body = "ok\n"};
  return {.status = 503, .body = reason + "\n"};
}

AdminResponse GetConfig(const AdminSources& sources) { return {.body = sources.config()}; }

AdminResponse GetStatus(const AdminSources& sources) {
  return {.content_type = "application/json", .body = sources.status_json()};
}

AdminResponse GetLogLevel(const AdminSources& sources) {
  return {.body = sources.log_level() + "\n"};
}

AdminResponse PutLogLevel(std::string_view body, const AdminSources& sources) {
  std::string_view level = body;
  if (level.ends_with('\n')) level.remove_suffix(1);
  if (level.size() > kMaxAdminBodyBytes || !sources.set_log_level(std::string(level))) {
    return {.status = 400, .body = "must be debug, info, warn or error\n"};
  }
  return GetLogLevel(sources);
}

struct Route {
  std::string_view path;
  AdminResponse (*get)(const AdminSources& sources);
  AdminResponse (*put)(std::string_view body, const AdminSources& sources) = nullptr;
};

constexpr std::array<Route, 7> kRoutes = {{
    {"/", &GetPage},
    {"/metrics", &GetMetrics},
    {"/healthz", &GetHealth},
    {"/readyz", &GetReadiness},
    {"/config", &GetConfig},
    {"/loglevel", &GetLogLevel, &PutLogLevel},
    {"/status.json", &GetStatus},
}};

AdminResponse NotFound() {
  std::string body = "try";
  for (const Route& route : kRoutes) body.append(" ").append(route.path);
  return {.status = 404, .body = body + "\n"};
}

}  // namespace

AdminResponse HandleAdminRequest(const AdminRequest& request, const AdminSources& sources) {
  const auto* route = std::ranges::find(kRoutes, request.path, &Route::path);
  if (route == kRoutes.end()) return NotFound();
  if (request.method == "GET" || request.method == "HEAD") return route->get(sources);
  if (request.method == "PUT" && route->put != nullptr) return route->put(request.body, sources);
  const std::string allowed = route->put == nullptr ? "GET, HEAD" : "GET, HEAD, PUT";
  return {.status = 405, .body = "only " + allowed + "\n", .allow = allowed};
}

}  // namespace evalrun::admin

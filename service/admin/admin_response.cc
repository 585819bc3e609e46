#include "service/admin/admin_response.h"

namespace evalrun::service {

AdminResponse Respond(std::string_view method, std::string_view path, const AdminSources& sources) {
  const bool known = path == "/metrics" || path == "/healthz" || path == "/readyz";
  if (!known) return {.status = 404, .body = "try /metrics, /healthz or /readyz\n"};
  if (method != "GET" && method != "HEAD") {
    return {.status = 405, .body = "only GET and HEAD\n", .allow = "GET, HEAD"};
  }
  if (path == "/metrics") {
    return {.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = sources.metrics()};
  }
  // Whoever can answer this is alive. It must not depend on the upstream: an outage there is no
  // reason to restart this process.
  if (path == "/healthz") return {.body = "ok\n"};
  const std::string reason = sources.not_ready_because();
  if (reason.empty()) return {.body = "ok\n"};
  return {.status = 503, .body = reason + "\n"};
}

}  // namespace evalrun::service

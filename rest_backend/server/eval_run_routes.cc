// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/server/eval_run_routes.h"

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include <nlohmann/json.hpp>

#include "rest_backend/deletion/resource_id.h"
#include "rest_backend/server/api_error.h"
#include "rest_backend/server/authenticate.h"
#include "rest_backend/server/eval_run_json.h"
#include "rest_backend/server/http_framing.h"
#include "rest_backend/server/query.h"

namespace evalrun::backend {
namespace {

constexpr char kRuns[] = "/v2/eval-runs";
constexpr char kRun[] = "/v2/eval-runs/([^/]+)";
constexpr char kHealth[] = "/health/";

struct JsonResponse {
  int status = 200;
  std::string body;  // JSON; empty: no body
};

// The request handlers and the steps that they share. One object serves all requests; thread-safe.
class EvalRunHandlers {
 public:
  EvalRunHandlers(Store& store, Quota& quota, IsMissing is_missing)
      : store_(store), quota_(quota), is_missing_(std::move(is_missing)) {}

  OrError<JsonResponse> Create(const httplib::Request& request);
  OrError<JsonResponse> List(const httplib::Request& request);
  OrError<JsonResponse> Get(const httplib::Request& request);
  OrError<JsonResponse> Delete(const httplib::Request& request);

 private:
  // The run that a request addresses, and the key that it was made with.
  struct Target {
    ApiKey key;
    std::string workspace_uuid;
    std::string eval_run_uuid;
  };

  OrError<ApiKey> AuthenticateCaller(const httplib::Request& request, Permission permission) {
    return Authenticate(request.get_header_value("x-api-key"), permission, store_, quota_,
                        is_missing_);
  }
  OrError<std::string> ResolveWorkspace(const httplib::Request& request, const ApiKey& key);
  OrError<Target> ResolveTarget(const httplib::Request& request, Permission permission);

  Store& store_;
  Quota& quota_;
  IsMissing is_missing_;
};

// The workspace that the request names, which must belong to the caller's organization, or else the
// key's own.
OrError<std::string> EvalRunHandlers::ResolveWorkspace(const httplib::Request& request,
                                                       const ApiKey& key) {
  auto named = QueryId(request, "workspace_uuid");
  if (auto* error = std::get_if<ApiError>(&named)) return std::move(*error);
  const auto& workspace_uuid = std::get<std::optional<std::string>>(named);
  if (is_missing_(workspace_uuid.value_or(key.workspace_uuid))) return NotFound();
  if (!workspace_uuid) return key.workspace_uuid;
  const absl::StatusOr<bool> theirs = store_.HasWorkspace(key.organization_uuid, *workspace_uuid);
  if (!theirs.ok()) return InternalError(theirs.status());
  if (!*theirs) return NotFound();
  return *workspace_uuid;
}

OrError<EvalRunHandlers::Target> EvalRunHandlers::ResolveTarget(const httplib::Request& request,
                                                                Permission permission) {
  auto key = AuthenticateCaller(request, permission);
  if (auto* error = std::get_if<ApiError>(&key)) return std::move(*error);
  const std::string id = request.matches[1];
  if (!deletion::IsWellFormedId(id, deletion::IdFormat::kUuid)) {
    return InvalidField("path.eval_run_uuid",
                        deletion::DescribeIdFormat(deletion::IdFormat::kUuid));
  }
  auto workspace = ResolveWorkspace(request, std::get<ApiKey>(key));
  if (auto* error = std::get_if<ApiError>(&workspace)) return std::move(*error);
  return Target{std::get<ApiKey>(std::move(key)), std::get<std::string>(std::move(workspace)),
                deletion::CanonicalId(id)};
}

OrError<JsonResponse> EvalRunHandlers::Create(const httplib::Request& request) {
  const auto key = AuthenticateCaller(request, kMayCreate);
  if (auto* error = std::get_if<ApiError>(&key)) return *error;
  auto workspace = ResolveWorkspace(request, std::get<ApiKey>(key));
  if (auto* error = std::get_if<ApiError>(&workspace)) return std::move(*error);
  auto is_sandbox = QueryBool(request, "is_sandbox");
  if (auto* error = std::get_if<ApiError>(&is_sandbox)) return std::move(*error);
  auto asked = ReadCreateRequest(request.body);
  if (auto* error = std::get_if<ApiError>(&asked)) return std::move(*error);

  EvalRun& run = std::get<EvalRun>(asked);
  run.workspace_uuid = std::get<std::string>(workspace);
  run.is_sandbox = std::get<bool>(is_sandbox);
  run.created_at = run.updated_at = Now();
  const absl::StatusOr<bool> created = store_.CreateEvalRun(run);
  if (!created.ok()) return InternalError(created.status());
  if (!*created) return Conflict("there is an eval run of this `eval_run_uuid` already");
  return JsonResponse{200, EvalRunResult(run).dump()};
}

OrError<JsonResponse> EvalRunHandlers::List(const httplib::Request& request) {
  const auto key = AuthenticateCaller(request, kMayRead);
  if (auto* error = std::get_if<ApiError>(&key)) return *error;
  EvalRunFilter filter;
  filter.organization_uuid = std::get<ApiKey>(key).organization_uuid;
  // `*` means every workspace of the organization. Only lists accept it.
  if (request.get_param_value("workspace_uuid") != "*") {
    auto workspace = ResolveWorkspace(request, std::get<ApiKey>(key));
    if (auto* error = std::get_if<ApiError>(&workspace)) return std::move(*error);
    filter.workspace_uuid = std::get<std::string>(workspace);
  }
  auto eval = QueryId(request, "eval_uuid");
  if (auto* error = std::get_if<ApiError>(&eval)) return std::move(*error);
  filter.eval_uuid = std::get<std::optional<std::string>>(eval);
  auto limit = QueryInteger(request, "limit", 1, 1000, 100);
  if (auto* error = std::get_if<ApiError>(&limit)) return std::move(*error);
  filter.limit = std::get<std::int64_t>(limit);
  auto offset = QueryInteger(request, "offset", 0, INT64_MAX, 0);
  if (auto* error = std::get_if<ApiError>(&offset)) return std::move(*error);
  filter.offset = std::get<std::int64_t>(offset);

  const absl::StatusOr<EvalRunPage> page = store_.ListEvalRuns(filter);
  if (!page.ok()) return InternalError(page.status());
  nlohmann::ordered_json items = nlohmann::ordered_json::array();
  for (const EvalRun& run : page->items) items.push_back(EvalRunResult(run));
  const nlohmann::ordered_json body = {{"items", std::move(items)}, {"count", page->count}};
  return JsonResponse{200, body.dump()};
}

OrError<JsonResponse> EvalRunHandlers::Get(const httplib::Request& request) {
  auto target = ResolveTarget(request, kMayRead);
  if (auto* error = std::get_if<ApiError>(&target)) return std::move(*error);
  const auto& [key, workspace_uuid, eval_run_uuid] = std::get<Target>(target);
  const auto run = store_.FindEvalRun(eval_run_uuid, workspace_uuid);
  if (!run.ok()) return InternalError(run.status());
  if (!run->has_value()) return NotFound();
  return JsonResponse{200, EvalRunResult(**run).dump()};
}

OrError<JsonResponse> EvalRunHandlers::Delete(const httplib::Request& request) {
  auto target = ResolveTarget(request, kMayDelete);
  if (auto* error = std::get_if<ApiError>(&target)) return std::move(*error);
  const auto& [key, workspace_uuid, eval_run_uuid] = std::get<Target>(target);
  const absl::StatusOr<DeletionOutcome> outcome =
      store_.DeleteEvalRun({.eval_run_uuid = eval_run_uuid,
                            .workspace_uuid = workspace_uuid,
                            .key_name = key.name,
                            .request_id = RequestId(request),
                            .at = Now()});
  if (!outcome.ok()) return InternalError(outcome.status());
  switch (*outcome) {
    case DeletionOutcome::kDeleted:
      return JsonResponse{204, ""};
    case DeletionOutcome::kStillProcessing:
      return Conflict("the eval run is still being processed");
    case DeletionOutcome::kNotFound:
      break;
  }
  return NotFound();
}

void SetResponse(const httplib::Request& request, const OrError<JsonResponse>& result,
                 httplib::Response& response) {
  if (const JsonResponse* reply = std::get_if<JsonResponse>(&result)) {
    response.status = reply->status;
    if (!reply->body.empty()) response.set_content(reply->body, "application/json");
    return;
  }
  const ApiError& error = std::get<ApiError>(result);
  response.status = error.status;
  response.set_content(ErrorBody(error, RequestId(request)), "application/json");
  if (error.retry_after) {
    response.set_header("Retry-After", std::to_string(error.retry_after->count()));
  }
}

}  // namespace

void AddEvalRunRoutes(HttpServer& server, Store& store, Quota& quota, IsMissing is_missing) {
  const auto calls = std::make_shared<EvalRunHandlers>(store, quota, std::move(is_missing));
  const auto add = [&](const char* method, const char* path,
                       OrError<JsonResponse> (EvalRunHandlers::*call)(const httplib::Request&)) {
    server.AddRoute(
        method, path,
        [calls, call, &server](const httplib::Request& request, httplib::Response& response) {
          SetResponse(request, server.draining() ? Draining() : ((*calls).*call)(request),
                      response);
        });
  };
  add("GET", kRuns, &EvalRunHandlers::List);
  add("POST", kRuns, &EvalRunHandlers::Create);
  add("GET", kRun, &EvalRunHandlers::Get);
  add("DELETE", kRun, &EvalRunHandlers::Delete);
  server.AddRoute("GET", kHealth,
                  [&server](const httplib::Request& request, httplib::Response& response) {
                    SetResponse(request,
                                server.draining() ? OrError<JsonResponse>(Draining())
                                                  : JsonResponse{200, R"({"status":"ok"})"},
                                response);
                  });
}

}  // namespace evalrun::backend

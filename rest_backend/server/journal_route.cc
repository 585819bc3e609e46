// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/server/journal_route.h"

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <absl/status/statusor.h>
#include <nlohmann/json.hpp>

#include "rest_backend/server/query.h"

namespace evalrun::backend {
namespace {

constexpr std::int64_t kMaxJournalRows = 10000;

using Json = nlohmann::ordered_json;

Json RowsToJson(const std::vector<JournalRow>& rows) {
  Json list = Json::array();
  for (const auto& [id, deletion, outcome] : rows) {
    list.push_back({{"id", id},
                    {"eval_run_uuid", deletion.eval_run_uuid},
                    {"workspace_uuid", deletion.workspace_uuid},
                    {"key_name", deletion.key_name},
                    {"request_id", deletion.request_id},
                    {"at", deletion.at},
                    {"outcome", outcome}});
  }
  return list;
}

// Returns the status and the body.
std::pair<int, Json> Read(const httplib::Request& request, Store& store) {
  const auto after = QueryInteger(request, "after", 0, INT64_MAX, 0);
  if (const auto* error = std::get_if<ApiError>(&after)) return {400, {{"detail", error->message}}};
  const auto limit = QueryInteger(request, "limit", 1, kMaxJournalRows, kMaxJournalRows);
  if (const auto* error = std::get_if<ApiError>(&limit)) return {400, {{"detail", error->message}}};
  const absl::StatusOr<std::vector<JournalRow>> rows =
      store.ReadJournal(std::get<std::int64_t>(after), std::get<std::int64_t>(limit));
  if (!rows.ok()) return {500, {{"detail", std::string(rows.status().message())}}};
  return {200, {{"rows", RowsToJson(*rows)}}};
}

}  // namespace

void AddJournalRoute(HttpServer& server, Store& store) {
  server.AddRoute(
      "GET", "/journal", [&store](const httplib::Request& request, httplib::Response& response) {
        const auto [status, body] = Read(request, store);
        response.status = status;
        // A request id may contain invalid UTF-8.
        response.set_content(body.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n",
                             "application/json");
      });
}

}  // namespace evalrun::backend

// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/server/query.h"

#include <utility>
#include <variant>

#include "rest_backend/deletion/resource_id.h"
#include "rest_backend/server/text.h"

namespace evalrun::backend {
namespace {

std::string QueryField(const char* name) { return Concat("query.", name); }

// The only value of the parameter. With two values it is ambiguous which one is meant, and a
// deletion must not guess.
OrError<std::optional<std::string>> SingleQueryValue(const httplib::Request& request,
                                                     const char* name) {
  switch (request.get_param_value_count(name)) {
    case 0:
      return std::optional<std::string>();
    case 1:
      return std::optional(request.get_param_value(name));
    default:
      return InvalidRequest(Concat("`", QueryField(name), "` is given more than once"));
  }
}

}  // namespace

OrError<std::optional<std::string>> QueryId(const httplib::Request& request, const char* name) {
  auto given = SingleQueryValue(request, name);
  if (auto* error = std::get_if<ApiError>(&given)) return std::move(*error);
  const auto& value = std::get<std::optional<std::string>>(given);
  if (!value) return std::optional<std::string>();
  if (!deletion::IsWellFormedId(*value, deletion::IdFormat::kUuid)) {
    return InvalidField(QueryField(name), deletion::DescribeIdFormat(deletion::IdFormat::kUuid));
  }
  return std::optional(deletion::CanonicalId(*value));
}

OrError<std::int64_t> QueryInteger(const httplib::Request& request, const char* name,
                                   std::int64_t min_value, std::int64_t max_value,
                                   std::int64_t fallback) {
  auto given = SingleQueryValue(request, name);
  if (auto* error = std::get_if<ApiError>(&given)) return std::move(*error);
  const auto& text = std::get<std::optional<std::string>>(given);
  if (!text) return fallback;
  const std::optional<std::int64_t> value = ParseInteger(*text);
  if (!value || *value < min_value || *value > max_value) {
    return InvalidField(QueryField(name), Concat("a whole number from ", std::to_string(min_value),
                                                 " to ", std::to_string(max_value)));
  }
  return *value;
}

OrError<bool> QueryBool(const httplib::Request& request, const char* name) {
  auto given = SingleQueryValue(request, name);
  if (auto* error = std::get_if<ApiError>(&given)) return std::move(*error);
  const auto& text = std::get<std::optional<std::string>>(given);
  if (!text) return false;
  const std::string value = LowerCase(*text);
  if (value == "true" || value == "1") return true;
  if (value == "false" || value == "0") return false;
  return InvalidField(QueryField(name), "true or false");
}

}  // namespace evalrun::backend

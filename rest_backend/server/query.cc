#include "rest_backend/server/query.h"

#include "rest_backend/api/resource_id.h"
#include "rest_backend/server/text.h"

namespace evalrun::backend {
namespace {

std::string FieldOf(const char* name) { return Concat("query.", name); }

}  // namespace

OrError<std::optional<std::string>> QueryId(const httplib::Request& request, const char* name) {
  if (!request.has_param(name)) return std::optional<std::string>();
  const std::string value = request.get_param_value(name);
  if (!rest::IsWellFormedId(value, rest::IdFormat::kUuid)) {
    return InvalidField(FieldOf(name), rest::DescribeIdFormat(rest::IdFormat::kUuid));
  }
  return std::optional(rest::CanonicalId(value));
}

OrError<std::int64_t> QueryInteger(const httplib::Request& request, const char* name,
                                   std::int64_t least, std::int64_t most, std::int64_t otherwise) {
  if (!request.has_param(name)) return otherwise;
  const std::optional<std::int64_t> value = ParseInteger(request.get_param_value(name));
  if (!value || *value < least || *value > most) {
    return InvalidField(FieldOf(name), Concat("a whole number from ", std::to_string(least), " to ",
                                              std::to_string(most)));
  }
  return *value;
}

OrError<bool> QueryBool(const httplib::Request& request, const char* name) {
  if (!request.has_param(name)) return false;
  const std::string value = LowerCase(request.get_param_value(name));
  if (value == "true" || value == "1") return true;
  if (value == "false" || value == "0") return false;
  return InvalidField(FieldOf(name), "true or false");
}

}  // namespace evalrun::backend

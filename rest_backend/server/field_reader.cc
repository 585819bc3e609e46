#include "rest_backend/server/field_reader.h"

#include <utility>

#include "rest_backend/deletion/resource_id.h"
#include "rest_backend/server/text.h"

namespace evalrun::backend {

FieldReader::FieldReader(const nlohmann::json& object, std::string path)
    : object_(object), path_(std::move(path)) {
  if (!object.is_object()) Refuse("", "a JSON object");
}

const nlohmann::json* FieldReader::Find(const char* name) {
  known_.insert(name);
  if (problem_) return nullptr;
  const auto member = object_.find(name);
  return member == object_.end() || member->is_null() ? nullptr : &*member;
}

std::optional<std::string> FieldReader::OptionalString(const char* name) {
  const nlohmann::json* value = Find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) {
    Refuse(name, "a string");
    return std::nullopt;
  }
  return value->get<std::string>();
}

std::string FieldReader::RequiredString(const char* name) {
  std::string value = OptionalString(name).value_or("");
  if (value.empty()) Refuse(name, "given, as a string that is not empty");
  return value;
}

std::optional<std::string> FieldReader::OptionalId(const char* name) {
  const std::optional<std::string> value = OptionalString(name);
  if (!value) return std::nullopt;
  if (!deletion::IsWellFormedId(*value, deletion::IdFormat::kUuid)) {
    Refuse(name, deletion::DescribeIdFormat(deletion::IdFormat::kUuid));
    return std::nullopt;
  }
  return deletion::CanonicalId(*value);
}

std::string FieldReader::RequiredId(const char* name) {
  const std::optional<std::string> value = OptionalId(name);
  if (!value) {
    Refuse(name, Concat("given, as ", deletion::DescribeIdFormat(deletion::IdFormat::kUuid)));
  }
  return value.value_or("");
}

bool FieldReader::OptionalBool(const char* name, bool otherwise) {
  const nlohmann::json* value = Find(name);
  if (value == nullptr) return otherwise;
  if (!value->is_boolean()) {
    Refuse(name, "true or false");
    return otherwise;
  }
  return value->get<bool>();
}

std::optional<std::int64_t> FieldReader::OptionalPositive(const char* name) {
  const nlohmann::json* value = Find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number_integer() || value->get<std::int64_t>() <= 0) {
    Refuse(name, "a whole number above 0");
    return std::nullopt;
  }
  return value->get<std::int64_t>();
}

std::optional<std::int64_t> FieldReader::OptionalInteger(const char* name, std::int64_t least,
                                                         std::int64_t most) {
  const nlohmann::json* value = Find(name);
  if (value == nullptr) return std::nullopt;
  const bool fits = value->is_number_unsigned() ? value->get<std::uint64_t>() <= INT64_MAX
                                                : value->is_number_integer();
  if (!fits || value->get<std::int64_t>() < least || value->get<std::int64_t>() > most) {
    Refuse(name,
           Concat("a whole number from ", std::to_string(least), " to ", std::to_string(most)));
    return std::nullopt;
  }
  return value->get<std::int64_t>();
}

std::optional<double> FieldReader::OptionalNumber(const char* name, double least, double most) {
  const nlohmann::json* value = Find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number() || value->get<double>() < least || value->get<double>() > most) {
    Refuse(name, Concat("a number from ", nlohmann::json(least).dump(), " to ",
                        nlohmann::json(most).dump()));
    return std::nullopt;
  }
  return value->get<double>();
}

std::optional<UnixMillis> FieldReader::OptionalTimestamp(const char* name) {
  const std::optional<std::string> text = OptionalString(name);
  if (!text) return std::nullopt;
  const std::optional<UnixMillis> time = ParseTimestamp(*text);
  if (!time) Refuse(name, "a time such as 2025-03-04T05:06:07Z");
  return time;
}

const nlohmann::json& FieldReader::OptionalArray(const char* name) {
  static const nlohmann::json kEmpty = nlohmann::json::array();
  const nlohmann::json* value = Find(name);
  if (value == nullptr) return kEmpty;
  if (!value->is_array()) {
    Refuse(name, "an array");
    return kEmpty;
  }
  return *value;
}

const nlohmann::json& FieldReader::OptionalObject(const char* name) {
  static const nlohmann::json kEmpty = nlohmann::json::object();
  const nlohmann::json* value = Find(name);
  if (value == nullptr) return kEmpty;
  if (!value->is_object()) {
    Refuse(name, "an object");
    return kEmpty;
  }
  return *value;
}

void FieldReader::RefuseOthers() {
  if (problem_) return;
  for (const auto& [name, value] : object_.items()) {
    if (!known_.contains(name)) Refuse(name, "left out: it is not a known member");
  }
}

void FieldReader::Refuse(std::string_view name, std::string_view must_be) {
  if (!problem_) problem_ = FieldProblem{PathOf(name), std::string(must_be)};
}

std::string FieldReader::PathOf(std::string_view name) const {
  if (name.empty() || path_.empty()) return Concat(path_, name);
  return Concat(path_, ".", name);
}

}  // namespace evalrun::backend

// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/server/field_reader.h"

#include <utility>

#include "rest_backend/deletion/resource_id.h"
#include "rest_backend/server/text.h"

namespace evalrun::backend {

FieldReader::FieldReader(const nlohmann::json& object, std::string path)
    : object_(object), path_(std::move(path)) {
  if (!object.is_object()) Reject("", "a JSON object");
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
    Reject(name, "a string");
    return std::nullopt;
  }
  return value->get<std::string>();
}

std::string FieldReader::RequiredString(const char* name) {
  std::string value = OptionalString(name).value_or("");
  if (value.empty()) Reject(name, "given, as a string that is not empty");
  return value;
}

std::optional<std::string> FieldReader::OptionalId(const char* name) {
  const std::optional<std::string> value = OptionalString(name);
  if (!value) return std::nullopt;
  if (!deletion::IsWellFormedId(*value, deletion::IdFormat::kUuid)) {
    Reject(name, deletion::DescribeIdFormat(deletion::IdFormat::kUuid));
    return std::nullopt;
  }
  return deletion::CanonicalId(*value);
}

std::string FieldReader::RequiredId(const char* name) {
  const std::optional<std::string> value = OptionalId(name);
  if (!value) {
    Reject(name, Concat("given, as ", deletion::DescribeIdFormat(deletion::IdFormat::kUuid)));
  }
  return value.value_or("");
}

bool FieldReader::OptionalBool(const char* name, bool fallback) {
  const nlohmann::json* value = Find(name);
  if (value == nullptr) return fallback;
  if (!value->is_boolean()) {
    Reject(name, "true or false");
    return fallback;
  }
  return value->get<bool>();
}

std::optional<std::int64_t> FieldReader::OptionalPositive(const char* name) {
  const nlohmann::json* value = Find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number_integer() || value->get<std::int64_t>() <= 0) {
    Reject(name, "a whole number above 0");
    return std::nullopt;
  }
  return value->get<std::int64_t>();
}

std::optional<std::int64_t> FieldReader::OptionalInteger(const char* name, std::int64_t min_value,
                                                         std::int64_t max_value) {
  const nlohmann::json* value = Find(name);
  if (value == nullptr) return std::nullopt;
  const bool fits = value->is_number_unsigned() ? value->get<std::uint64_t>() <= INT64_MAX
                                                : value->is_number_integer();
  if (!fits || value->get<std::int64_t>() < min_value || value->get<std::int64_t>() > max_value) {
    Reject(name, Concat("a whole number from ", std::to_string(min_value), " to ",
                        std::to_string(max_value)));
    return std::nullopt;
  }
  return value->get<std::int64_t>();
}

std::optional<double> FieldReader::OptionalNumber(const char* name, double min_value,
                                                  double max_value) {
  const nlohmann::json* value = Find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number() || value->get<double>() < min_value || value->get<double>() > max_value) {
    Reject(name, Concat("a number from ", nlohmann::json(min_value).dump(), " to ",
                        nlohmann::json(max_value).dump()));
    return std::nullopt;
  }
  return value->get<double>();
}

std::optional<UnixMillis> FieldReader::OptionalTimestamp(const char* name) {
  const std::optional<std::string> text = OptionalString(name);
  if (!text) return std::nullopt;
  const std::optional<UnixMillis> time = ParseTimestamp(*text);
  if (!time) Reject(name, "a time such as 2025-03-04T05:06:07Z");
  return time;
}

const nlohmann::json& FieldReader::OptionalArray(const char* name) {
  static const nlohmann::json kEmpty = nlohmann::json::array();
  const nlohmann::json* value = Find(name);
  if (value == nullptr) return kEmpty;
  if (!value->is_array()) {
    Reject(name, "an array");
    return kEmpty;
  }
  return *value;
}

const nlohmann::json& FieldReader::OptionalObject(const char* name) {
  static const nlohmann::json kEmpty = nlohmann::json::object();
  const nlohmann::json* value = Find(name);
  if (value == nullptr) return kEmpty;
  if (!value->is_object()) {
    Reject(name, "an object");
    return kEmpty;
  }
  return *value;
}

void FieldReader::RejectUnknownMembers() {
  if (problem_) return;
  for (const auto& [name, value] : object_.items()) {
    if (!known_.contains(name)) Reject(name, "left out: it is not a known member");
  }
}

void FieldReader::Reject(std::string_view name, std::string_view must_be) {
  if (!problem_) problem_ = FieldProblem{MemberPath(name), std::string(must_be)};
}

std::string FieldReader::MemberPath(std::string_view name) const {
  if (name.empty() || path_.empty()) return Concat(path_, name);
  return Concat(path_, ".", name);
}

}  // namespace evalrun::backend

// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/deletion/error_body.h"

#include <cstddef>
#include <string>
#include <utility>

#include <absl/strings/ascii.h>
#include <nlohmann/json.hpp>

#include "rest_backend/deletion/utf8.h"

namespace evalrun::deletion {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxFieldErrors = 8;
constexpr std::string_view kWhiteSpace = " \t\r\n";

std::string_view Trim(std::string_view s) {
  const std::size_t first = s.find_first_not_of(kWhiteSpace);
  if (first == std::string_view::npos) return {};
  return s.substr(first, s.find_last_not_of(kWhiteSpace) - first + 1);
}

// `application/json` and the `+json` family of RFC 6839, with or without parameters.
bool IsJsonMediaType(std::string_view content_type) {
  std::string type(Trim(content_type.substr(0, content_type.find(';'))));
  absl::AsciiStrToLower(&type);
  return type == "application/json" || type.ends_with("+json");
}

// Invalid UTF-8 is replaced first: a message in another encoding is still the API's message. The
// result is discarded when the bytes are not JSON.
json ParseJson(std::string_view bytes) {
  // The parser treats a NUL as the end.
  if (bytes.find('\0') != std::string_view::npos) return json(json::value_t::discarded);
  json parsed = json::parse(bytes, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_discarded()) return parsed;
  return json::parse(ToValidUtf8(bytes), nullptr, /*allow_exceptions=*/false);
}

// Finds where a text stops being JSON, and whether it has a top-level member `error` before that.
class BeginningReader final : public json::json_sax_t {
 public:
  [[nodiscard]] std::size_t error_position() const { return error_position_; }
  [[nodiscard]] bool has_error_member() const { return has_error_member_; }

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override {
    ++depth_;
    return true;
  }
  bool key(string_t& name) override {
    if (depth_ == 1 && name == "error") has_error_member_ = true;
    return true;
  }
  bool end_object() override {
    --depth_;
    return true;
  }
  bool start_array(std::size_t) override {
    ++depth_;
    return true;
  }
  bool end_array() override {
    --depth_;
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const json::exception&) override {
    error_position_ = position;
    return false;
  }

 private:
  int depth_ = 0;
  bool has_error_member_ = false;
  std::size_t error_position_ = 0;
};

// Whether `bytes`, which are not JSON, are the beginning of a JSON object or array, and not that of
// an API error.
bool IsBeginningOfOtherJson(std::string_view bytes) {
  if (bytes.front() != '{' && bytes.front() != '[') return false;
  if (bytes.find('\0') != std::string_view::npos) return false;
  const std::string text = ToValidUtf8(bytes);
  BeginningReader reader;
  json::sax_parse(text, &reader);
  // Positions count from 1: the parser reached the end and expected more.
  return reader.error_position() > text.size() && !reader.has_error_member();
}

// `object[key]` when that is a string, else empty.
std::string StringOrEmpty(const json& object, const char* key) {
  if (!object.is_object()) return {};
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

const json* FindApiError(const json& body) {
  if (!body.is_object()) return nullptr;
  const auto error = body.find("error");
  if (error == body.end() || StringOrEmpty(*error, "code").empty()) return nullptr;
  return &*error;
}

// ["query", "ids", 0] is query.ids.0
std::string DottedPath(const json& loc) {
  std::string path;
  if (!loc.is_array()) return path;
  for (const json& part : loc) {
    if (!part.is_string() && !part.is_number_integer()) continue;
    if (!path.empty()) path += '.';
    path += part.is_string() ? part.get<std::string>() : std::to_string(part.get<std::int64_t>());
  }
  return path;
}

// A list of {"loc", "msg"}: the validation errors of FastAPI and Pydantic.
std::vector<FieldError> ParseFieldErrors(const json& list) {
  std::vector<FieldError> errors;
  if (!list.is_array()) return errors;
  for (const json& item : list) {
    if (errors.size() == kMaxFieldErrors) break;
    if (!item.is_object()) continue;
    const auto loc = item.find("loc");
    FieldError error{loc == item.end() ? StringOrEmpty(item, "field") : DottedPath(*loc),
                     StringOrEmpty(item, "msg")};
    if (error.description.empty()) error.description = StringOrEmpty(item, "message");
    if (!error.field.empty() || !error.description.empty()) errors.push_back(std::move(error));
  }
  return errors;
}

// The content of `details` is not documented: lists of field errors, bare or under a name, are
// understood, anything else is ignored.
std::vector<FieldError> ParseFieldErrorsInDetails(const json& error) {
  const auto details = error.find("details");
  if (details == error.end()) return {};
  std::vector<FieldError> errors = ParseFieldErrors(*details);
  if (!errors.empty() || !details->is_object()) return errors;
  for (const char* name : {"errors", "fields", "field_errors"}) {
    const auto list = details->find(name);
    if (list != details->end()) errors = ParseFieldErrors(*list);
    if (!errors.empty()) break;
  }
  return errors;
}

// Whether `value` is at most `depth` objects and arrays deep.
bool IsWithinDepth(const json& value, int depth) {
  if (!value.is_structured()) return true;
  if (depth == 0) return false;
  for (const json& child : value) {
    if (!IsWithinDepth(child, depth - 1)) return false;
  }
  return true;
}

std::string ToDetailsText(const json& error) {
  const auto details = error.find("details");
  if (details == error.end() || !details->is_object() || details->empty()) return {};
  // Before dump(), which is recursive.
  if (!IsWithinDepth(*details, kMaxDetailsDepth)) return {};
  std::string text = details->dump();
  return text.size() <= kMaxDetailsBytes ? text : std::string();
}

BodyKind ToBodyKind(const BodyBytes& body, const json& parsed) {
  const bool json_type = IsJsonMediaType(body.content_type);
  if (!parsed.is_discarded()) {
    if (FindApiError(parsed) != nullptr) {
      return body.complete ? BodyKind::kApiError : BodyKind::kOther;
    }
    return json_type || parsed.is_structured() ? BodyKind::kJson : BodyKind::kOther;
  }
  return json_type && IsBeginningOfOtherJson(Trim(body.bytes)) ? BodyKind::kJson : BodyKind::kOther;
}

}  // namespace

BodyKind ClassifyBody(const BodyBytes& body) {
  const std::string_view trimmed = Trim(body.bytes);
  if (trimmed.empty()) {
    return body.complete || IsJsonMediaType(body.content_type) ? BodyKind::kEmpty
                                                               : BodyKind::kOther;
  }
  return ToBodyKind(body, ParseJson(trimmed));
}

ErrorBody ParseErrorBody(const BodyBytes& body) {
  ErrorBody result;
  const std::string_view trimmed = Trim(body.bytes);
  if (trimmed.empty()) {
    result.kind = ClassifyBody(body);
    return result;
  }
  const json parsed = ParseJson(trimmed);
  result.kind = ToBodyKind(body, parsed);
  if (parsed.is_discarded() || !parsed.is_object()) return result;

  result.request_id = StringOrEmpty(parsed, "request_id");
  if (const json* error = FindApiError(parsed); error != nullptr && body.complete) {
    result.code = StringOrEmpty(*error, "code");
    result.message = StringOrEmpty(*error, "message");
    if (result.request_id.empty()) result.request_id = StringOrEmpty(*error, "request_id");
    result.field_errors = ParseFieldErrorsInDetails(*error);
    result.details = ToDetailsText(*error);
  } else if (const auto detail = parsed.find("detail"); detail != parsed.end()) {
    result.message = StringOrEmpty(parsed, "detail");
    result.field_errors = ParseFieldErrors(*detail);
  }
  return result;
}

}  // namespace evalrun::deletion

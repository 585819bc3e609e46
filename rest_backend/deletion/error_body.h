// File: error_body.h
//
// Reads the body of an answer: is it the API's own error object, JSON, nothing, or something that
// stands between? The upstream is hostile until proven otherwise: nothing throws, every type is
// checked, and what is odd degrades to `kOther`.
#ifndef EVALRUN_REST_BACKEND_DELETION_ERROR_BODY_H_
#define EVALRUN_REST_BACKEND_DELETION_ERROR_BODY_H_

#include <string>
#include <string_view>
#include <vector>

namespace evalrun::deletion {

enum class BodyKind {
  kEmpty,     // nothing, or white space
  kJson,      // JSON, or the beginning of it, that is not the API's error object
  kApiError,  // {"error": {"code": ..., "message": ...}}: the API itself has spoken
  kOther,     // HTML, text, binary: something between us and the API
};

// One invalid field, of a 422 or 400.
struct FieldError {
  std::string field;  // dotted path, such as `query.workspace_uuid`
  std::string description;

  bool operator==(const FieldError&) const = default;
};

// What an error body says. All strings are valid UTF-8, as long as the upstream made them.
struct ErrorBody {
  BodyKind kind = BodyKind::kEmpty;
  std::string code;        // `error.code`, verbatim
  std::string message;     // `error.message`, or the framework's `detail` where it is a string
  std::string request_id;  // the API's own id of the request
  std::vector<FieldError> field_errors;
};

// An answer's body as it arrived.
struct BodyBytes {
  std::string_view bytes;
  std::string_view content_type;  // the header's value, or empty
  bool complete = true;           // false: cut by the connection, a timeout or our size cap
};

// The kind alone, without keeping what the body says. An empty body that was cut is `kOther`,
// unless its content type says JSON: nobody knows what it would have been.
[[nodiscard]] BodyKind ClassifyBody(const BodyBytes& body);

// Everything the body says. Understands these shapes, seen in the wild:
//   1. {"error": {"code", "message", "details": {}}, "request_id"}
//   2. {"error": {"code", "message", "request_id", "details"?}}
//   3. {"detail": "..."} and {"detail": [{"loc": [...], "msg": "...", "type": "..."}]}: JSON, with
//   a
//      message and field errors, but not recognised as the API's own
//   4. everything else, without a message
// Recognised (`kApiError`) are complete bodies of shapes 1 and 2 with any non-empty string
// `error.code`.
[[nodiscard]] ErrorBody ParseErrorBody(const BodyBytes& body);

}  // namespace evalrun::deletion

#endif  // EVALRUN_REST_BACKEND_DELETION_ERROR_BODY_H_

// SPDX-License-Identifier: Apache-2.0
//
// File: error_body.h
//
// Reads the body of a response: is it the API's own error object, other JSON, empty, or from an
// intermediary? The upstream is not trusted: nothing throws, every type is checked, and anything
// unexpected is `kOther`.
#ifndef EVALRUN_REST_BACKEND_DELETION_ERROR_BODY_H_
#define EVALRUN_REST_BACKEND_DELETION_ERROR_BODY_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace evalrun::deletion {

enum class BodyKind {
  kEmpty,     // empty, or white space
  kJson,      // JSON, or the beginning of it, that is not the API's error object
  kApiError,  // {"error": {"code": ..., "message": ...}}: from the API itself
  kOther,     // HTML, text, binary: from an intermediary; or an API error that was cut
};

// One invalid field, of a 422 or 400.
struct FieldError {
  std::string field;  // dotted path, such as `query.workspace_uuid`
  std::string description;

  bool operator==(const FieldError&) const = default;
};

// The content of an error body. All strings are valid UTF-8, of any length.
struct ErrorBody {
  BodyKind kind = BodyKind::kEmpty;
  std::string code;        // `error.code`, verbatim
  std::string message;     // `error.message`, or the framework's `detail` where it is a string
  std::string request_id;  // the API's own id of the request
  std::vector<FieldError> field_errors;
  // `error.details` as JSON text, where it is an object with members and small enough for a
  // response; otherwise empty. At most kMaxDetailsDepth objects and arrays deep.
  std::string details;
};

inline constexpr std::size_t kMaxDetailsBytes = 4096;
inline constexpr int kMaxDetailsDepth = 16;

// A response's body as received.
struct BodyBytes {
  std::string_view bytes;
  std::string_view content_type;  // the header's value, or empty
  bool complete = true;           // false: cut by the connection, a timeout or the size limit
};

// The kind alone. An empty body that was cut is `kOther`, unless its content type says JSON: what
// it would have been is unknown.
[[nodiscard]] BodyKind ClassifyBody(const BodyBytes& body);

// Parses the whole body. Understands these shapes, which have been observed:
//   1. {"error": {"code", "message", "details": {}}, "request_id"}
//   2. {"error": {"code", "message", "request_id", "details"?}}
//   3. {"detail": "..."} and {"detail": [{"loc": [...], "msg": "...", "type": "..."}]}: the web
//      framework's, with a message and field errors, but not recognised as the API's own
//   4. everything else, without a message
// Only a complete body of shape 1 or 2 with a non-empty string `error.code` is recognised
// (`kApiError`). When such a body was cut, or one that ends in the middle has a member `error`, it
// is `kOther`: neither the API's word nor a success. Strings are returned only of a body that
// parses: one that was cut may end with a part of our API key, which would not be redacted.
[[nodiscard]] ErrorBody ParseErrorBody(const BodyBytes& body);

}  // namespace evalrun::deletion

#endif  // EVALRUN_REST_BACKEND_DELETION_ERROR_BODY_H_

// SPDX-License-Identifier: Apache-2.0
//
// The body of an upstream response: parsing any bytes is safe, and a body is recognised as the
// API's own only if it is.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "rest_backend/deletion/attempt_classification.h"
#include "rest_backend/deletion/error_body.h"
#include "tests/fuzz/property.h"

namespace evalrun::fuzz {
namespace {

using deletion::BodyBytes;
using deletion::BodyKind;
using deletion::ErrorBody;

constexpr std::size_t kMaxFieldErrors = 8;

void CheckText(const ErrorBody& body) {
  Require(IsUtf8(body.code), "error.code is valid UTF-8");
  Require(IsUtf8(body.message), "the message is valid UTF-8");
  Require(IsUtf8(body.request_id), "the request id is valid UTF-8");
  Require(IsUtf8(body.details), "error.details is valid UTF-8");
  Require(body.details.size() <= deletion::kMaxDetailsBytes, "error.details is bounded");
  Require(body.details.empty() || body.kind == BodyKind::kApiError,
          "error.details is the API's own");
  Require(body.field_errors.size() <= kMaxFieldErrors, "field errors are bounded");
  for (const deletion::FieldError& error : body.field_errors) {
    Require(IsUtf8(error.field), "a field's path is valid UTF-8");
    Require(IsUtf8(error.description), "a field's description is valid UTF-8");
  }
}

// A body can only make the interpretation of a response more cautious.
void CheckOutcomes(BodyKind kind) {
  for (const int status : {0, 99, 200, 202, 204, 301, 400, 404, 410, 500, 503, 600}) {
    const deletion::AttemptClassification outcome = deletion::ClassifyStatus(status, kind);
    const bool ok = outcome.code == absl::StatusCode::kOk;
    Require(!ok || status == 200 || status == 204, "only 200 and 204 are a success");
    Require(ok || status != 204, "204 is a success whatever follows it");
    Require(ok == (outcome.effect == deletion::Effect::kDeleted), "OK means deleted");
    Require(outcome.effect != deletion::Effect::kAbsent || kind == BodyKind::kApiError,
            "only the API itself says that a run is not there");
  }
}

// A truncated object could be the start of something else, even if the truncation is not detected.
void CheckPrefixes(const BodyBytes& whole) {
  const std::string_view object = whole.bytes.substr(0, whole.bytes.find_last_of('}'));
  const std::size_t step = object.size() / 64 + 1;
  for (std::size_t length = 0; length <= object.size(); length += step) {
    for (const bool complete : {true, false}) {
      const BodyKind kind = deletion::ClassifyBody({.bytes = object.substr(0, length),
                                                    .content_type = whole.content_type,
                                                    .complete = complete});
      Require(kind != BodyKind::kApiError, "a prefix of an API error is never recognised");
    }
  }
}

void CheckBody(const BodyBytes& body) {
  const ErrorBody parsed = deletion::ParseErrorBody(body);
  const bool recognised = parsed.kind == BodyKind::kApiError;
  Require(parsed.kind == deletion::ClassifyBody(body), "ClassifyBody agrees with ParseErrorBody");
  Require(body.complete || !recognised, "a cut body is never recognised");
  Require(recognised == !parsed.code.empty(), "recognised is who has an error.code");
  CheckText(parsed);
  CheckOutcomes(parsed.kind);
  if (!recognised) return;
  CheckPrefixes(body);
  BodyBytes cut = body;
  cut.complete = false;
  Require(deletion::ClassifyBody(cut) == BodyKind::kOther, "a cut API error is never a success");
  const std::string padded = " \r\n" + std::string(body.bytes) + "\t\n";
  Require(
      deletion::ParseErrorBody({.bytes = padded, .content_type = "text/html"}).code == parsed.code,
      "neither white space around it nor the content type changes what the API said");
}

}  // namespace
}  // namespace evalrun::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const bool complete : {true, false}) {
    for (const std::string_view type :
         {"application/json", "application/problem+json; charset=latin1", "text/html", ""}) {
      evalrun::fuzz::CheckBody({.bytes = bytes, .content_type = type, .complete = complete});
    }
  }
  return 0;
}

// Feeds everything in rest_backend/api that reads bytes from outside, and checks what must always
// hold.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "rest_backend/api/error_body.h"
#include "rest_backend/api/resource_id.h"
#include "rest_backend/api/retry_after.h"
#include "rest_backend/api/send_outcome.h"
#include "rest_backend/api/utf8.h"

namespace evalrun::rest {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

void FuzzBody(std::string_view bytes) {
  for (const bool complete : {true, false}) {
    for (const std::string_view type : {"application/json", "text/html", ""}) {
      const BodyBytes body = {.bytes = bytes, .content_type = type, .complete = complete};
      const ErrorBody parsed = ParseErrorBody(body);
      Require(parsed.kind == ClassifyBody(body));
      Require(complete || parsed.kind != BodyKind::kApiError);
      Require(parsed.code.empty() == (parsed.kind != BodyKind::kApiError));
      // No body makes a failure a success.
      for (const int status : {202, 301, 404, 410, 500, 503}) {
        Require(OutcomeOfStatus(status, parsed.kind).effect != Effect::kDeleted);
      }
    }
  }
}

void FuzzRetryAfter(std::string_view bytes) {
  const std::chrono::sys_days now = std::chrono::year(2026) / 1 / 1;
  const auto wait = ParseRetryAfter(bytes, "", now);
  Require(!wait || (*wait >= std::chrono::milliseconds(0) && *wait <= kLongestRetryAfter));
}

void FuzzId(std::string_view bytes) {
  for (const IdFormat format : {IdFormat::kUuid, IdFormat::kOpaque}) {
    if (!IsWellFormedId(bytes, format)) continue;
    // It stands for itself in a URL.
    Require(bytes.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                    "0123456789._-") == std::string_view::npos);
    Require(bytes.find_first_not_of('.') != std::string_view::npos);
    Require(CanonicalId(CanonicalId(bytes)) == CanonicalId(bytes));
  }
}

void FuzzUtf8(std::string_view bytes) {
  const std::string valid = ToValidUtf8(bytes);
  Require(ToValidUtf8(valid) == valid);
  Require(Utf8Prefix(valid, 7).size() <= 7);
  Require(ToValidUtf8(Utf8Prefix(valid, 7)) == Utf8Prefix(valid, 7));
}

}  // namespace
}  // namespace evalrun::rest

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  evalrun::rest::FuzzBody(bytes);
  evalrun::rest::FuzzRetryAfter(bytes);
  evalrun::rest::FuzzId(bytes);
  evalrun::rest::FuzzUtf8(bytes);
  return 0;
}

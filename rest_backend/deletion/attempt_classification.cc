// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/deletion/attempt_classification.h"

#include <cstddef>

namespace evalrun::deletion {
namespace {

using absl::StatusCode;

constexpr std::string_view kUnexpectedResponse = "UPSTREAM_UNEXPECTED_RESPONSE";

constexpr AttemptClassification kProtocolError = {StatusCode::kUnavailable, Effect::kUnknown,
                                                  Retry::kSafe, "UPSTREAM_PROTOCOL_ERROR"};

AttemptClassification Classify2xx(int status, BodyKind body) {
  // 200 with JSON is tolerated: the API documents 204, but web frameworks often respond `{}`. A 200
  // whose body is an API error, even if it was cut, contradicts itself, and a portal's page does
  // not come from the API.
  const bool success =
      status == 204 || (status == 200 && (body == BodyKind::kEmpty || body == BodyKind::kJson));
  if (success) return {StatusCode::kOk, Effect::kDeleted, Retry::kNever, ""};
  return {StatusCode::kUnknown, Effect::kUnknown, Retry::kNever, kUnexpectedResponse};
}

AttemptClassification Classify4xx(int status, BodyKind body) {
  switch (status) {
    case 400:
    case 413:
    case 414:
    case 422:
    case 431:
      return {StatusCode::kInvalidArgument, Effect::kNothing, Retry::kNever,
              "UPSTREAM_INVALID_REQUEST"};
    case 401:
      return {StatusCode::kUnauthenticated, Effect::kNothing, Retry::kNever,
              "UPSTREAM_UNAUTHENTICATED"};
    case 403:
    case 451:
      return {StatusCode::kPermissionDenied, Effect::kNothing, Retry::kNever,
              "UPSTREAM_PERMISSION_DENIED"};
    case 404:
    case 410:
      // Only the API can say that a run does not exist. An ingress without endpoints and a wrong
      // base path give 404 too. NOT_FOUND would be read as "already deleted".
      if (body == BodyKind::kApiError) {
        return {StatusCode::kNotFound, Effect::kAbsent, Retry::kNever, "UPSTREAM_NOT_FOUND"};
      }
      return {StatusCode::kUnavailable, Effect::kNothing, Retry::kNever, kUnrecognized404Reason};
    case 405:
      return {StatusCode::kUnimplemented, Effect::kNothing, Retry::kNever,
              "UPSTREAM_UNIMPLEMENTED"};
    case 407:
      return {StatusCode::kInternal, Effect::kNothing, Retry::kNever, kProxyRefusedReason};
    case 408:
      // A proxy may send 408 for an upstream that did not respond to it.
      return {StatusCode::kUnavailable, Effect::kUnknown, Retry::kSafe, "UPSTREAM_TIMEOUT"};
    case 409:
      // The vendor's own client treats 409 as a transient lock; gRPC clients do not retry ABORTED
      // (AIP-194).
      return {StatusCode::kAborted, Effect::kNothing, Retry::kOnConflict, "UPSTREAM_CONFLICT"};
    case 412:
      return {StatusCode::kFailedPrecondition, Effect::kNothing, Retry::kNever,
              "UPSTREAM_PRECONDITION_FAILED"};
    case 421:
    case 425:
      return {StatusCode::kUnavailable, Effect::kNothing, Retry::kSafe, "UPSTREAM_UNAVAILABLE"};
    case 429:
      // Not UNAVAILABLE, which gRPC clients retry automatically.
      return {StatusCode::kResourceExhausted, Effect::kNothing, Retry::kAfterDelay,
              "UPSTREAM_RATE_LIMITED"};
    case 499:
      return {StatusCode::kCancelled, Effect::kUnknown, Retry::kNever, "UPSTREAM_CANCELLED"};
    default:
      // 402, 411, 415, ...: faults between this gateway and the vendor, not the caller's.
      return {StatusCode::kInternal, Effect::kNothing, Retry::kNever, "UPSTREAM_REFUSED"};
  }
}

AttemptClassification Classify5xx(int status, BodyKind body) {
  switch (status) {
    case 501:
      return {StatusCode::kUnimplemented, Effect::kNothing, Retry::kNever,
              "UPSTREAM_UNIMPLEMENTED"};
    case 503:
      // The API refused the request; a proxy may send 503 after it has forwarded the request.
      if (body == BodyKind::kApiError) {
        return {StatusCode::kUnavailable, Effect::kNothing, Retry::kSafe, "UPSTREAM_UNAVAILABLE"};
      }
      return {StatusCode::kUnavailable, Effect::kUnknown, Retry::kSafe, "UPSTREAM_UNAVAILABLE"};
    case 504:
      return {StatusCode::kDeadlineExceeded, Effect::kUnknown, Retry::kSafe, "UPSTREAM_TIMEOUT"};
    default:
      // 520 to 530 are Cloudflare's codes for a failure of the origin server.
      if (status == 502 || (status >= 520 && status <= 530)) {
        return {StatusCode::kUnavailable, Effect::kUnknown, Retry::kSafe, "UPSTREAM_UNAVAILABLE"};
      }
      return {StatusCode::kInternal, Effect::kUnknown, Retry::kOn500, "UPSTREAM_INTERNAL_ERROR"};
  }
}

// A proxy's 4xx to CONNECT says that the gateway's settings, or the proxy's, are wrong, which no
// retry changes. Anything else may pass: the proxy cannot reach the upstream now, or is overloaded.
bool IsPermanentRefusal(int proxy_status) {
  return proxy_status / 100 == 4 && proxy_status != 408 && proxy_status != 429;
}

// What an `error.code` says about the scope. The set of codes is open: one that is not known here
// only costs a probe.
ScopeStatus FindScopeStatus(std::string_view code) {
  const std::size_t dot = code.rfind('.');
  const std::string_view name = dot == std::string_view::npos ? code : code.substr(dot + 1);
  if (name == "score_run_not_found" || name == "eval_run_not_found" || name == "run_not_found") {
    return ScopeStatus::kProven;
  }
  if (name == "workspace_not_found" || name == "organization_not_found" ||
      name == "org_not_found") {
    return ScopeStatus::kMissing;
  }
  return ScopeStatus::kUnverifiable;
}

}  // namespace

bool IsResponse(int http_status, bool timed_out) {
  switch (http_status / 100) {
    case 1:
      return http_status == 101;  // nothing follows it (RFC 9110, section 15.2.2)
    case 2:
      return !timed_out;
    default:
      return http_status != 0;
  }
}

AttemptClassification ClassifyStatus(int http_status, BodyKind body) {
  switch (http_status / 100) {
    case 2:
      return Classify2xx(http_status, body);
    case 3:
      // Never followed: the Location may lead anywhere, and the API key would be sent there.
      return {StatusCode::kInternal, Effect::kNothing, Retry::kNever,
              "UPSTREAM_UNEXPECTED_REDIRECT"};
    case 4:
      return Classify4xx(http_status, body);
    case 5:
      return Classify5xx(http_status, body);
    default:
      return kProtocolError;
  }
}

AttemptClassification ClassifyFault(Fault fault, bool may_have_been_sent, int proxy_status) {
  const Effect effect = may_have_been_sent ? Effect::kUnknown : Effect::kNothing;
  switch (fault) {
    case Fault::kResolve:
      return {StatusCode::kUnavailable, effect, Retry::kSafe, "UPSTREAM_RESOLVE_FAILED"};
    case Fault::kConnect:
      return {StatusCode::kUnavailable, effect, Retry::kSafe, "UPSTREAM_CONNECT_FAILED"};
    case Fault::kProxyRefused:
      if (IsPermanentRefusal(proxy_status)) {
        return {StatusCode::kInternal, effect, Retry::kNever, kProxyRefusedReason};
      }
      return {StatusCode::kUnavailable, effect, Retry::kSafe, kProxyRefusedReason};
    case Fault::kTls:
      return {StatusCode::kUnavailable, effect, Retry::kSafe, "UPSTREAM_TLS_FAILED"};
    case Fault::kTimeout:
      return {StatusCode::kDeadlineExceeded, effect, Retry::kSafe, "UPSTREAM_TIMEOUT"};
    case Fault::kConnectionLost:
      return {StatusCode::kUnavailable, effect, Retry::kSafe, "UPSTREAM_CONNECTION_LOST"};
    case Fault::kNone:
    case Fault::kProtocol:
    case Fault::kTooLarge:
      return {kProtocolError.code, effect, kProtocolError.retry, kProtocolError.reason};
    case Fault::kInternal:
      break;
  }
  return {StatusCode::kInternal, effect, Retry::kNever, "GATEWAY_INTERNAL_ERROR"};
}

AttemptClassification ClassifyAttempt(const AttemptResult& result, const ErrorBody& body) {
  if (result.fault != Fault::kNone) {
    return ClassifyFault(result.fault, result.may_have_been_sent, result.proxy_status);
  }
  AttemptClassification classification = ClassifyStatus(result.http_status, body.kind);
  if (classification.effect == Effect::kAbsent) classification.scope = FindScopeStatus(body.code);
  return classification;
}

}  // namespace evalrun::deletion

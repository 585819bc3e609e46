// File: matchers.h
//
// What a DeleteReply has to be, as sentences:
//
//   EXPECT_THAT(reply, AllOf(HasCode(grpc::NOT_FOUND), HasDeletion("absent"), HasAttempts(1)));
#ifndef EVALRUN_TESTS_SUPPORT_MATCHERS_H_
#define EVALRUN_TESTS_SUPPORT_MATCHERS_H_

#include <optional>
#include <string>

#include <gmock/gmock.h>

#include "tests/support/delete_client.h"

namespace evalrun::testing {

// What the reply says about the run, wherever it has to say so: in the trailing metadata
// `evalrun-deletion` of an OK that is not simply `performed`, in ErrorInfo otherwise.
inline std::optional<std::string> GetDeletion(const DeleteReply& reply) {
  if (reply.code != grpc::StatusCode::OK) return reply.Info("deletion");
  if (reply.trailing_metadata.count("evalrun-deletion") == 0) return "performed";
  return reply.Trailing("evalrun-deletion");
}

MATCHER_P(HasCode, code, "has code " + ::testing::PrintToString(static_cast<int>(code))) {
  return arg.code == code;
}

MATCHER_P(HasDeletion, word, "says that the deletion is `" + std::string(word) + "`") {
  const std::optional<std::string> deletion = GetDeletion(arg);
  *result_listener << "which says `" << deletion.value_or("nothing about it") << "`";
  return deletion == word;
}

MATCHER_P(HasReason, reason, "has reason " + std::string(reason)) {
  return arg.error_info.has_value() && arg.error_info->reason() == reason;
}

MATCHER_P(HasDomain, domain, "has domain " + std::string(domain)) {
  return arg.error_info.has_value() && arg.error_info->domain() == domain;
}

// `ErrorInfo.metadata[key]` is `value`.
MATCHER_P2(HasInfo, key, value,
           "has " + std::string(key) + "=" + std::string(value) + " in its ErrorInfo") {
  return arg.Info(key) == value;
}

// Only an error says how many sends there were.
MATCHER_P(HasAttempts, sends, "says that there were " + std::to_string(sends) + " sends") {
  return arg.Info("sends") == std::to_string(sends);
}

// The wait that RetryInfo asks for, in milliseconds; 0 when it asks for none.
inline int64_t RetryDelayMs(const DeleteReply& reply) {
  if (!reply.retry_info.has_value()) return 0;
  const auto& delay = reply.retry_info->retry_delay();
  return delay.seconds() * 1000 + delay.nanos() / 1'000'000;
}

// The bytes of `grpc-message`, percent-encoded, and of `grpc-status-details-bin`, in base64.
inline size_t EncodedSize(const DeleteReply& reply) {
  size_t message = 0;
  for (const char c : reply.message) message += c >= ' ' && c <= '~' && c != '%' ? 1 : 3;
  return message + (reply.details_size + 2) / 3 * 4;
}

// What every error of the service's own handler has to carry, whatever it says.
MATCHER(IsWellFormedError, "carries the details of every error") {
  static const ::testing::Matcher<std::string> kReason =
      ::testing::MatchesRegex("[A-Z][A-Z0-9_]+[A-Z0-9]");
  if (!arg.error_info.has_value()) {
    *result_listener << "which has no ErrorInfo";
    return false;
  }
  if (!kReason.Matches(arg.error_info->reason()) || arg.error_info->reason().size() > 63) {
    *result_listener << "whose reason is \"" << arg.error_info->reason() << "\"";
    return false;
  }
  const std::string& domain = arg.error_info->domain();
  if (domain != "evalrun-gateway" && domain != "api.aymara.ai") {
    *result_listener << "whose domain is \"" << domain << "\"";
    return false;
  }
  if (!arg.Info("deletion").has_value() || !arg.Info("sends").has_value()) {
    *result_listener << "whose ErrorInfo lacks `deletion` or `sends`";
    return false;
  }
  if (!arg.request_info.has_value() ||
      arg.request_info->request_id() != arg.Trailing("x-request-id").value_or("none")) {
    *result_listener << "whose RequestInfo is not the x-request-id of its trailing metadata";
    return false;
  }
  // With headers before its trailers it would be final for a gRPC client's retry policy.
  if (!arg.initial_metadata.empty()) {
    *result_listener << "which is not trailers alone";
    return false;
  }
  if (!arg.details_agree) {
    *result_listener << "whose google.rpc.Status has another code or message";
    return false;
  }
  if (arg.message.empty()) {
    *result_listener << "which has no message";
    return false;
  }
  if (EncodedSize(arg) > 4096) {
    *result_listener << "which takes " << EncodedSize(arg) << " bytes";
    return false;
  }
  return true;
}

}  // namespace evalrun::testing

#endif  // EVALRUN_TESTS_SUPPORT_MATCHERS_H_

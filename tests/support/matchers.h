// SPDX-License-Identifier: Apache-2.0
//
// File: matchers.h
//
// gMock matchers for a DeleteReply:
//
//   EXPECT_THAT(reply, AllOf(HasCode(grpc::NOT_FOUND), HasDeletion("absent"), HasAttempts(1)));
#ifndef EVALRUN_TESTS_SUPPORT_MATCHERS_H_
#define EVALRUN_TESTS_SUPPORT_MATCHERS_H_

#include <optional>
#include <string>

#include <gmock/gmock.h>

#include "tests/support/delete_client.h"

namespace evalrun::testing {

// The deletion state of the reply: from the trailing metadata `evalrun-deletion` if the code is OK
// (`performed` if absent), from ErrorInfo otherwise.
inline std::optional<std::string> GetDeletion(const DeleteReply& reply) {
  if (reply.code != grpc::StatusCode::OK) return reply.Info("deletion");
  if (reply.trailing_metadata.count("evalrun-deletion") == 0) return "performed";
  return reply.Trailing("evalrun-deletion");
}

MATCHER_P(HasCode, code, "has code " + ::testing::PrintToString(static_cast<int>(code))) {
  return arg.code == code;
}

MATCHER_P(HasDeletion, word, "reports the deletion `" + std::string(word) + "`") {
  const std::optional<std::string> deletion = GetDeletion(arg);
  *result_listener << "which reports `" << deletion.value_or("nothing") << "`";
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

// Only for errors: OK does not report the number of attempts.
MATCHER_P(HasAttempts, attempts, "reports " + std::to_string(attempts) + " attempts") {
  return arg.Info("sends") == std::to_string(attempts);
}

// The delay in RetryInfo, in milliseconds; 0 if there is none.
inline int64_t RetryDelayMs(const DeleteReply& reply) {
  if (!reply.retry_info.has_value()) return 0;
  const auto& delay = reply.retry_info->retry_delay();
  return delay.seconds() * 1000 + delay.nanos() / 1'000'000;
}

// The size of `grpc-message`, percent-encoded, plus that of `grpc-status-details-bin`, in base64.
inline size_t EncodedSize(const DeleteReply& reply) {
  size_t message = 0;
  for (const char c : reply.message) message += c >= ' ' && c <= '~' && c != '%' ? 1 : 3;
  return message + (reply.details_size + 2) / 3 * 4;
}

// What every error of the service's own handler must contain.
MATCHER(IsWellFormedError, "has the details that every error must have") {
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
  // With initial metadata, gRPC clients' retry policies would regard the error as final.
  if (!arg.initial_metadata.empty()) {
    *result_listener << "which has initial metadata";
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

// SPDX-License-Identifier: Apache-2.0
//
// File: delete_result.h
//
// One deletion as evalrunctl sees it: the request, and everything that the response says. Plain
// values, and the function that parses a response into them.
#ifndef EVALRUN_SERVICE_CLI_DELETE_RESULT_H_
#define EVALRUN_SERVICE_CLI_DELETE_RESULT_H_

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/status.h>

namespace evalrun::cli {

inline constexpr char kDefaultServer[] = "127.0.0.1:50051";
inline constexpr std::chrono::milliseconds kDefaultTimeout{30'000};

// TLS settings. An empty string means that the flag was not given.
struct Tls {
  std::string ca_file = {};    // replaces the system's certificate authorities
  std::string cert_file = {};  // the client's certificate; with key_file or not at all
  std::string key_file = {};
  std::string server_name = {};  // name to expect in the server's certificate instead of the host
};

// The gateway to connect to, and the timeout for it.
struct Connection {
  std::string server = kDefaultServer;  // HOST:PORT
  std::chrono::milliseconds timeout = kDefaultTimeout;
  std::optional<Tls> tls = std::nullopt;  // nullopt: plaintext
};

struct DeleteRequest {
  std::string eval_run_uuid;
  std::optional<std::string> workspace_uuid;
  bool allow_missing = false;
  std::string request_id;  // empty: the gateway generates one
};

struct FieldViolation {
  std::string field;
  std::string description;

  bool operator==(const FieldViolation&) const = default;
};

struct QuotaViolation {
  std::string subject;      // what the limit counts, such as `caller:spiffe://...`
  std::string description;  // the limit

  bool operator==(const QuotaViolation&) const = default;
};

struct Resource {
  std::string type;
  std::string name;
  std::string description;

  bool operator==(const Resource&) const = default;
};

// The response as gRPC delivers it.
struct RpcResponse {
  absl::StatusCode code = absl::StatusCode::kUnknown;
  std::string message;
  std::string details;     // `grpc-status-details-bin`: a serialized google.rpc.Status, or empty
  std::string deletion;    // trailing metadata `evalrun-deletion`, or empty
  std::string request_id;  // metadata `x-request-id`, or empty
};

// Everything known about one deletion. The strings come from the network: they may contain invalid
// UTF-8 and control characters. An empty string means that the response did not include the field.
struct DeleteResult {
  DeleteRequest request;
  Connection connection;

  absl::StatusCode code = absl::StatusCode::kUnknown;
  std::string message;
  // `performed`, `presumed`, `absent`, `not_performed` or `unknown`, as the .proto explains them.
  // Never empty: for an error without this information it is `unknown`.
  std::string deletion;
  // Whether the error came with details, as every error of the gateway does.
  bool has_details = false;

  std::string reason;
  std::string domain;
  std::string attempts;
  std::string http_status;
  std::string upstream_code;
  std::string upstream_request_id;
  std::string request_id;
  std::optional<std::chrono::milliseconds> retry_after;
  std::vector<FieldViolation> field_violations;
  std::string caller;      // of a denied call: whom the gateway takes the caller for, or empty
  std::string limited_by;  // the name of the rate limit's rule, or empty
  std::vector<QuotaViolation> quota_violations;
  std::optional<Resource> resource;
  std::string upstream_details;  // Aymara's `error.details`, as JSON

  // Whether the run is certainly not in the workspace, as the caller requested.
  [[nodiscard]] bool gone() const { return code == absl::StatusCode::kOk; }
  // Whether the workspace or the organization is missing: no call for a run in it can succeed.
  [[nodiscard]] bool IsScopeNotFound() const { return reason == "SCOPE_NOT_FOUND"; }
  // Whether the operators of the gateway have stopped all deletions: no call can succeed now.
  [[nodiscard]] bool IsDeletionsStopped() const { return reason == "DELETIONS_STOPPED"; }
  // Whether the gateway's operators protect this run: no call for it can succeed now.
  [[nodiscard]] bool IsRunProtected() const { return reason == "RUN_PROTECTED"; }
  // Whether the gateway could not write its audit: nothing was sent, and it may recover.
  [[nodiscard]] bool IsAuditUnavailable() const { return reason == "AUDIT_UNAVAILABLE"; }
};

// Parses `reply`. Malformed details are treated as missing.
[[nodiscard]] DeleteResult ParseResponse(const DeleteRequest& request, const Connection& connection,
                                         const RpcResponse& reply);

// The result to report when no connection could be made, so that certainly nothing was sent.
[[nodiscard]] DeleteResult MakeConnectFailure(const DeleteRequest& request,
                                              const Connection& connection,
                                              const std::string& message);

// The result to report for a run for which no call was made, or whose last call was rejected and
// not retried: this command certainly did not delete it.
[[nodiscard]] DeleteResult MakeNotAttempted(const DeleteRequest& request,
                                            const Connection& connection,
                                            const std::string& message);

// The reasons in these two results. Their domain is `evalrunctl`.
inline constexpr char kConnectFailed[] = "CONNECT_FAILED";
inline constexpr char kNotAttempted[] = "NOT_TRIED";

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_DELETE_RESULT_H_

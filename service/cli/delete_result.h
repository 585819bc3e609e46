// File: delete_result.h
//
// One deletion as the command line sees it: what was asked, and all that the answer says. Plain
// values, and the one function that reads an answer into them.
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

// How to encrypt. Empty: not given.
struct Tls {
  std::string ca_file = {};    // instead of the system's authorities
  std::string cert_file = {};  // the caller's certificate and its key: both or neither
  std::string key_file = {};
  std::string server_name = {};  // expected in the server's certificate, instead of its host
};

// Which gateway, and how long to wait for it.
struct Connection {
  std::string server = kDefaultServer;  // HOST:PORT
  std::chrono::milliseconds timeout = kDefaultTimeout;
  std::optional<Tls> tls = std::nullopt;  // nothing: plaintext
};

struct DeleteRequest {
  std::string eval_run_uuid;
  std::optional<std::string> workspace_uuid;
  bool allow_missing = false;
  std::string request_id;  // empty: the gateway makes one
};

struct FieldViolation {
  std::string field;
  std::string description;

  bool operator==(const FieldViolation&) const = default;
};

struct Resource {
  std::string type;
  std::string name;
  std::string description;

  bool operator==(const Resource&) const = default;
};

// The answer as gRPC delivers it.
struct RpcResponse {
  absl::StatusCode code = absl::StatusCode::kUnknown;
  std::string message;
  std::string details;     // `grpc-status-details-bin`: a serialized google.rpc.Status, or empty
  std::string deletion;    // trailing metadata `evalrun-deletion`, or empty
  std::string request_id;  // metadata `x-request-id`, or empty
};

// Everything known about one deletion. The strings come from the network: no reader may trust them
// to be valid UTF-8 or free of control characters. Empty means that the answer did not say.
struct DeleteResult {
  DeleteRequest request;
  Connection connection;

  absl::StatusCode code = absl::StatusCode::kUnknown;
  std::string message;
  // `performed`, `presumed`, `absent`, `not_performed` or `unknown`, as the .proto explains them.
  // Never empty: an error that does not say is `unknown`.
  std::string deletion;
  // Whether an error came with details, as every error of the gateway does.
  bool has_details = false;

  std::string reason;
  std::string domain;
  std::string sends;
  std::string http_status;
  std::string upstream_code;
  std::string upstream_request_id;
  std::string request_id;
  std::optional<std::chrono::milliseconds> retry_after;
  std::vector<FieldViolation> field_violations;
  std::optional<Resource> resource;

  // Whether the run is certainly gone and the caller's wish therefore fulfilled.
  [[nodiscard]] bool gone() const { return code == absl::StatusCode::kOk; }
};

// Reads `reply`. Malformed details are as if there were none.
[[nodiscard]] DeleteResult ParseResponse(const DeleteRequest& request, const Connection& connection,
                                         const RpcResponse& reply);

// What is reported when no connection could be made, so that certainly nothing was sent.
[[nodiscard]] DeleteResult MakeConnectFailure(const DeleteRequest& request,
                                              const Connection& connection,
                                              const std::string& message);

// What is reported for a run that was not asked about, or whose last call was refused and which
// was then given up on: it is certainly not deleted, by this command.
[[nodiscard]] DeleteResult MakeNotAttempted(const DeleteRequest& request,
                                            const Connection& connection,
                                            const std::string& message);

// The reasons of these two. Their domain is `evalrunctl`.
inline constexpr char kConnectFailed[] = "CONNECT_FAILED";
inline constexpr char kNotAttempted[] = "NOT_TRIED";

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_DELETE_RESULT_H_

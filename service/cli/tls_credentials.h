// File: tls_credentials.h
//
// The files that the TLS flags name, read and checked before anything connects: gRPC says of a
// wrong one only that the connection failed.
#ifndef EVALRUN_SERVICE_CLI_TLS_CREDENTIALS_H_
#define EVALRUN_SERVICE_CLI_TLS_CREDENTIALS_H_

#include <memory>

#include <absl/status/statusor.h>
#include <grpcpp/security/credentials.h>

#include "service/cli/delete_result.h"

namespace evalrun::cli {

// An error is a sentence without its full stop that names the flag and the file; never what stands
// in a file.
[[nodiscard]] absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> LoadTlsCredentials(
    const Tls& tls);

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_TLS_CREDENTIALS_H_

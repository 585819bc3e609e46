// SPDX-License-Identifier: Apache-2.0
//
// File: tls_credentials.h
//
// Reads and checks the files named by the TLS flags before connecting, because gRPC reports a bad
// file only as a failed connection.
#ifndef EVALRUN_SERVICE_CLI_TLS_CREDENTIALS_H_
#define EVALRUN_SERVICE_CLI_TLS_CREDENTIALS_H_

#include <memory>

#include <absl/status/statusor.h>
#include <grpcpp/security/credentials.h>

#include "service/cli/delete_result.h"

namespace evalrun::cli {

// The error message is a sentence without its full stop that names the flag and the file. It never
// contains anything from the file.
[[nodiscard]] absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> LoadTlsCredentials(
    const Tls& tls);

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_TLS_CREDENTIALS_H_
